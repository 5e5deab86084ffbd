package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/google/uuid"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/dag"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

// read reads how a workload ended and what it made.
func (e *Engine) read(ctx context.Context, request launch.Request, w *gpuagentv1.Workload) dag.Result {
	result := resultOf(w)
	if result.Verdict != dag.Succeeded {
		return result
	}
	if request.FillsWorkspace() {
		imported := e.importArtifact(ctx, request)
		result.Verdict, result.Message, result.Outputs = imported.Verdict, imported.Message, imported.Outputs
		return result
	}
	outputs, err := e.outputs(ctx, request, w)
	if err != nil {
		result.Verdict, result.Message = dag.Failed, sentence(err)
		return result
	}
	result.Warnings = slices.Concat(result.Warnings, outputs.Warnings)
	result.Outputs = outputs.Values
	for key, artifacts := range result.Outputs.Artifacts {
		for i := range artifacts {
			artifacts[i].UID = artifactUID(request, key, i)
			artifacts[i].Digest = e.digest(ctx, artifacts[i].URI)
		}
	}
	return result
}

// outputs reads what a workload made.
func (e *Engine) outputs(ctx context.Context, request launch.Request, w *gpuagentv1.Workload) (*launch.Outputs, error) {
	files, err := e.filesOf(ctx, request, w)
	if err != nil {
		return nil, err
	}
	outputs, err := launch.ReadOutputs(request, files)
	if err == nil {
		err = checkLinks(request, outputs.Values)
	}
	if err == nil {
		err = e.keepApart(ctx, request.Run.ID, outputs)
	}
	return outputs, err
}

// artifactUID derives the uid of an output: alike whenever asked. Each attempt makes
// artifacts of its own: what an earlier one made may be reused by other runs.
func artifactUID(request launch.Request, key string, index int) string {
	taskID := request.Task.ID
	if folder := path.Base(cmp.Or(request.Layout.TaskURI, request.Layout.TaskDir)); strings.HasPrefix(folder, taskID) {
		taskID = folder
	}
	return derived(fmt.Sprintf("%s/%s/%d", taskID, key, index))
}

func derived(from string) string { return uuid.NewSHA1(uuid.NameSpaceOID, []byte(from)).String() }

// importArtifact makes the artifact of an importer. Unless it is to be imported
// anew its uid follows from what it is, so that importing it twice names it once.
func (e *Engine) importArtifact(ctx context.Context, request launch.Request) dag.Result {
	imported, err := launch.Import(request)
	if err != nil {
		return rejected(err)
	}
	for key, artifacts := range imported.Values.Artifacts {
		for i := range artifacts {
			a := &artifacts[i]
			a.Digest = e.digest(ctx, a.URI)
			a.UID = artifactUID(request, key, i)
			if !imported.Reimport {
				a.UID = importedUID(request.Run.Namespace, *a)
			}
		}
	}
	return dag.Result{Verdict: dag.Succeeded, Outputs: imported.Values}
}

func importedUID(namespace string, a ir.Artifact) string {
	metadata, err := json.Marshal(a.Metadata)
	if err != nil {
		panic(fmt.Sprintf("engine: metadata of an importer is not JSON: %v", err)) // it came from JSON
	}
	return derived(strings.Join([]string{namespace, a.URI, a.Type, string(metadata), a.Digest}, "\x00"))
}
