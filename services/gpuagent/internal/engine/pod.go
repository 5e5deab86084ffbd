package engine

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/pod"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/expand"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// Probes where nothing is said, as Kubernetes has it.
const (
	probePeriod   = 10 * time.Second
	probeWithin   = time.Second
	probeFailures = 3
)

// pod is what runs around the replica's command; nil when that is nothing. It holds values
// of secrets and is kept nowhere.
func (r *replica) pod(ctx context.Context, scope expand.Scope, from *values) (*runtime.Pod, error) {
	t := r.template
	main, err := r.contained("main", t.GetStartupProbe(), t.GetLivenessProbe(), t.GetLifecycle())
	if err != nil {
		return nil, err
	}
	if p := t.GetReadinessProbe(); p.GetHandler() != nil {
		if main.Readiness, err = r.asked(p); err != nil {
			return nil, err
		}
	}
	out := &runtime.Pod{Main: main}
	if out.Init, err = r.companions(ctx, t.GetInitContainers(), scope, from); err != nil {
		return nil, err
	}
	if out.Beside, err = r.companions(ctx, t.GetCompanions(), scope, from); err != nil {
		return nil, err
	}
	if len(out.Init)+len(out.Beside) == 0 && bare(main) {
		return nil, nil
	}
	return out, nil
}

// bare reports whether nothing is asked of a container and nothing done around it.
func bare(c pod.Container) bool {
	return c.Startup == nil && c.Liveness == nil && c.Readiness == nil && c.PostStart == nil && c.PreStop == nil
}

func (r *replica) companions(ctx context.Context, all []*gpuagentv1.Companion, scope expand.Scope, from *values) ([]runtime.Companion, error) {
	var out []runtime.Companion
	for _, c := range all {
		made, err := r.companion(ctx, c, scope, from)
		if err != nil {
			return nil, fmt.Errorf("container %s: %w", c.GetName(), err)
		}
		out = append(out, made)
	}
	return out, nil
}

var restarts = map[gpuagentv1.RestartPolicy]pod.Restart{
	gpuagentv1.RestartPolicy_RESTART_POLICY_ALWAYS:     pod.Always,
	gpuagentv1.RestartPolicy_RESTART_POLICY_ON_FAILURE: pod.OnFailure,
}

func (r *replica) companion(ctx context.Context, c *gpuagentv1.Companion, scope expand.Scope, from *values) (runtime.Companion, error) {
	out := runtime.Companion{Image: c.GetImage(), PullPolicy: c.GetImagePullPolicy(), WorkingDir: c.GetWorkingDir(), Resources: c.GetResources()}
	var err error
	if out.Container, err = r.contained(c.GetName(), c.GetStartupProbe(), c.GetLivenessProbe(), c.GetLifecycle()); err != nil {
		return out, err
	}
	if out.Command, err = expand.Strings(c.GetCommand(), scope); err != nil {
		return out, err
	}
	if out.Args, err = expand.Strings(c.GetArgs(), scope); err != nil {
		return out, err
	}
	env, err := from.environment(ctx, scope, c.GetEnvFrom(), c.GetEnv())
	if err != nil {
		return out, err
	}
	if r.template.GetExpandVariables() {
		expandVariables(env, out.Command, out.Args)
	}
	out.Env, out.Restart, out.WorkDir = append(r.about(), env...), restarts[c.GetRestartPolicy()], scope.WorkDir
	if dir := c.GetWorkingDir(); filepath.IsAbs(dir) {
		out.WorkDir = filepath.Clean(dir)
	} else if dir != "" {
		out.WorkDir = filepath.Join(scope.WorkDir, dir)
	}
	return out, nil
}

// contained is a container with its probes and hooks.
func (r *replica) contained(name string, startup, liveness *gpuagentv1.Probe, l *gpuagentv1.Lifecycle) (c pod.Container, err error) {
	c.Name = name
	if c.Startup, err = r.asked(startup); err != nil {
		return c, err
	}
	if c.Liveness, err = r.asked(liveness); err != nil {
		return c, err
	}
	if c.PostStart, err = r.action(l.GetPostStart()); err != nil {
		return c, err
	}
	c.PreStop, err = r.action(l.GetPreStop())
	return c, err
}

func (r *replica) asked(p *gpuagentv1.Probe) (*pod.Probe, error) {
	if p == nil {
		return nil, nil
	}
	action, err := r.action(p.GetHandler())
	if err != nil {
		return nil, err
	}
	if action == nil {
		return nil, fault.Preconditionf("a probe has no handler")
	}
	out := &pod.Probe{
		Action: *action, InitialDelay: p.GetInitialDelay().AsDuration(), Failures: int(p.GetFailureThreshold()),
		Period: orElse(p.GetPeriod(), probePeriod), Timeout: orElse(p.GetTimeout(), probeWithin), Grace: p.GetGracePeriod().AsDuration(),
		Successes: int(p.GetSuccessThreshold()),
	}
	if out.Failures == 0 {
		out.Failures = probeFailures
	}
	return out, nil
}

func orElse(d *durationpb.Duration, otherwise time.Duration) time.Duration {
	if d.AsDuration() <= 0 {
		return otherwise
	}
	return d.AsDuration()
}

func (r *replica) action(h *gpuagentv1.Handler) (*pod.Action, error) {
	switch action := h.GetAction().(type) {
	case *gpuagentv1.Handler_Exec:
		return &pod.Action{Exec: action.Exec.GetCommand()}, nil
	case *gpuagentv1.Handler_HttpGet:
		get := action.HttpGet
		address, err := r.address(get.GetHost(), get.GetPort())
		return &pod.Action{HTTP: &pod.Get{Address: address, TLS: get.GetTls(), Path: get.GetPath(), Headers: get.GetHeaders()}}, err
	case *gpuagentv1.Handler_Grpc:
		address, err := r.address("", action.Grpc.GetPort())
		return &pod.Action{GRPC: &pod.Health{Address: address, Service: action.Grpc.GetService()}}, err
	case *gpuagentv1.Handler_Tcp:
		address, err := r.address(action.Tcp.GetHost(), action.Tcp.GetPort())
		return &pod.Action{TCP: address}, err
	case *gpuagentv1.Handler_Sleep:
		return &pod.Action{Sleep: action.Sleep.AsDuration()}, nil
	}
	return nil, nil
}

// address is that of a port of the replica, a number or a name.
func (r *replica) address(host, port string) (string, error) {
	if number, ok := r.status.GetPorts()[port]; ok {
		port = strconv.Itoa(int(number))
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fault.Preconditionf("port %q of a probe is no number and no port of the template", port)
	}
	if host == "" || host == "localhost" {
		host = loopback
	}
	return net.JoinHostPort(host, port), nil
}
