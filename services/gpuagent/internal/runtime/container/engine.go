package container

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/environ"
)

// engine is one container engine.
type engine struct {
	*client.Client
	host  string
	facts atomic.Pointer[facts] // nil until it has answered
}

// facts are what an engine says of itself.
type facts struct {
	version  string // such as "Docker 29.1.3"
	rootless bool   // user 0 of a container is the user that the engine runs as
}

// remove removes a container, running or not. One that is not there is removed.
func (e *engine) remove(ctx context.Context, name string) error {
	_, err := e.ContainerRemove(ctx, name, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !cerrdefs.IsNotFound(err) {
		return fmt.Errorf("remove container %s: %w", name, err)
	}
	return nil
}

// engines are the engines in use, by host: what one has begun only that one can
// tell of, whatever the configuration says by now.
type engines struct {
	mu     sync.Mutex
	byHost map[string]*engine // guarded by mu
}

// at returns the engine of a host, whether or not it answers.
func (s *engines) at(host string) (*engine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.byHost[host]; ok {
		return e, nil
	}
	c, err := client.New(client.WithTLSClientConfigFromEnv(), client.WithHost(host))
	if err != nil {
		return nil, fmt.Errorf("container engine %s: %w", host, err)
	}
	if s.byHost == nil {
		s.byHost = map[string]*engine{}
	}
	e := &engine{Client: c, host: host}
	s.byHost[host] = e
	return e, nil
}

// find returns the first engine that answers.
func (s *engines) find(ctx context.Context, hosts []string) (*engine, error) {
	var last error
	for _, host := range hosts {
		e, err := s.at(host)
		if err == nil {
			err = e.learn(ctx)
		}
		if err == nil {
			return e, nil
		}
		last = err
	}
	if last == nil {
		return nil, fault.Unavailablef("no container engine was found: neither DOCKER_HOST nor a socket at %s", strings.Join(sockets("/run/user/UID"), ", "))
	}
	return nil, fault.Unavailablef("no container engine answers at %s: %v", strings.Join(hosts, ", "), last)
}

// learn asks an engine what it is, once, and afterwards only whether it is there.
func (e *engine) learn(ctx context.Context) error {
	if err := e.ping(ctx); err != nil || e.facts.Load() != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	v, err := e.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return err
	}
	info, err := e.Info(ctx, client.InfoOptions{})
	if err != nil {
		return err
	}
	e.facts.Store(&facts{
		version:  product(v) + " " + v.Version,
		rootless: slices.Contains(info.Info.SecurityOptions, "name=rootless"),
	})
	return nil
}

func (e *engine) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	_, err := e.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
	return err
}

func product(v client.ServerVersionResult) string {
	for _, component := range v.Components {
		if strings.Contains(component.Name, "Podman") {
			return "Podman"
		}
	}
	return "Docker"
}

func (s *engines) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.byHost {
		_ = e.Close() // idle connections only
	}
}

// hosts are the addresses at which to look for an engine, in order.
func hosts(configured string, env []string) []string {
	if configured != "" {
		return []string{configured}
	}
	if host, ok := environ.Lookup(env, client.EnvOverrideHost); ok && host != "" {
		return []string{host}
	}
	runtimeDir, _ := environ.Lookup(env, "XDG_RUNTIME_DIR")
	var found []string
	for _, socket := range sockets(runtimeDir) {
		if _, err := os.Stat(socket); err == nil {
			found = append(found, "unix://"+socket)
		}
	}
	return found
}

// sockets are the places where engines listen when nobody says otherwise.
func sockets(runtimeDir string) []string {
	paths := []string{"/var/run/docker.sock", "/run/podman/podman.sock"}
	if runtimeDir != "" {
		paths = append(paths, runtimeDir+"/docker.sock", runtimeDir+"/podman/podman.sock")
	}
	return paths
}
