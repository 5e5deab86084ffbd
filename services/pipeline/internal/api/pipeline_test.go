package api

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func TestUploadMakesPipelineAndVersion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.upload(t, "hello")
	if p.GetName() != "hello" || p.GetDisplayName() != "hello" || p.GetNamespace() != "default" || p.GetCreatedAt() == nil {
		t.Errorf("uploaded pipeline is %v", p)
	}
	for _, namespace := range []string{"", "kubeflow", "default"} {
		byName := must(f.GetPipelineByName(t.Context(), &pipelinev1.GetPipelineByNameRequest{Name: "hello", Namespace: namespace}))(t)
		if byName.GetPipelineId() != p.GetPipelineId() {
			t.Errorf("by name in %q: %v", namespace, byName)
		}
	}
	versions := must(f.ListPipelineVersions(t.Context(), &pipelinev1.ListPipelineVersionsRequest{PipelineId: p.GetPipelineId()}))(t)
	if len(versions.GetPipelineVersions()) != 1 || versions.GetTotalSize() != 1 {
		t.Fatalf("versions are %v", versions)
	}
	v := versions.GetPipelineVersions()[0]
	if v.GetName() != "hello" || v.GetPipelineSpec().GetFields()["pipelineInfo"] == nil {
		t.Errorf("the version is %v", v)
	}
}

func TestUploadName(t *testing.T) {
	t.Parallel()
	for fileName, want := range map[string]string{
		"train.yaml": "train", "a/b/train.tar.gz": "train", `C:\x\train.v2.zip`: "train.v2", "train": "train",
	} {
		if got := uploadName("", "", fileName); got != want {
			t.Errorf("name of %q is %q, want %q", fileName, got, want)
		}
	}
}

func TestUploadRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.upload(t, "hello")
	for name, test := range map[string]struct {
		request *pipelinev1.UploadPipelineRequest
		kind    fault.Kind
		mention string
	}{
		"taken name":    {&pipelinev1.UploadPipelineRequest{Name: "hello", Content: []byte(helloYAML)}, fault.AlreadyExists, `"hello"`},
		"no name":       {&pipelinev1.UploadPipelineRequest{Name: " ", Content: []byte(helloYAML)}, fault.Invalid, "name"},
		"bad namespace": {&pipelinev1.UploadPipelineRequest{Name: "x", Namespace: "A/b", Content: []byte(helloYAML)}, fault.Invalid, "namespace"},
		"empty file":    {&pipelinev1.UploadPipelineRequest{Name: "x"}, fault.Invalid, "empty"},
		"not YAML":      {&pipelinev1.UploadPipelineRequest{Name: "x", Content: []byte("\t{")}, fault.Invalid, ""},
		"unknown component": {&pipelinev1.UploadPipelineRequest{
			Name: "x", Content: []byte(strings.Replace(helloYAML, "componentRef: {name: comp-greet}", "componentRef: {name: comp-x}", 1)),
		}, fault.Invalid, "root.dag.tasks.greet.componentRef.name"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.UploadPipeline(t.Context(), test.request)
			wantFault(t, err, test.kind, test.mention)
		})
	}
	if all := must(values(t.Context(), f.state.Pipelines, ""))(t); len(all) != 1 {
		t.Errorf("refused uploads left %d pipelines", len(all)-1)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.upload(t, "hello")
	add := &pipelinev1.UploadPipelineVersionRequest{PipelineId: p.GetPipelineId(), Name: "v2", Content: []byte(helloYAML)}
	v := must(f.UploadPipelineVersion(t.Context(), add))(t)
	_, err := f.UploadPipelineVersion(t.Context(), add)
	wantFault(t, err, fault.AlreadyExists, `"v2"`)
	_, err = f.UploadPipelineVersion(t.Context(), &pipelinev1.UploadPipelineVersionRequest{PipelineId: "x", Name: "v2", Content: []byte(helloYAML)})
	wantFault(t, err, fault.NotFound, `"x"`)

	created := must(f.CreatePipelineVersion(t.Context(), &pipelinev1.CreatePipelineVersionRequest{
		PipelineId: p.GetPipelineId(), PipelineVersion: &pipelinev1.PipelineVersion{DisplayName: "v3", PipelineSpec: v.GetPipelineSpec()},
	}))(t)
	if created.GetName() != "v3" {
		t.Errorf("the version is named %q", created.GetName())
	}
	_, err = f.CreatePipelineVersion(t.Context(), &pipelinev1.CreatePipelineVersionRequest{PipelineId: p.GetPipelineId()})
	wantFault(t, err, fault.Invalid, "pipeline_spec")

	named := &pipelinev1.DeletePipelineVersionRequest{PipelineId: p.GetPipelineId(), PipelineVersionId: v.GetPipelineVersionId()}
	must(f.DeletePipelineVersion(t.Context(), named))(t)
	_, err = f.DeletePipelineVersion(t.Context(), named)
	wantFault(t, err, fault.NotFound, v.GetPipelineVersionId())
	must(f.UploadPipelineVersion(t.Context(), add))(t) // the name is free again
}

