package engine

import (
	"reflect"
	"testing"

	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/dag"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

func TestNames(t *testing.T) {
	n := names{store: "/blobs", workspace: "/blobs/p/r/.workspace"}
	for path, want := range map[string]string{
		"/blobs/p/r/t":              "${objects}/p/r/t",
		"/blobs/p/r/.workspace":     "/blobs/p/r/.workspace",
		"/blobs/p/r/.workspace/x":   "/blobs/p/r/.workspace/x",
		"/blobs/p/r/.workspace-not": "${objects}/p/r/.workspace-not",
		"/blobs-of-another/x":       "/blobs-of-another/x",
		workdir + "/inputs":         "inputs",
	} {
		if got := n.stage(path); got != want {
			t.Errorf("%s is staged as %s, want %s", path, got, want)
		}
		if got := n.unstage(launch.Layout{TaskDir: workdir + "/task"}, n.stage(path)); got != path {
			t.Errorf("%s comes back as %s", path, got)
		}
	}
	if got, want := n.literal(`${HOME} /blobs/a `+workdir+`/b /blobs-c`), "$${HOME} ${objects}/a ${workdir}/b /blobs-c"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	if got := (names{}).literal("/blobs/a"); got != "/blobs/a" {
		t.Errorf("without a directory it is told %q", got)
	}
}

// TestArtifactsGoToTheStepAndComeFromIt, wherever it runs.
func TestArtifactsGoToTheStepAndComeFromIt(t *testing.T) {
	store := t.TempDir()
	bucket, err := blob.Open(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{deps: Deps{Bucket: bucket}}
	run := launch.Run{ID: "r", PipelineName: "p", PipelineRoot: store + "/artifacts", Workspace: store + "/artifacts/p/r/.workspace"}
	request := launch.Request{
		Run: run, Component: "c", Layout: layoutOf(run, "t", dag.Attempt{TaskID: "t", Number: 1}),
		Spec: &ir.Spec{Components: map[string]ir.Component{"c": {OutputDefinitions: ir.Definitions{
			Artifacts: map[string]ir.ArtifactDef{"model": {}},
		}}}},
	}
	built := &launch.Launch{
		Inputs: ir.Values{Artifacts: map[string][]ir.Artifact{
			"a": {{URI: store + "/artifacts/x"}, {URI: "/elsewhere"}}, "b": {{URI: run.Workspace + "/y"}},
		}},
		Directories: []string{request.Layout.TaskDir, run.Workspace},
		Returns:     []string{request.Layout.OutputFile()},
	}
	e.namesOf(run).exchange(request, built)
	s := e.workloadOf(dag.Launch{}, request, "w", built).GetSpec().GetGroups()[0].GetTemplate().GetStaging()
	if d := s.GetDownloads(); len(d) != 1 || d[0].GetUri() != store+"/artifacts/x" || d[0].GetPath() != "${objects}/artifacts/x" || !d[0].GetOptional() {
		t.Errorf("fetched are %v", d)
	}
	if u := s.GetUploads(); len(u) != 1 || u[0].GetUri() != request.Layout.TaskDir || u[0].GetPath() != "${objects}/artifacts/p/r/t/t" {
		t.Errorf("stored are %v", u)
	}
	if want := []string{"${objects}/artifacts/p/r/t/t", run.Workspace}; !reflect.DeepEqual(s.GetDirectories(), want) {
		t.Errorf("directories are %v, want %v", s.GetDirectories(), want)
	}
	if got := s.GetReturns()[0].GetPath(); got != "${objects}/artifacts/p/r/t/t/executor_output.json" {
		t.Errorf("returned is %s", got)
	}
}
