// Package config fills a configuration struct from a YAML file, KFMESH_*
// environment variables and command-line flags, later ones winning.
//
// A setting is a struct field with a koanf tag, its dashed name, and a usage
// tag, the help text. The struct's values before Bind are the defaults. The
// setting "data-dir" is the flag --data-dir, the variable KFMESH_DATA_DIR and
// the key data-dir of the file that --config or KFMESH_CONFIG names. Structs
// nest with the tag `koanf:",squash"`; names are flat and unique.
//
//	type Config struct {
//		DataDir string `koanf:"data-dir" usage:"directory that holds everything"`
//	}
package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"

	"github.com/kfmesh/kfmesh/internal/fault"
)

const (
	fileFlag  = "config"
	envPrefix = "KFMESH_"
	delimiter = "." // of nested keys; setting names hold none
)

// Secret is a setting whose value is never printed.
type Secret string

// String hides the value; an empty secret shows as empty.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString hides the value from %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the value from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Validator is a configuration, or a nested part of one, that can say what is
// wrong with it.
type Validator interface{ Validate() error }

// Load fills cfg, a pointer to the struct that Bind made flags for, and
// validates it and its parts. environ is os.Environ() or a test's own.
func Load(flags *pflag.FlagSet, cfg any, environ []string) error {
	settings := settingsOf(cfg)
	k := koanf.New(delimiter)
	if err := loadFile(k, flags, environ, settings); err != nil {
		return err
	}
	known := func(key, value string) (string, any) {
		name := settingName(key)
		if !slices.ContainsFunc(settings, func(s setting) bool { return s.name == name }) {
			return "", nil
		}
		return name, value
	}
	fromEnv := env.Provider(delimiter, env.Opt{
		Prefix: envPrefix, TransformFunc: known, EnvironFunc: func() []string { return environ },
	})
	if err := k.Load(fromEnv, nil); err != nil {
		return fmt.Errorf("read environment: %w", err)
	}
	if err := k.Load(posflag.Provider(flags, delimiter, nil), nil); err != nil {
		return fmt.Errorf("read flags: %w", err)
	}
	if err := decode(k, cfg); err != nil {
		return err
	}
	return validate(reflect.ValueOf(cfg))
}

func loadFile(k *koanf.Koanf, flags *pflag.FlagSet, environ []string, settings []setting) error {
	path, _ := flags.GetString(fileFlag)
	if path == "" {
		path = lookup(environ, envPrefix+"CONFIG")
	}
	if path == "" {
		return nil
	}
	if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return fault.Invalidf(fileFlag, "file %s does not exist", path)
		}
		return fault.Invalidf(fileFlag, "file %s is not valid YAML: %v", path, err)
	}
	for _, key := range k.Keys() {
		if !slices.ContainsFunc(settings, func(s setting) bool { return s.name == key }) {
			return fault.Invalidf(key, "unknown key in %s; %s", path, suggest(key, settings))
		}
	}
	return nil
}

func decode(k *koanf.Koanf, cfg any) error {
	err := k.UnmarshalWithConf("", cfg, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		Result:           cfg,
		TagName:          "koanf",
		WeaklyTypedInput: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(),
			mapstructure.StringToSliceHookFunc(","),
		),
	}})
	if err != nil {
		return fault.Invalidf("", "configuration: %v", err)
	}
	return nil
}

// validate calls Validate on v and on every struct nested in it.
func validate(v reflect.Value) error {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if c, ok := v.Addr().Interface().(Validator); ok {
		return c.Validate()
	}
	for i := range v.NumField() {
		if isNested(v.Type().Field(i)) {
			if err := validate(v.Field(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func lookup(environ []string, name string) string {
	for _, kv := range slices.Backward(environ) {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}

// settingName turns KFMESH_DATA_DIR into data-dir.
func settingName(variable string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(variable, envPrefix)), "_", "-")
}

func suggest(key string, settings []setting) string {
	for _, s := range settings {
		if strings.ReplaceAll(key, "_", "-") == s.name || strings.EqualFold(key, s.name) {
			return fmt.Sprintf("did you mean %q?", s.name)
		}
	}
	names := make([]string, len(settings))
	for i, s := range settings {
		names[i] = s.name
	}
	return "known keys are " + strings.Join(names, ", ")
}

// variable turns data-dir into KFMESH_DATA_DIR.
func variable(name string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}
