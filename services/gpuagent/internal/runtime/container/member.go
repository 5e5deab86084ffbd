package container

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	enginecontainer "github.com/moby/moby/api/types/container"
	enginemount "github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/internal/pod"
	"github.com/kfmesh/kfmesh/internal/tether"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// member is a container of a replica.
type member struct {
	name  string // of a companion; empty for the container that counts
	order runtime.Order
	image imageFacts
	spec  client.ContainerCreateOptions // without its name
}

// podClaim is what one must know to go on with a pod.
type podClaim struct {
	// Plan has each container's name in the engine for its only argument. What it runs, and its
	// environment, the engine has.
	Plan pod.Plan
	// Network is the container that holds the pod's network; empty where that is the node's.
	Network string `json:",omitempty"`
	// Offsets are where in the logs of companions this attempt begins, by their names.
	Offsets map[string]int64 `json:",omitempty"`
}

// containers are the names that an attempt's containers have in the engine.
func (c *claim) containers() []string {
	names := []string{c.Name}
	if c.Pod == nil {
		return names
	}
	for _, other := range slices.Concat(c.Pod.Plan.Init, c.Pod.Plan.Beside) {
		names = append(names, engineName(other))
	}
	if c.Pod.Network != "" {
		names = append(names, c.Pod.Network) // last: the others use it
	}
	return names
}

// engineName is the name of a container of a podClaim.
func engineName(c pod.Container) string { return c.Args[0] }

// surround makes ready what runs around the command.
func (s *starter) surround(ctx context.Context) error {
	p := s.order.Pod
	if p == nil {
		return nil
	}
	for _, c := range slices.Concat(p.Init, p.Beside) {
		m, err := s.member(ctx, companionOrder(s.order, c))
		if err != nil {
			return &runtime.Failure{Reason: runtime.ReasonOf(err), Err: fmt.Errorf("container %s: %w", c.Name, err)}
		}
		m.name = c.Name
		s.others = append(s.others, m)
	}
	if !s.ownNetwork() {
		return nil
	}
	if len(s.runtime.Supervisor) == 0 {
		return errors.New("a pod needs kfmesh-supervisor to hold its network")
	}
	for i := range s.others {
		s.share(&s.others[i])
	}
	s.share(&s.main)
	return nil
}

// companionOrder is what a container beside the one that counts is to run: it sees the same
// files, runs as the same user, and has limits of its own.
func companionOrder(o runtime.Order, c runtime.Companion) runtime.Order {
	t := proto.CloneOf(o.Template)
	t.Image, t.ImagePullPolicy, t.Resources, t.WorkingDir = c.Image, c.PullPolicy, c.Resources, ""
	if c.WorkingDir != "" {
		t.WorkingDir = c.Container.WorkDir
	}
	o.Template, o.Command, o.Args, o.Env, o.RSH = t, c.Command, c.Args, c.Env, ""
	o.GPUs, o.Ports, o.Pod = nil, nil, nil
	return o
}

// ownNetwork reports whether a pod has a network that is not the node's, which its containers
// have to share then.
func (s *starter) ownNetwork() bool {
	return s.order.Pod != nil && !enginecontainer.NetworkMode(s.runtime.Network).IsHost()
}

// share marks a container as one that uses the network of its pod. What belongs to a
// network it leaves to who holds that.
func (s *starter) share(m *member) {
	config, host := *m.spec.Config, *m.spec.HostConfig
	config.ExposedPorts, host.PortBindings, host.ExtraHosts = nil, nil, nil
	m.spec.Config, m.spec.HostConfig = &config, &host
}

// podClaim is what is to be known of the pod; nil where the container that counts is alone.
func (s *starter) podClaim(name string) *podClaim {
	p := s.order.Pod
	if p == nil {
		return nil
	}
	made := &podClaim{Plan: pod.Plan{Main: named(p.Main, name), Grace: s.order.Grace}, Offsets: map[string]int64{}}
	for _, c := range p.Init {
		made.Plan.Init = append(made.Plan.Init, named(c.Container, name+"."+c.Name))
	}
	for _, c := range p.Beside {
		made.Plan.Beside = append(made.Plan.Beside, named(c.Container, name+"."+c.Name))
	}
	for _, m := range s.others {
		made.Offsets[m.name] = size(companionLog(s.order.Log, m.name))
	}
	if s.ownNetwork() {
		made.Network = name + "_network" // which no companion can be called
	}
	return made
}

// named is a container without what is not to be on disk.
func named(c pod.Container, name string) pod.Container {
	c.Args, c.Env = []string{name}, nil
	return c
}

// companionLog is the log of a container that has one beside that of its replica.
func companionLog(log, name string) string { return log + "." + name }

// createOthers makes the containers of a pod but the one that counts.
func (s *starter) createOthers(ctx context.Context, journal string, c claim, n int) error {
	if c.Pod == nil {
		return nil
	}
	if c.Pod.Network != "" {
		if _, err := s.create(ctx, s.network(), journal, c.Pod.Network, n); err != nil {
			return err
		}
		mode := enginecontainer.NetworkMode("container:" + c.Pod.Network)
		s.main.spec.HostConfig.NetworkMode, s.main.spec.HostConfig.IpcMode = mode, enginecontainer.IpcMode(mode)
		for i := range s.others {
			s.others[i].spec.HostConfig.NetworkMode, s.others[i].spec.HostConfig.IpcMode = mode, enginecontainer.IpcMode(mode)
		}
	}
	for _, m := range s.others {
		if _, err := s.create(ctx, m, journal, c.Name+"."+m.name, n); err != nil {
			return fmt.Errorf("container %s: %w", m.name, err)
		}
	}
	return nil
}

// network is a container that does nothing but hold the network of a pod, in the image of
// the one that counts. It is under the lease of the others, and outlasts their deadline.
func (s *starter) network() member {
	o := s.order
	o.Deadline = time.Time{}
	o.Command, o.Args = slices.Concat([]string{insideProgram}, s.runtime.Supervisor[1:], []string{tether.PauseVerb}), nil
	ports, bindings := publish(o.Ports)
	m := member{name: "_network", order: o, image: s.main.image, spec: client.ContainerCreateOptions{
		Config: &enginecontainer.Config{
			Image: o.Template.GetImage(), Entrypoint: o.Command, User: "0", Labels: o.Labels, ExposedPorts: ports,
		},
		HostConfig: &enginecontainer.HostConfig{
			NetworkMode: enginecontainer.NetworkMode(s.runtime.Network), IpcMode: enginecontainer.IPCModeShareable,
			PortBindings: bindings, ExtraHosts: extraHosts(o.Hosts), LogConfig: enginecontainer.LogConfig{Type: "json-file"},
		},
	}}
	if o.Lease == "" { // otherwise its tether brings it
		m.spec.HostConfig.Mounts = []enginemount.Mount{s.program()}
	}
	return m
}
