// Package tilt evaluates the Tiltfile without Tilt, so that a test can check
// what `tilt up` would start and start it.
//
// The builtins here take the parameters that Tilt's take (docs.tilt.dev/api.html)
// and refuse others; those that the Tiltfile does not use are missing.
package tilt

import (
	"fmt"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"
)

// Resource is one thing that Tilt builds and keeps running.
type Resource struct {
	Name     string
	Cmd      []string          // builds it; may be empty
	ServeCmd []string          // runs until it is stopped
	ServeEnv map[string]string // over the environment of Tilt
	Deps     []string          // paths whose changes build it again
	Needs    []string          // resources that must be ready before it starts
	Ready    *Probe            // nil means ready once started
	Links    []string          // URLs
}

// Probe says how to find out whether a resource is ready. One field is set.
type Probe struct {
	URL     string // a GET succeeds
	Address string // a TCP connection succeeds
}

// Evaluate runs the Tiltfile with settings, as given after `tilt up --`, and
// returns its resources in the order in which they are declared. Paths in the
// file are relative to the current directory, as they are to Tilt's.
func Evaluate(file string, settings map[string]string) ([]Resource, error) {
	e := &evaluation{settings: settings, defined: map[string]bool{}}
	options := &syntax.FileOptions{Set: true, TopLevelControl: true, GlobalReassign: true}
	thread := &starlark.Thread{Name: file}
	if _, err := starlark.ExecFileOptions(options, thread, file, nil, e.builtins()); err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", file, err)
	}
	for name := range settings {
		if !e.defined[name] {
			return nil, fmt.Errorf("%s defines no setting %q", file, name)
		}
	}
	return e.resources, nil
}

// evaluation collects what one Tiltfile declares.
type evaluation struct {
	settings  map[string]string
	defined   map[string]bool
	resources []Resource
}

// builtin is a function of the Tiltfile's dialect.
type builtin func(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error)

func (e *evaluation) builtins() starlark.StringDict {
	return starlark.StringDict{
		"local_resource":    function("local_resource", e.localResource),
		"probe":             function("probe", probe),
		"http_get_action":   function("http_get_action", httpGetAction),
		"tcp_socket_action": function("tcp_socket_action", tcpSocketAction),
		"link":              function("link", link),
		"read_yaml":         function("read_yaml", readYAML),
		"config": module("config", starlark.StringDict{
			"define_string": function("define_string", e.defineString),
			"parse":         function("parse", e.parse),
		}),
		"os": module("os", starlark.StringDict{
			"path": module("path", starlark.StringDict{
				"join":    function("join", pathJoin),
				"abspath": function("abspath", pathAbs),
			}),
		}),
	}
}

func function(name string, f builtin) *starlark.Builtin {
	return starlark.NewBuiltin(name, func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		return f(args, kwargs)
	})
}

func module(name string, members starlark.StringDict) *starlarkstruct.Module {
	return &starlarkstruct.Module{Name: name, Members: members}
}

func (e *evaluation) defineString(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name, usage string
	var positional bool
	if err := starlark.UnpackArgs("define_string", args, kwargs, "name", &name, "args?", &positional, "usage?", &usage); err != nil {
		return nil, err
	}
	e.defined[name] = true
	return starlark.None, nil
}

func (e *evaluation) parse(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := starlark.UnpackArgs("parse", args, kwargs); err != nil {
		return nil, err
	}
	parsed := starlark.NewDict(len(e.settings))
	for name, value := range e.settings {
		if err := parsed.SetKey(starlark.String(name), starlark.String(value)); err != nil {
			return nil, err
		}
	}
	return parsed, nil
}
