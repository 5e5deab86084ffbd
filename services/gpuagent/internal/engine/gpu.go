package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/detect"
)

// A GPU that was not well stays so, over starts of its agent: what is wrong with it comes
// and goes, and errors are told once. People say when it is well again (Engine.WithdrawGPU).

// problemGone is that of a GPU which the driver no longer shows. It goes by itself.
const problemGone = "it is no longer there"

// watchGPUs looks at what the GPUs do, and how they are.
func (e *Engine) watchGPUs(ctx context.Context) {
	if len(e.gpus()) == 0 {
		return
	}
	found, err := e.GPUs.List(ctx)
	if err != nil {
		e.Log.WarnContext(ctx, "GPUs cannot be looked at", "error", err)
		return
	}
	e.mu.Lock()
	for _, gpu := range e.node.GetStatus().GetGpus() {
		i := slices.IndexFunc(found, func(f *gpuagentv1.Gpu) bool { return f.GetUuid() == gpu.GetUuid() })
		if i < 0 {
			gpu.Usage, gpu.Problem = nil, problemGone
			continue
		}
		last := gpu.GetUsage().GetXid()
		if gpu.Usage = found[i].GetUsage(); gpu.GetUsage() != nil {
			gpu.Usage.Xid = cmp.Or(gpu.GetUsage().GetXid(), last)
		}
		if problem := found[i].GetProblem(); problem != "" {
			e.problems[gpu.GetUuid()] = problem
		}
		gpu.Problem = e.problems[gpu.GetUuid()]
	}
	e.mu.Unlock()
	e.keepProblems(ctx)
}

// hearGPUs listens for errors of GPUs until ctx ends.
func (e *Engine) hearGPUs(ctx context.Context) {
	if len(e.gpus()) == 0 {
		return
	}
	if err := e.GPUs.Watch(ctx, func(t detect.Trouble) { e.troubled(ctx, t) }); err != nil && ctx.Err() == nil {
		e.Log.WarnContext(ctx, "errors of GPUs are not heard of", "error", err)
	}
}

// troubled notes an error of a GPU, for all its parts.
func (e *Engine) troubled(ctx context.Context, t detect.Trouble) {
	e.Log.WarnContext(ctx, "a GPU has had an error", "uuid", t.UUID, "xid", t.XID, "problem", t.Problem)
	e.mu.Lock()
	for _, gpu := range e.node.GetStatus().GetGpus() {
		if gpu.GetUuid() != t.UUID && gpu.GetParentUuid() != t.UUID {
			continue
		}
		if gpu.GetUsage() != nil && t.XID != 0 {
			gpu.Usage.Xid = t.XID
		}
		if t.Problem != "" {
			gpu.Problem, e.problems[gpu.GetUuid()] = t.Problem, t.Problem
			e.warnHolder(gpu)
		}
	}
	e.mu.Unlock()
	e.keepProblems(ctx)
	select {
	case e.unwell <- struct{}{}:
	default: // it is to be told already
	}
}

// warnHolder has the workload that has a GPU of this node tell what is wrong with it: it
// keeps it, and is likely to fail by it. The engine is locked.
func (e *Engine) warnHolder(gpu *gpuagentv1.Gpu) {
	for _, l := range e.lives {
		for _, r := range e.own(l.snapshot()) {
			if slices.Contains(r.GetGpus(), gpu.GetIndex()) {
				l.warn(fmt.Sprintf("GPU %s of node %s, which %s has, is not well: %s", gpu.GetUuid(), e.Node, replicaName(r), gpu.GetProblem()))
				l.shows()
			}
		}
	}
}

func (e *Engine) problemsPath() string { return filepath.Join(e.DataDir, "gpu-problems.json") }

// recallProblems enters what was wrong with the GPUs of a node before its agent was
// started anew.
func (e *Engine) recallProblems(ctx context.Context, gpus []*gpuagentv1.Gpu) map[string]string {
	problems := map[string]string{}
	data, err := os.ReadFile(e.problemsPath())
	if err == nil {
		err = json.Unmarshal(data, &problems)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.Log.WarnContext(ctx, "what was wrong with GPUs cannot be read", "error", err)
		problems = map[string]string{}
	}
	for _, gpu := range gpus {
		if gpu.GetProblem() != "" {
			problems[gpu.GetUuid()] = gpu.GetProblem()
		}
		gpu.Problem = problems[gpu.GetUuid()]
	}
	return problems
}

// keepProblems writes it down when it has changed.
func (e *Engine) keepProblems(ctx context.Context) {
	e.keeping.Lock()
	defer e.keeping.Unlock()
	e.mu.Lock()
	problems := maps.Clone(e.problems)
	e.mu.Unlock()
	if maps.Equal(problems, e.kept) {
		return
	}
	data, err := json.Marshal(problems)
	if err == nil {
		if err = os.WriteFile(e.problemsPath()+".next", data, 0o600); err == nil {
			err = os.Rename(e.problemsPath()+".next", e.problemsPath())
		}
	}
	if err != nil {
		e.Log.WarnContext(ctx, "what is wrong with GPUs cannot be written down", "error", err)
		return
	}
	e.kept = problems
}