func TestDeletePipeline(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.upload(t, "hello")
	for i := range 60 { // more than one commit deletes
		must(f.UploadPipelineVersion(t.Context(), &pipelinev1.UploadPipelineVersionRequest{
			PipelineId: p.GetPipelineId(), Name: fmt.Sprint(i), Content: []byte(helloYAML),
		}))(t)
	}
	_, err := f.DeletePipeline(t.Context(), &pipelinev1.DeletePipelineRequest{PipelineId: p.GetPipelineId()})
	wantFault(t, err, fault.Precondition, "61 versions")
	must(f.DeletePipeline(t.Context(), &pipelinev1.DeletePipelineRequest{PipelineId: p.GetPipelineId(), Cascade: true}))(t)
	_, err = f.GetPipeline(t.Context(), &pipelinev1.GetPipelineRequest{PipelineId: p.GetPipelineId()})
	wantFault(t, err, fault.NotFound, p.GetPipelineId())
	if left, _, err := f.state.Backend.List(t.Context(), "/"); err != nil || len(left) != 0 {
		t.Errorf("keys are left: %v, %v", left, err)
	}
}

func TestConcurrentVersionsAndDeletion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.upload(t, "hello")
	var workers sync.WaitGroup
	for i := range 8 {
		workers.Go(func() {
			_, err := f.UploadPipelineVersion(t.Context(), &pipelinev1.UploadPipelineVersionRequest{
				PipelineId: p.GetPipelineId(), Name: fmt.Sprint(i), Content: []byte(helloYAML),
			})
			if err != nil && !fault.Is(err, fault.NotFound) {
				t.Errorf("upload beside a deletion: %v", err)
			}
		})
	}
	workers.Go(func() {
		_, err := f.DeletePipeline(t.Context(), &pipelinev1.DeletePipelineRequest{PipelineId: p.GetPipelineId(), Cascade: true})
		if err != nil {
			t.Errorf("delete beside uploads: %v", err)
		}
	})
	workers.Wait()
	if left := must(values(t.Context(), f.state.Versions, ""))(t); len(left) != 0 {
		t.Errorf("%d versions without a pipeline are left", len(left))
	}
}

func TestListPipelines(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, name := range []string{"a", "b", "c"} {
		must(f.CreatePipeline(t.Context(), &pipelinev1.CreatePipelineRequest{Pipeline: &pipelinev1.Pipeline{DisplayName: name}}))(t)
	}
	must(f.CreatePipeline(t.Context(), &pipelinev1.CreatePipelineRequest{Pipeline: &pipelinev1.Pipeline{Name: "a", Namespace: "other"}}))(t)
	for name, test := range map[string]struct {
		request *pipelinev1.ListPipelinesRequest
		want    string
		total   int32
	}{
		"all":             {&pipelinev1.ListPipelinesRequest{SortBy: "name desc"}, "c b a", 3},
		"other namespace": {&pipelinev1.ListPipelinesRequest{Namespace: "other"}, "a", 1},
		"first page":      {&pipelinev1.ListPipelinesRequest{PageSize: 2}, "a b", 3},
		"by name":         {&pipelinev1.ListPipelinesRequest{Filter: filter("display_name", metav1.Predicate_EQUALS, "b")}, "b", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := must(f.ListPipelines(t.Context(), test.request))(t)
			if names := ids(got.GetPipelines(), (*pipelinev1.Pipeline).GetName); names != test.want || got.GetTotalSize() != test.total {
				t.Errorf("got %q of %d, want %q of %d", names, got.GetTotalSize(), test.want, test.total)
			}
		})
	}
}
