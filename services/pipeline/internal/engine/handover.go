package engine

import (
	"context"
	"fmt"
	"path"
	"strconv"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// quickBytes is how large the files of a step may be together that are read by the
// runner itself. Of more, something may have to be stored.
const quickBytes = 16 << 10

// handoverOf is the blob key of the folder of what an attempt is handed, and hands
// back, when it is too large to be part of its workload.
func handoverOf(runID, workload string) string { return state.HandoverOf(runID) + "/" + workload }

// give stores an ExecutorInput that is to be handed over in a file, and has it
// fetched.
func (e *Engine) give(ctx context.Context, run launch.Run, workload string, l *launch.Launch) error {
	if l.InputFile == "" {
		return nil
	}
	key := handoverOf(run.ID, workload) + "/" + path.Base(l.InputFile)
	content := []byte(e.namesOf(run).literal(string(l.ExecutorInput)))
	err := persist(ctx, func(ctx context.Context) error { return e.deps.Bucket.Put(ctx, key, content) })
	l.Downloads = append(l.Downloads, launch.Transfer{URI: e.deps.Bucket.URI(key), Path: l.InputFile, Expand: true})
	return err
}

// letOverflow has files stored that are too large to come back with a workload.
func letOverflow(runID string, w *gpuagentv1.Workload) {
	folder := handoverOf(runID, w.GetMetadata().GetName())
	for i, file := range w.GetSpec().GetGroups()[0].GetTemplate().GetStaging().GetReturns() {
		file.OverflowObject, file.OverflowMaxBytes = folder+"/"+strconv.Itoa(i), launch.MaxOutputBytes
	}
}

// filesOf reads the files that a workload left, under the paths of the layout that
// asked for them: those that came back with it, and those that were too large for that.
func (e *Engine) filesOf(ctx context.Context, request launch.Request, w *gpuagentv1.Workload) (map[string]launch.File, error) {
	files := returnedFiles(request.Layout, e.namesOf(request.Run), w)
	size := int64(0)
	for _, f := range files {
		size += f.GetSizeBytes()
	}
	contents := make(map[string]launch.File, len(files))
	for p, f := range files {
		if contents[p] = (launch.File{Content: f.GetContent(), TooLarge: f.GetTooLarge()}); f.GetStoredObject() == "" {
			continue
		}
		if size > launch.MaxOutputBytes {
			return nil, fmt.Errorf("the files of its output parameters take %d MiB together; at most %d MiB are allowed: "+
				"write large results to an output artifact", size>>20, launch.MaxOutputBytes>>20)
		}
		content, err := e.stored(ctx, request.Run.ID, f.GetStoredObject())
		if err != nil {
			return nil, err
		}
		contents[p] = launch.File{Content: content}
	}
	return contents, nil
}

// stored reads what a step of a run handed back.
func (e *Engine) stored(ctx context.Context, runID, key string) (content []byte, err error) {
	if !below(key, state.HandoverOf(runID)) {
		return nil, fault.Internalf(nil, "what a step returned is at %s, where it was not asked for", key)
	}
	err = persist(ctx, func(ctx context.Context) error {
		content, err = e.deps.Bucket.Get(ctx, key)
		return err
	})
	return content, err
}

// returnedFiles are the files of a workload, under the paths of the layout.
func returnedFiles(layout launch.Layout, names names, w *gpuagentv1.Workload) map[string]*gpuagentv1.ReturnedFile {
	files := map[string]*gpuagentv1.ReturnedFile{}
	for _, replica := range w.GetStatus().GetReplicas() {
		for _, f := range replica.GetFiles() {
			files[names.unstage(layout, f.GetPath())] = f
		}
	}
	return files
}

// handedBack reports whether a workload left files that were too large to come back
// with it, and whether all that it left takes little time to read.
func handedBack(w *gpuagentv1.Workload) (some, quick bool) {
	size := 0
	for _, replica := range w.GetStatus().GetReplicas() {
		for _, f := range replica.GetFiles() {
			some = some || f.GetStoredObject() != ""
			size += len(f.GetContent())
		}
	}
	return some, !some && size <= quickBytes
}

// discardHandover removes what attempts were handed whose end is saved.
func (r *runner) discardHandover(ctx context.Context, spent []string) {
	for _, workload := range spent {
		if !r.handed[workload] {
			continue
		}
		delete(r.handed, workload)
		key := handoverOf(r.item.Key, workload)
		r.do(ctx, func(ctx context.Context) func(context.Context) {
			r.engine.discard(ctx, key)
			return nil
		})
	}
}

// discard removes a folder of blobs. What is left of one goes with its run.
func (e *Engine) discard(ctx context.Context, key string) {
	if err := e.deps.Bucket.RemoveTree(ctx, key); err != nil && ctx.Err() == nil {
		e.deps.Log.WarnContext(ctx, "what a step was handed is not removed yet", "key", key, "error", err)
	}
}
