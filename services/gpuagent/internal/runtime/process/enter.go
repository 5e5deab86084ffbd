package process

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/kfmesh/kfmesh/internal/enter"
	"github.com/kfmesh/kfmesh/internal/supervise"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/mount"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// reasonMount is that of an attempt whose mounts could not be made.
const reasonMount = "FailedMount"

// plan says what is to be done before the command starts; nil when that is nothing,
// and then the command pays nothing for it. Only root can make a mount namespace
// without a user namespace, which has other ways to forbid things.
func (s *starter) plan(who identity) *enter.Plan {
	root := os.Geteuid() == 0
	plan := &enter.Plan{
		Mounts: toMount(s.order.Mounts), Passages: who.passages(s.needed()), Unshare: root, User: who.user, Group: who.group,
		Own: s.at.Dir, Scratch: filepath.Join(s.at.Dir, "root"), WorkDir: s.order.WorkDir,
	}
	plan.Mounts = append(plan.Mounts, s.hosts(root)...)
	if len(plan.Mounts) == 0 && who == (identity{}) {
		return nil
	}
	s.spec.Isolate = len(plan.Mounts) > 0 && !root
	return plan
}

// needed are the paths that a replica needs whoever it runs as.
func (s *starter) needed() []string {
	needed := append([]string{s.at.Dir, s.order.WorkDir, s.order.TempDir}, s.runtime.Shared...)
	if s.order.Keep != "" {
		needed = append(needed, s.order.Keep)
	}
	if python, err := filepath.EvalSymlinks(s.python); err == nil && s.python != "" {
		needed = append(needed, python)
	}
	return needed
}

// toMount leaves out what is in its place already.
func toMount(mounts []mount.Mount) []enter.Mount {
	var left []enter.Mount
	for _, m := range mounts {
		if there, err := filepath.EvalSymlinks(m.Target); err == nil && there == m.Source && !m.ReadOnly {
			continue
		}
		left = append(left, enter.Mount{Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly})
	}
	return left
}

// Files of an attempt that enters a file system of its own, beside its journal.
func planPath(journal string) string    { return journal + ".plan" }
func refusalPath(journal string) string { return journal + ".refused" }

// entered puts a spec behind a plan, where there is one or it has to enter its control
// group. The plan holds paths and nothing that is secret.
func (s *starter) entered(spec supervise.Spec) (supervise.Spec, error) {
	entered := spec.Group != nil && spec.Group.Entered()
	if s.enter == nil && !entered {
		return spec, nil
	}
	plan := enter.Plan{WorkDir: s.order.WorkDir}
	if s.enter != nil {
		plan = *s.enter
	}
	if entered { // of version 2 it is born in it
		plan.Limits = spec.Group
	}
	plan.Refusal = refusalPath(spec.Journal)
	data, err := json.Marshal(plan)
	if err == nil {
		err = os.WriteFile(planPath(spec.Journal), data, 0o600)
	}
	spec.Args = append(slices.Concat(s.runtime.Supervisor, []string{enter.Verb, planPath(spec.Journal)}), spec.Args...)
	return spec, err
}

// explained says of an attempt that ended before its command began why that was.
func (a *attempt) explained(exit runtime.Exit) runtime.Exit {
	if exit.Cause != runtime.Ended || exit.Code == 0 {
		return exit
	}
	refusal, err := enter.ReadRefusal(refusalPath(a.journal))
	if errors.Is(err, fs.ErrNotExist) {
		return exit
	}
	exit.Cause, exit.Reason, exit.Message = runtime.Failed, runtime.ReasonStart, refusal.Message
	if err != nil {
		exit.Message = "the command was not started, and why cannot be read: " + err.Error()
	}
	if refusal.Mount {
		exit.Reason = reasonMount
	}
	return exit
}
