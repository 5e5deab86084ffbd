package tilt

import (
	"fmt"
	"slices"

	"go.starlark.net/starlark"
)

// localResource declares a resource. Parameters that change nothing about what
// is started are taken and dropped.
func (e *evaluation) localResource(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	var cmd, serveCmd, serveEnv, deps, needs, ready, links, ignore, labels starlark.Value
	var allowParallel, autoInit bool
	err := starlark.UnpackArgs("local_resource", args, kwargs,
		"name", &name, "cmd?", &cmd, "deps?", &deps, "resource_deps?", &needs, "ignore?", &ignore,
		"auto_init?", &autoInit, "serve_cmd?", &serveCmd, "allow_parallel?", &allowParallel, "links?", &links,
		"serve_env?", &serveEnv, "readiness_probe?", &ready, "labels?", &labels)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(e.resources, func(r Resource) bool { return r.Name == name }) {
		return nil, fmt.Errorf("local_resource: %q is declared twice", name)
	}
	r := Resource{Name: name}
	for _, list := range []struct {
		to   *[]string
		from starlark.Value
	}{{&r.Cmd, cmd}, {&r.ServeCmd, serveCmd}, {&r.Deps, deps}, {&r.Needs, needs}, {&r.Links, links}} {
		if *list.to, err = texts(list.from); err != nil {
			return nil, fmt.Errorf("local_resource %q: %w", name, err)
		}
	}
	if r.ServeEnv, err = environment(serveEnv); err != nil {
		return nil, fmt.Errorf("local_resource %q: %w", name, err)
	}
	if wrapped, ok := ready.(*value); ok {
		p, ok := wrapped.of.(Probe)
		if !ok {
			return nil, fmt.Errorf("local_resource %q: readiness_probe is no probe", name)
		}
		r.Ready = &p
	}
	e.resources = append(e.resources, r)
	return starlark.None, nil
}

// probe is ready when its action succeeds; how often it is tried is Tilt's matter.
func probe(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var delay, timeout, period, successes, failures int
	var httpGet, tcpSocket *value
	err := starlark.UnpackArgs("probe", args, kwargs,
		"initial_delay_secs?", &delay, "timeout_secs?", &timeout, "period_secs?", &period,
		"success_threshold?", &successes, "failure_threshold?", &failures,
		"http_get?", &httpGet, "tcp_socket?", &tcpSocket)
	if err != nil {
		return nil, err
	}
	switch {
	case httpGet != nil && tcpSocket == nil:
		return httpGet, nil
	case tcpSocket != nil && httpGet == nil:
		return tcpSocket, nil
	}
	return nil, fmt.Errorf("probe: want one of http_get and tcp_socket")
}

func httpGetAction(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	port, host, scheme, path := 0, "localhost", "http", "/"
	err := starlark.UnpackArgs("http_get_action", args, kwargs, "port", &port, "host?", &host, "scheme?", &scheme, "path?", &path)
	if err != nil {
		return nil, err
	}
	return &value{of: Probe{URL: fmt.Sprintf("%s://%s:%d%s", scheme, host, port, path)}}, nil
}

func tcpSocketAction(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	port, host := 0, "localhost"
	if err := starlark.UnpackArgs("tcp_socket_action", args, kwargs, "port", &port, "host?", &host); err != nil {
		return nil, err
	}
	return &value{of: Probe{Address: fmt.Sprintf("%s:%d", host, port)}}, nil
}

func link(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var url, name string
	if err := starlark.UnpackArgs("link", args, kwargs, "url", &url, "name?", &name); err != nil {
		return nil, err
	}
	return starlark.String(url), nil
}
