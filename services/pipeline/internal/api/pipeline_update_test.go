package api

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func TestUpdatePipeline(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		asked   *pipelinev1.Pipeline // with the id of the pipeline
		mask    []string
		display string
		tags    map[string]string
		refusal string
	}{
		"both":             {&pipelinev1.Pipeline{DisplayName: "new", Tags: map[string]string{"a": "2"}}, nil, "new", map[string]string{"a": "2"}, ""},
		"nothing":          {&pipelinev1.Pipeline{}, nil, "hello", map[string]string{"team": "vision"}, ""},
		"clears tags":      {&pipelinev1.Pipeline{}, []string{"tags"}, "hello", nil, ""},
		"one of two":       {&pipelinev1.Pipeline{DisplayName: "new"}, []string{"display_name"}, "new", map[string]string{"team": "vision"}, ""},
		"as it was":        {&pipelinev1.Pipeline{Name: "hello"}, []string{"name"}, "hello", map[string]string{"team": "vision"}, ""},
		"another name":     {&pipelinev1.Pipeline{Name: "x"}, []string{"name"}, "", nil, "pipeline.name"},
		"no display name":  {&pipelinev1.Pipeline{}, []string{"display_name"}, "", nil, "pipeline.display_name"},
		"no such field":    {&pipelinev1.Pipeline{}, []string{"colour"}, "", nil, "colour"},
		"a field of a map": {&pipelinev1.Pipeline{Tags: map[string]string{"a": "1"}}, []string{"tags.a"}, "hello", map[string]string{"a": "1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			p := must(f.UploadPipeline(t.Context(), &pipelinev1.UploadPipelineRequest{
				Name: "hello", FileName: "hello.yaml", Content: []byte(helloYAML), Tags: map[string]string{"team": "vision"},
			}))(t)
			test.asked.PipelineId = p.GetPipelineId()
			_, err := f.UpdatePipeline(t.Context(), &pipelinev1.UpdatePipelineRequest{
				Pipeline: test.asked, UpdateMask: &fieldmaskpb.FieldMask{Paths: test.mask},
			})
			if test.refusal != "" {
				wantFault(t, err, fault.Invalid, test.refusal)
				return
			}
			got := must(f.GetPipeline(t.Context(), &pipelinev1.GetPipelineRequest{PipelineId: p.GetPipelineId()}))(t)
			if err != nil || got.GetDisplayName() != test.display || !maps.Equal(got.GetTags(), test.tags) {
				t.Errorf("it is %v, %v", got, err)
			}
		})
	}
}

func TestUpdateWhatIsNotThere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.upload(t, "hello")
	for _, id := range []string{"x", ""} {
		_, err := f.UpdatePipeline(t.Context(), &pipelinev1.UpdatePipelineRequest{Pipeline: &pipelinev1.Pipeline{PipelineId: id, DisplayName: "y"}})
		if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: got %v", id, err)
		}
		_, err = f.UpdatePipelineVersion(t.Context(), &pipelinev1.UpdatePipelineVersionRequest{
			PipelineVersion: &pipelinev1.PipelineVersion{PipelineId: p.GetPipelineId(), PipelineVersionId: id, DisplayName: "y"},
		})
		if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) {
			t.Errorf("version %q: got %v", id, err)
		}
	}
}

func TestUpdatePipelineVersion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.upload(t, "hello")
	v := must(f.ListPipelineVersions(t.Context(), &pipelinev1.ListPipelineVersionsRequest{PipelineId: p.GetPipelineId()}))(t).GetPipelineVersions()[0]
	v.DisplayName, v.Tags = "renamed", map[string]string{"a": "1"}
	got := must(f.UpdatePipelineVersion(t.Context(), &pipelinev1.UpdatePipelineVersionRequest{PipelineVersion: v}))(t)
	if got.GetDisplayName() != "renamed" || got.GetTags()["a"] != "1" || got.GetPipelineSpec() == nil || got.GetName() != "hello" {
		t.Errorf("it is %v", got)
	}
}

func TestCreatePipelineAndVersion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/hello.yaml" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(helloYAML))
	}))
	t.Cleanup(server.Close)
	create := func(name string, v *pipelinev1.PipelineVersion) (*pipelinev1.Pipeline, error) {
		return f.CreatePipelineAndVersion(t.Context(), &pipelinev1.CreatePipelineAndVersionRequest{
			Pipeline: &pipelinev1.Pipeline{DisplayName: name, Tags: map[string]string{"a": "1"}}, PipelineVersion: v,
		})
	}
	at := func(url string) *pipelinev1.PipelineVersion {
		return &pipelinev1.PipelineVersion{PackageUrl: &pipelinev1.Url{PipelineUrl: url}}
	}
	given := at("")
	given.PipelineSpec, given.Name = must(parseSpec([]byte(helloYAML)))(t).shown, "first"
	for name, v := range map[string]*pipelinev1.PipelineVersion{"fetched": at(server.URL + "/hello.yaml"), "given": given} {
		p := must(create(name, v))(t)
		got := must(f.ListPipelineVersions(t.Context(), &pipelinev1.ListPipelineVersionsRequest{PipelineId: p.GetPipelineId()}))(t).GetPipelineVersions()
		if len(got) != 1 || got[0].GetPipelineSpec() == nil || got[0].GetTags()["a"] != "1" || got[0].GetName() != map[string]string{"fetched": "fetched", "given": "first"}[name] {
			t.Errorf("%s: versions are %v", name, got)
		}
	}
	_, err := create("given", given)
	wantFault(t, err, fault.AlreadyExists, "given")
	for url, mention := range map[string]string{
		"": "pipeline_spec", "ftp://x/y": "not an http", server.URL + "/none": "404", "http://127.0.0.1:1/x.yaml": "does not answer",
	} {
		_, err := create("x", at(url))
		wantFault(t, err, fault.Invalid, mention)
	}
	if _, err := f.CreatePipelineVersion(t.Context(), &pipelinev1.CreatePipelineVersionRequest{PipelineId: "x", PipelineVersion: at(server.URL)}); !strings.Contains(err.Error(), "404") {
		t.Errorf("got %v", err)
	}
}
