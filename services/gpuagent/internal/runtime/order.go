package runtime

import (
	"context"
	"fmt"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/pod"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/mount"
)

// Order says what the attempts at a replica are to run. Its directories exist.
type Order struct {
	// Template is what was submitted, for what is not resolved below.
	Template *gpuagentv1.Template
	// Command and Args are the template's with their references filled in. Without
	// a command it is for the runtime to know the image's.
	Command, Args []string
	// Env is what kfmesh and the template set, as NAME=value; later entries win.
	// What a replica gets besides is for the runtime to say.
	Env []string
	// WorkDir is the replica's own working directory, which relative paths of staging mean.
	WorkDir string
	// TempDir is TMPDIR.
	TempDir string
	// Keep is the directory that outlives it; empty when there is none.
	Keep string
	// Log is the file that output is appended to.
	Log string
	// GPUs are those it was given. GPUVendors are the vendors of those that the node has,
	// given or not, and Withheld are the devices of those that it was not given.
	GPUs       []GPU
	GPUVendors []string
	Withheld   []*gpuagentv1.DeviceNode
	// Ports are those it was given, by name.
	Ports map[string]int32
	// PullSecrets are what the secrets hold that its image is to be pulled with.
	PullSecrets [][]byte
	// Mounts are to be in its file system beside its own directories.
	Mounts []mount.Mount
	// Hosts are names that the replica may look up beside those that the host knows, where
	// its runtime can have it so.
	Hosts []Host
	// RSH is the path of the program by which others have commands run in it (package rsh);
	// empty where there are no others on other nodes. The replica finds it by a variable.
	RSH string
	// Pod is what runs around the command; nil when that is nothing.
	Pod *Pod
	// Labels say whose it is, for people who look at it from outside.
	Labels map[string]string
	// Deadline, when set, is when it is stopped.
	Deadline time.Time
	// Grace is the time between SIGTERM and SIGKILL.
	Grace time.Duration
	// Term is that of its node in which it may run; see Lease.
	Term string
	// Lease, when set, is the path of the lease that its node holds among others
	// (package supervise): it is killed when that ends.
	Lease string
	// Tell hears what is worth telling while it is prepared.
	Tell Teller
}

// Pod is the containers and probes around a command.
type Pod struct {
	Init, Beside []Companion
	// Main has the probes and hooks of the command.
	Main pod.Container
}

// Companion is a container beside the one that counts.
type Companion struct {
	Image         string
	PullPolicy    gpuagentv1.PullPolicy
	Command, Args []string
	// WorkingDir is what the template says of that; empty when it says nothing.
	WorkingDir string
	// Resources are its own, as a container; nil for none.
	Resources *gpuagentv1.Resources
	// Of the container its name, policy, probes and hooks are set, what is in Env is what
	// it sets itself, and WorkDir is where it starts.
	pod.Container
}

// Teller passes on to whoever looks at a workload what a runtime has to say.
type Teller interface {
	// Warn tells what could not be honoured, once.
	Warn(sentence string)
	// Progress shows what goes on until the returned function is called.
	// say is called every so often with the time spent so far.
	Progress(ctx context.Context, say func(spent time.Duration) string) (end func())
}

// For is what Progress says of work that has no measure but time: "building (12 s)".
func For(what string) func(time.Duration) string {
	return func(spent time.Duration) string {
		if seconds := spent.Round(time.Second); seconds >= time.Second {
			return fmt.Sprintf("%s (%d s)", what, int(seconds.Seconds()))
		}
		return what
	}
}
