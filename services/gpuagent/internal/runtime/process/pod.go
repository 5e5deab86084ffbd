package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/pod"
	"github.com/kfmesh/kfmesh/internal/supervise"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// mostPlan is the largest plan of a pod: Linux allows a variable no more.
const mostPlan = 120 << 10

// surround makes ready what runs around the command.
func (s *starter) surround(ctx context.Context, who identity) error {
	if s.order.Pod == nil {
		return nil
	}
	plan := &pod.Plan{Main: s.order.Pod.Main, Grace: s.order.Grace, Prober: s.runtime.Prober}
	var err error
	if plan.Init, err = s.containers(ctx, s.order.Pod.Init, who); err != nil {
		return err
	}
	plan.Beside, err = s.containers(ctx, s.order.Pod.Beside, who)
	s.pod = plan
	return err
}

func (s *starter) containers(ctx context.Context, all []runtime.Companion, who identity) ([]pod.Container, error) {
	var out []pod.Container
	for _, c := range all {
		entry := s.lookup(c.Image)
		made := c.Container
		var err error
		if made.Args, err = commandLine(c.Image, c.Command, c.Args, entry); err != nil {
			return nil, fmt.Errorf("container %s: %w", c.Name, err)
		}
		if made.Env, err = s.pythonEnvironment(ctx, entry, made.Args, s.environment(entry, who, c.Env)); err != nil {
			return nil, fmt.Errorf("container %s: %w", c.Name, err)
		}
		out = append(out, made)
	}
	return out, nil
}

// verdictPath is where a pod says why it failed, beside its journal.
func verdictPath(journal string) string { return journal + ".verdict" }

// readyPath is where a pod says whether it is ready.
func readyPath(journal string) string { return journal + ".ready" }

// Ready implements runtime.Readier.
func (a *attempt) Ready() bool { return pod.IsReady(readyPath(a.journal)) }

// surrounded puts what runs around a spec's command into the spec. The plan, which may hold
// values of secrets, is in the environment and on no disk.
func (s *starter) surrounded(spec supervise.Spec) (supervise.Spec, error) {
	if s.pod == nil {
		return spec, nil
	}
	plan := *s.pod
	plan.Verdict, plan.Ready = verdictPath(spec.Journal), readyPath(spec.Journal)
	plan.Init, plan.Beside = slices.Clone(plan.Init), slices.Clone(plan.Beside)
	for _, all := range [][]pod.Container{plan.Init, plan.Beside} {
		for i := range all { // so that what they leave behind is known
			all[i].Env = append(slices.Clip(all[i].Env), supervise.EpochVariable+"="+spec.Journal)
		}
	}
	data, err := json.Marshal(plan)
	if err == nil && len(data) > mostPlan {
		err = fault.Preconditionf("its init containers and sidecars take %d bytes with their environments, and may take %d", len(data), mostPlan)
	}
	spec.Env = append(slices.Clip(spec.Env), pod.Variable+"="+string(data))
	spec.Args = append(slices.Concat(s.runtime.Supervisor, []string{pod.Verb}), spec.Args...)
	return spec, err
}

// judged says of a pod that failed why that was.
func (a *attempt) judged(exit runtime.Exit) runtime.Exit {
	if exit.Cause != runtime.Ended || exit.Code == 0 {
		return exit
	}
	verdict, err := pod.ReadVerdict(verdictPath(a.journal))
	if errors.Is(err, fs.ErrNotExist) {
		return exit
	}
	exit.Cause, exit.Reason, exit.Message = runtime.Failed, verdict.Reason, verdict.Message
	if err != nil {
		exit.Reason, exit.Message = runtime.ReasonStart, "why it failed cannot be read: "+err.Error()
	}
	return exit
}
