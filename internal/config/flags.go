package config

import (
	"fmt"
	"reflect"
	"time"

	"github.com/spf13/pflag"
)

// setting is one field of a configuration struct.
type setting struct {
	name  string
	usage string
	field reflect.Value // addressable
}

// Bind makes one flag for every setting of cfg, a pointer to a struct, with the
// present value as its default, and --config. It panics on a struct that cannot
// be bound, which is a mistake of the program's, not of its user's.
func Bind(flags *pflag.FlagSet, cfg any) {
	for _, s := range settingsOf(cfg) {
		bind(flags, s)
	}
	if flags.Lookup(fileFlag) == nil {
		flags.String(fileFlag, "", "YAML `file` with any of these settings")
	}
}

// bind registers a flag that holds its value apart from the struct: Load alone
// writes the struct, so that the order of file, environment and flags is kept.
func bind(flags *pflag.FlagSet, s setting) {
	usage := fmt.Sprintf("%s (%s)", s.usage, variable(s.name))
	switch v := s.field.Interface().(type) {
	case string:
		flags.String(s.name, v, usage)
	case Secret:
		flags.String(s.name, "", usage)
	case bool:
		flags.Bool(s.name, v, usage)
	case int:
		flags.Int(s.name, v, usage)
	case int64:
		flags.Int64(s.name, v, usage)
	case float64:
		flags.Float64(s.name, v, usage)
	case time.Duration:
		flags.Duration(s.name, v, usage)
	case []string:
		flags.StringSlice(s.name, v, usage)
	default:
		panic(fmt.Sprintf("config: setting %s has type %T, which has no flag", s.name, v))
	}
}

// settingsOf lists the settings of a pointer to a struct, nested ones included.
func settingsOf(cfg any) []setting {
	v := reflect.ValueOf(cfg)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("config: want a pointer to a struct, have %T", cfg))
	}
	return appendSettings(nil, v.Elem())
}

func appendSettings(settings []setting, v reflect.Value) []setting {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		switch name := field.Tag.Get("koanf"); {
		case isNested(field):
			settings = appendSettings(settings, v.Field(i))
		case name == "" || name == "-":
		default:
			settings = append(settings, setting{name: name, usage: field.Tag.Get("usage"), field: v.Field(i)})
		}
	}
	return settings
}

func isNested(f reflect.StructField) bool {
	return f.Type.Kind() == reflect.Struct && f.Tag.Get("koanf") == ",squash"
}
