package tilt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.starlark.net/starlark"
	"sigs.k8s.io/yaml"
)

// value carries a Go value through the Tiltfile.
type value struct{ of any }

// String implements starlark.Value.
func (v *value) String() string { return fmt.Sprint(v.of) }

// Type implements starlark.Value.
func (v *value) Type() string { return fmt.Sprintf("%T", v.of) }

// Freeze implements starlark.Value; there is nothing that could change.
func (v *value) Freeze() {}

// Truth implements starlark.Value.
func (v *value) Truth() starlark.Bool { return true }

// Hash implements starlark.Value.
func (v *value) Hash() (uint32, error) { return 0, errors.New("unhashable: " + v.Type()) }

// texts reads a list of strings. A single string is not accepted: commands are
// written as lists, so that no shell takes them apart.
func texts(v starlark.Value) ([]string, error) {
	if v == nil {
		return nil, nil
	}
	list, ok := v.(starlark.Iterable)
	if !ok {
		return nil, fmt.Errorf("want a list of strings, have %s", v)
	}
	var all []string
	for item := range starlark.Elements(list) {
		text, ok := starlark.AsString(item)
		if !ok {
			return nil, fmt.Errorf("want a list of strings, have %s", v)
		}
		all = append(all, text)
	}
	return all, nil
}

func environment(v starlark.Value) (map[string]string, error) {
	if v == nil {
		return nil, nil
	}
	dict, ok := v.(*starlark.Dict)
	if !ok {
		return nil, fmt.Errorf("want a dictionary of strings, have %s", v)
	}
	env := map[string]string{}
	for name, entry := range starlark.Entries(dict) {
		key, isText := starlark.AsString(name)
		text, isTextToo := starlark.AsString(entry)
		if !isText || !isTextToo {
			return nil, fmt.Errorf("want a dictionary of strings, have %s", v)
		}
		env[key] = text
	}
	return env, nil
}

// readYAML reads a file with a flat mapping, which is all the Tiltfile needs.
func readYAML(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var path string
	if err := starlark.UnpackArgs("read_yaml", args, kwargs, "paths", &path); err != nil {
		return nil, err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var mapping map[string]any
	if err := yaml.Unmarshal(content, &mapping); err != nil {
		return nil, fmt.Errorf("read_yaml %s: %w", path, err)
	}
	dict := starlark.NewDict(len(mapping))
	for key, entry := range mapping {
		scalar, err := scalarValue(entry)
		if err != nil {
			return nil, fmt.Errorf("read_yaml %s: %s: %w", path, key, err)
		}
		if err := dict.SetKey(starlark.String(key), scalar); err != nil {
			return nil, err
		}
	}
	return dict, nil
}

func scalarValue(entry any) (starlark.Value, error) {
	switch v := entry.(type) {
	case string:
		return starlark.String(v), nil
	case bool:
		return starlark.Bool(v), nil
	case float64:
		return starlark.MakeInt64(int64(v)), nil
	}
	return nil, fmt.Errorf("want a string, a number or a boolean, have %T", entry)
}

func pathJoin(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	parts, err := texts(args)
	if err != nil || len(kwargs) > 0 {
		return nil, errors.Join(err, starlark.UnpackArgs("join", nil, kwargs))
	}
	return starlark.String(filepath.Join(parts...)), nil
}

func pathAbs(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var path string
	if err := starlark.UnpackArgs("abspath", args, kwargs, "path", &path); err != nil {
		return nil, err
	}
	absolute, err := filepath.Abs(path)
	return starlark.String(absolute), err
}
