package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/detect"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/expand"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// TraceAnnotation holds the W3C trace context a workload was submitted in.
const TraceAnnotation = "kfmesh.dev/traceparent"

// order is what the runtime is told to run. It holds values of secrets and is
// kept nowhere.
func (r *replica) order(ctx context.Context) (runtime.Order, error) {
	scope, from := r.scope(), r.values()
	command, err := expand.Strings(r.template.GetCommand(), scope)
	if err != nil {
		return runtime.Order{}, err
	}
	args, err := expand.Strings(r.template.GetArgs(), scope)
	if err != nil {
		return runtime.Order{}, err
	}
	env, err := from.environment(ctx, scope, r.template.GetEnvFrom(), r.template.GetEnv())
	if err != nil {
		return runtime.Order{}, err
	}
	if r.template.GetExpandVariables() {
		expandVariables(env, command, args)
	}
	pod, err := r.pod(ctx, scope, from)
	if err != nil {
		return runtime.Order{}, err
	}
	hosts, err := r.hosts(ctx, scope)
	if err != nil {
		return runtime.Order{}, err
	}
	program, kin, err := r.kin(ctx)
	if err != nil {
		return runtime.Order{}, err
	}
	env = slices.Concat(r.about(), kin, env)
	mounts, err := r.attach(ctx, from)
	if err != nil {
		return runtime.Order{}, err
	}
	logins, err := r.pullSecrets(ctx, from)
	if err != nil {
		return runtime.Order{}, err
	}
	grace := defaultGrace
	if r.life.spec.GetGracePeriod() != nil {
		grace = r.life.spec.GetGracePeriod().AsDuration()
	}
	all := r.life.engine.gpus()
	gpus, err := given(all, r.status.GetGpus())
	if err != nil {
		return runtime.Order{}, err
	}
	return runtime.Order{
		Template: r.template, Command: command, Args: args, Env: env,
		WorkDir: scope.WorkDir, TempDir: r.tempDir(), Keep: scope.Keep, Log: logPath(r.dir),
		Labels: r.labels(), Pod: pod, Hosts: hosts, RSH: program,
		GPUs: gpus, GPUVendors: vendorsOf(all), Withheld: detect.Withheld(all, r.status.GetGpus()), Ports: r.status.GetPorts(),
		Mounts: slices.Concat(mounts, r.keepMount(), r.objectsMount()), PullSecrets: logins, Deadline: r.life.deadline(), Grace: grace,
		Lease: r.lease(), Term: r.status.GetNodeTerm(), Tell: r,
	}, nil
}

// lease is the path of the lease that it runs under; empty on the head.
func (r *replica) lease() string {
	if !r.life.engine.Joined {
		return ""
	}
	return r.life.engine.leasePath()
}

// labels say whose a replica is, where its runtime can show that.
func (r *replica) labels() map[string]string {
	m := r.workload.GetMetadata()
	return map[string]string{
		"kfmesh.dev/node":      r.life.engine.Node,
		"kfmesh.dev/namespace": m.GetNamespace(),
		"kfmesh.dev/workload":  m.GetName(),
		"kfmesh.dev/uid":       m.GetUid(),
		"kfmesh.dev/replica":   replicaName(r.status),
	}
}

// expandVariables fills in $(NAME): in variables from those before them, and in the
// command from all.
func expandVariables(env []string, lines ...[]string) {
	values := map[string]string{}
	lookUp := func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
	for i, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		value = expand.Variables(value, lookUp)
		env[i], values[name] = name+"="+value, value
	}
	for _, words := range lines {
		for i, word := range words {
			words[i] = expand.Variables(word, lookUp)
		}
	}
}

// about is what kfmesh sets.
func (r *replica) about() []string {
	m := r.workload.GetMetadata()
	env := []string{
		"TMPDIR=" + r.tempDir(),
		"KFMESH_NAMESPACE=" + m.GetNamespace(),
		"KFMESH_WORKLOAD=" + m.GetName(),
		"KFMESH_REPLICA=" + replicaName(r.status),
	}
	if parent := m.GetAnnotations()[TraceAnnotation]; parent != "" {
		env = append(env, "TRACEPARENT="+parent)
	}
	for name, port := range r.status.GetPorts() {
		env = append(env, fmt.Sprintf("PORT_%s=%d", strings.ToUpper(strings.ReplaceAll(name, "-", "_")), port))
	}
	return env
}

// environment is what a container sets.
func (v *values) environment(ctx context.Context, scope expand.Scope, all []*gpuagentv1.EnvFrom, each []*gpuagentv1.EnvVar) ([]string, error) {
	env, err := v.whole(ctx, all)
	if err != nil {
		return nil, err
	}
	for _, e := range each {
		if e.GetValueFrom() != nil {
			value, ok, err := v.env(ctx, e)
			if err != nil {
				return nil, misconfigured(reasonConfig, fmt.Errorf("env %s: %w", e.GetName(), err))
			}
			if ok {
				env = append(env, e.GetName()+"="+value)
			}
			continue
		}
		value, err := expand.String(e.GetValue(), scope)
		if err != nil {
			return nil, fmt.Errorf("env %s: %w", e.GetName(), err)
		}
		env = append(env, e.GetName()+"="+value)
	}
	return env, nil
}

// Warn implements runtime.Teller.
func (r *replica) Warn(sentence string) { r.life.warn(sentence) }
