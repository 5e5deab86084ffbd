package process

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/kfmesh/kfmesh/internal/boottime"
	"github.com/kfmesh/kfmesh/internal/cgroup"
	"github.com/kfmesh/kfmesh/internal/enter"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/fence"
	"github.com/kfmesh/kfmesh/internal/pod"
	"github.com/kfmesh/kfmesh/internal/rsh"
	"github.com/kfmesh/kfmesh/internal/supervise"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/environ"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/image"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// starter starts the attempts of one replica.
type starter struct {
	runtime *Runtime
	at      runtime.Place
	order   runtime.Order
	spec    supervise.Spec // without the journal; filled in by Prepare
	python  string         // path of the interpreter; empty without one
	enter   *enter.Plan    // without the refusal; nil when the command starts as it is
	pod     *pod.Plan      // without the verdict; nil when the command is alone
	limits  cgroup.Limits
	deny    []cgroup.Device // of GPUs that it was not given, where it can be kept from them
}

// Prepare implements runtime.Starter.
func (s *starter) Prepare(ctx context.Context, o runtime.Order) error {
	s.order = o
	entry := s.lookup(o.Template.GetImage())
	args, err := commandLine(o.Template.GetImage(), o.Command, o.Args, entry)
	if err != nil {
		return err
	}
	who, err := s.identify()
	if err == nil {
		err = s.handOver(who)
	}
	if err != nil {
		return err
	}
	env, err := s.pythonEnvironment(ctx, entry, args, s.environment(entry, who, slices.Concat(kin(o), o.Env)))
	if err != nil {
		return s.installFailed(err)
	}
	s.spec.Args, s.spec.Env, s.spec.WorkDir, s.spec.Log = args, env, o.WorkDir, o.Log
	s.spec.Grace, s.spec.Lease, s.spec.Term = o.Grace, o.Lease, o.Term
	if err := s.surround(ctx, who); err != nil {
		return s.installFailed(err)
	}
	if s.enter = s.plan(who); s.enter != nil || s.pod != nil {
		s.spec.Fork = nil // it would be where its supervisor is
	}
	s.limit()
	s.withhold()
	return nil
}

// lookup returns what stands in for an image, and warns where that is nothing but the
// host.
func (s *starter) lookup(name string) image.Entry {
	entry, known := s.runtime.Images.Lookup(name)
	if !known && name != "" {
		s.order.Tell.Warn(fmt.Sprintf("image %s is not in the image map, so its command runs on the host as it is", name))
	}
	return entry
}

func commandLine(of string, command, args []string, entry image.Entry) ([]string, error) {
	if len(command) == 0 {
		command = entry.Entrypoint
	}
	line := append(append([]string{}, command...), args...)
	if len(line) == 0 {
		return nil, fault.Preconditionf("there is no command, and the entry point of image %q is not known on a host", of)
	}
	return line, nil
}

// environment is everything but what Python needs, around what a container sets itself.
func (s *starter) environment(entry image.Entry, who identity, own []string) []string {
	env := append([]string{}, s.runtime.Env...)
	for name, value := range entry.Env {
		env = append(env, name+"="+value)
	}
	env = environ.Default(env, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	env = environ.Default(env, "HOME", s.order.WorkDir)
	env = environ.Default(env, "LANG", "C.UTF-8")
	env = environ.Default(env, "PYTHONUNBUFFERED", "1") // so that a log can be followed
	env = append(env, s.order.VisibleGPUs(runtime.Nvidia)...)
	env = append(env, s.order.VisibleGPUs(runtime.AMD)...)
	if who.user != nil { // the agent's is another's
		env = append(env, "HOME="+s.order.WorkDir)
	}
	return append(env, own...)
}

// kin is how the command finds the program by which others have commands run in it.
func kin(o runtime.Order) []string {
	if o.RSH == "" {
		return nil
	}
	return []string{rsh.Program + "=" + o.RSH}
}

// Start implements runtime.Starter.
func (s *starter) Start(_ context.Context, n int) (runtime.Attempt, error) {
	spec := s.spec
	spec.Journal = journal(s.at, n)
	spec.Group = s.group(n)
	if at := s.order.Deadline; !at.IsZero() {
		spec.Deadline = boottime.Now().Add(time.Until(at))
	}
	spec, err := s.surrounded(spec)
	if err == nil {
		spec, err = s.entered(spec)
	}
	if err == nil {
		err = fence.Raise(spec.Group)
	}
	if err != nil {
		return nil, err
	}
	epoch, err := s.runtime.supervisors.Launch(spec)
	if err != nil {
		return nil, err
	}
	return &attempt{journal: spec.Journal, epoch: epoch}, nil
}

// Close implements runtime.Starter: there is nothing to let go of.
func (*starter) Close() {}
