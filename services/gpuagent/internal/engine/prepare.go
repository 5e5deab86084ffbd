package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/expand"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/staging"
)

// prepare makes everything ready that the replica needs. It ends early when the
// life is to stop.
func (r *replica) prepare(agent context.Context) *result {
	ctx, cancel := context.WithCancel(agent)
	defer cancel()
	defer context.AfterFunc(r.stopping, cancel)()

	failed := r.prepareIn(ctx)
	if failed != nil && r.stopping.Err() != nil {
		stopped := stopResult(context.Cause(r.stopping), r.life.spec)
		return &stopped
	}
	return failed
}

func (r *replica) prepareIn(ctx context.Context) *result {
	if err := r.makeDirs(); err != nil {
		return failed(runtime.ReasonStart, err)
	}
	if err := r.recallLog(ctx); err != nil {
		return failed(reasonStaging, err)
	}
	if err := r.recallCheckpoints(ctx); err != nil {
		return failed(reasonStaging, err)
	}
	if err := r.stage(ctx); err != nil {
		return failed(reasonStaging, err)
	}
	order, err := r.order(ctx)
	if err != nil {
		return failed(runtime.ReasonOf(err), err)
	}
	if err := r.starter.Prepare(ctx, order); err != nil {
		return failed(runtime.ReasonOf(err), err)
	}
	return nil
}

func failed(reason string, err error) *result {
	f := failure(reason, "%v", err)
	return &f
}

// stage brings the files, once for all attempts: what a replica did to them is
// not undone when it starts again.
func (r *replica) stage(ctx context.Context) error {
	stage, marker := r.staging(), filepath.Join(r.dir, "staged")
	fill := func(text string) (string, error) { return expand.String(text, r.scope()) }
	if len(stage.GetDownloads())+len(stage.GetFiles()) == 0 { // directories are as well made again
		return staging.Before(ctx, stage, r.workDir(), r.life.engine.Objects, fill)
	}
	if _, err := os.Stat(marker); err == nil {
		return nil
	}
	if len(stage.GetDownloads()) > 0 {
		defer r.Progress(ctx, runtime.For(fmt.Sprintf("fetching %d files", len(stage.GetDownloads()))))()
	}
	err := r.reach(ctx, func() error { return staging.Before(ctx, stage, r.workDir(), r.life.engine.Objects, fill) })
	if err != nil {
		return err
	}
	return os.WriteFile(marker, nil, 0o644)
}

// staging is the template's, with the paths of what goes into the kept directory.
func (r *replica) staging() *gpuagentv1.Staging {
	dir := r.keepDir()
	if dir == "" {
		return r.template.GetStaging()
	}
	stage := proto.CloneOf(r.template.GetStaging())
	for _, f := range stage.GetFiles() {
		f.Path = inKept(dir, f.GetPath())
	}
	for i, path := range stage.GetDirectories() {
		stage.Directories[i] = inKept(dir, path)
	}
	return stage
}

// workDir is the working directory that relative paths of staging mean.
func (r *replica) workDir() string {
	return r.runtime.WorkDir(r.template, filepath.Join(r.dir, "work"))
}

// scope is what references in the template may refer to.
func (r *replica) scope() expand.Scope {
	scope := scopeOf(r.workload, r.position, r.workDir())
	scope.Keep, scope.Objects = r.keepDir(), r.objects().Dir
	return scope
}

func scopeOf(w *gpuagentv1.Workload, position int, workDir string) expand.Scope {
	scope := expand.Scope{WorkDir: workDir, Replicas: map[string][]expand.Address{}}
	for i, other := range w.GetStatus().GetReplicas() {
		if i == position {
			scope.Group, scope.Index = other.GetGroup(), int(other.GetIndex())
		}
		scope.Replicas[other.GetGroup()] = append(scope.Replicas[other.GetGroup()],
			expand.Address{Host: other.GetHost(), Machine: other.GetMachine(), Ports: other.GetPorts()})
	}
	return scope
}
