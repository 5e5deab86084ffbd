// Package process runs replicas as processes of the host, under supervisors that
// outlive the agent (package supervise).
//
// The image map says what an image means here: an interpreter, an environment, an
// entry point. A replica inherits the agent's environment as package environ
// leaves it, and gets the Python packages that its command is about to install from
// the cache of package pyenv.
//
// In a replica's directory:
//
// CPU and memory limits are kept by control groups (package cgroup), where this agent may
// make them, and so is a replica kept from GPUs that it was not given (package fence).
//
//	epoch.<n>   the journal of attempt n, which is the claim on it too
//	site/       packages that the replica itself installs
package process

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/cgroup"
	"github.com/kfmesh/kfmesh/internal/supervise"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/image"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/pyenv"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// Options are what the runtime works with.
type Options struct {
	Supervisor []string // program and leading arguments
	Prober     []string // program for probes by TLS and gRPC; empty where there is none
	Env        []string // what replicas inherit
	Shared     []string // directories that all replicas need, such as that of artifacts
	Images     *image.Map
	Pythons    *pyenv.Finder
	Envs       *pyenv.Cache
	Limits     func() cgroup.Place // finds where limits can be kept; nil when they are not to be
	Processes  int64               // that a replica may have at once; 0 means any number
	Log        *slog.Logger
}

// Runtime runs processes. Its zero value is of no use.
type Runtime struct {
	Options
	supervisors *supervise.Pool
	place       func() cgroup.Place // as Limits found it first

	fencing sync.Once
	fence   fenced // set by fencing
}

var _ runtime.Runtime = (*Runtime)(nil)

// New returns the runtime. Close ends its use.
func New(o Options) *Runtime {
	return &Runtime{Options: o, supervisors: supervise.NewPool(o.Supervisor), place: sync.OnceValue(o.limits)}
}

// Close lets go of the supervisors: they end once what they run has ended.
func (r *Runtime) Close() { r.supervisors.Close() }

// Name implements runtime.Runtime.
func (*Runtime) Name() string { return runtime.Process }

// Check implements runtime.Runtime: there are always processes. It looks after the control
// groups of those that were lost, too.
func (r *Runtime) Check(context.Context) (string, error) {
	r.place().Sweep(time.Now())
	return "", nil
}

// Suits reports whether the image map says what the image means here.
func (r *Runtime) Suits(name string) bool {
	_, known := r.Images.Lookup(name)
	return known || name == ""
}

// WorkDir implements runtime.Runtime: processes see the host's directories.
func (r *Runtime) WorkDir(t *gpuagentv1.Template, own string) string {
	switch dir := t.GetWorkingDir(); {
	case filepath.IsAbs(dir):
		return filepath.Clean(dir)
	case dir != "":
		return filepath.Join(own, dir)
	}
	if entry, _ := r.Images.Lookup(t.GetImage()); entry.WorkingDir != "" {
		return entry.WorkingDir
	}
	return own
}

// Open implements runtime.Runtime.
func (r *Runtime) Open(at runtime.Place) runtime.Starter { return &starter{runtime: r, at: at} }

// Adopt implements runtime.Runtime.
func (r *Runtime) Adopt(at runtime.Place, n int) runtime.Attempt {
	path := journal(at, n)
	return &attempt{journal: path, epoch: supervise.Adopt(path)}
}

// Forget implements runtime.Runtime: nothing of a process is elsewhere.
func (*Runtime) Forget(context.Context, runtime.Place) error { return nil }
