package cli

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// fakeModels is a registry with one model, "iris", whose versions 1 and 2 are named
// "one" and "2", and whose alias "best" is version 2.
type fakeModels struct {
	metadatav1.UnimplementedModelRegistryServiceServer
	asked []proto.Message // what changes something
}

func (f *fakeModels) version(number int64) *metadatav1.ModelVersion {
	v := &metadatav1.ModelVersion{
		Id: 10 + number, ModelName: "iris", Number: number, Name: strconv.FormatInt(number, 10), Namespace: "default",
		Stage: metadatav1.ModelStage_MODEL_STAGE_NONE, State: metadatav1.ModelState_MODEL_STATE_LIVE, Source: "models:/m-1",
		ArtifactUri: "s3://b/iris", RunId: strings.Repeat("a", 32), CreationTime: now.UnixMilli() - 60_000,
	}
	if number == 1 {
		v.Name = "one"
	} else {
		v.Stage, v.Aliases = metadatav1.ModelStage_MODEL_STAGE_PRODUCTION, []string{"best"}
	}
	return v
}

func (f *fakeModels) model() *metadatav1.RegisteredModel {
	return &metadatav1.RegisteredModel{
		Id: 1, Name: "iris", Namespace: "default", Description: "flowers", Owner: "ada", State: metadatav1.ModelState_MODEL_STATE_LIVE,
		LastUpdateTime: now.UnixMilli() - 60_000, CreationTime: now.UnixMilli() - 60_000,
		LatestVersions: []*metadatav1.ModelVersion{f.version(1), f.version(2)}, Aliases: []*metadatav1.ModelAlias{{Alias: "best", Version: 2}},
		Properties: map[string]*metadatav1.PropertyValue{"n": {Value: &metadatav1.PropertyValue_IntValue{IntValue: 3}}},
	}
}

func (f *fakeModels) GetRegisteredModel(_ context.Context, r *metadatav1.GetRegisteredModelRequest) (*metadatav1.RegisteredModel, error) {
	if r.GetName() != "iris" {
		return nil, fault.NotFoundf("Registered Model with name=%s not found", r.GetName())
	}
	return f.model(), nil
}

func (f *fakeModels) SearchRegisteredModels(context.Context, *metadatav1.SearchRegisteredModelsRequest) (*metadatav1.SearchRegisteredModelsResponse, error) {
	return &metadatav1.SearchRegisteredModelsResponse{Models: []*metadatav1.RegisteredModel{f.model()}}, nil
}

func (f *fakeModels) SearchModelVersions(_ context.Context, r *metadatav1.SearchModelVersionsRequest) (*metadatav1.SearchModelVersionsResponse, error) {
	versions := []*metadatav1.ModelVersion{f.version(2), f.version(1)}
	if r.GetFilter() != "" && r.GetFilter() != "name = 'iris'" {
		versions = nil
	}
	return &metadatav1.SearchModelVersionsResponse{Versions: versions}, nil
}

func (f *fakeModels) GetModelVersion(_ context.Context, r *metadatav1.GetModelVersionRequest) (*metadatav1.ModelVersion, error) {
	switch {
	case r.GetVersion() == "1" || r.GetVersionName() == "one":
		return f.version(1), nil
	case r.GetVersion() == "2" || r.GetAlias() == "best":
		return f.version(2), nil
	}
	return nil, fault.NotFoundf("Model Version (name=%s, version=%s) not found", r.GetModelName(), r.GetVersionName()+r.GetVersion())
}

func (f *fakeModels) GetModelVersionProvenance(context.Context, *metadatav1.GetModelVersionProvenanceRequest) (*metadatav1.ModelVersionProvenance, error) {
	return &metadatav1.ModelVersionProvenance{
		Run:               &metadatav1.TrackingRun{Info: &metadatav1.TrackingRunInfo{RunName: "bright-owl"}, Params: []*metadatav1.Param{{Key: "lr", Value: "0.1"}}},
		Metrics:           []*metadatav1.Metric{{Key: "loss", Value: 0.25, Step: 3}},
		Datasets:          []*metadatav1.DatasetInput{{Dataset: &metadatav1.Dataset{Name: "flowers", Digest: "d1"}, Tags: []*metadatav1.Tag{{Key: "mlflow.data.context", Value: "training"}}}},
		LineageArtifactId: 7,
	}, nil
}

func (f *fakeModels) CreateRegisteredModel(_ context.Context, r *metadatav1.CreateRegisteredModelRequest) (*metadatav1.RegisteredModel, error) {
	if r.GetModel().GetName() == "iris" {
		return nil, fault.AlreadyExistsf("Registered Model (name=iris) already exists.")
	}
	f.asked = append(f.asked, r)
	return r.GetModel(), nil
}

func (f *fakeModels) CreateModelVersion(_ context.Context, r *metadatav1.CreateModelVersionRequest) (*metadatav1.ModelVersion, error) {
	f.asked = append(f.asked, r)
	v := proto.CloneOf(r.GetVersion())
	v.Number = 3
	return v, nil
}

func (f *fakeModels) TransitionModelVersion(_ context.Context, r *metadatav1.TransitionModelVersionRequest) (*metadatav1.ModelVersion, error) {
	f.asked = append(f.asked, r)
	return f.version(2), nil
}

func (f *fakeModels) SetModelAlias(_ context.Context, r *metadatav1.SetModelAliasRequest) (*metadatav1.SetModelAliasResponse, error) {
	f.asked = append(f.asked, r)
	return &metadatav1.SetModelAliasResponse{}, nil
}

func (f *fakeModels) DeleteModelAlias(_ context.Context, r *metadatav1.DeleteModelAliasRequest) (*metadatav1.DeleteModelAliasResponse, error) {
	f.asked = append(f.asked, r)
	return &metadatav1.DeleteModelAliasResponse{}, nil
}

func (f *fakeModels) DeleteModelVersion(_ context.Context, r *metadatav1.DeleteModelVersionRequest) (*metadatav1.DeleteModelVersionResponse, error) {
	f.asked = append(f.asked, r)
	return &metadatav1.DeleteModelVersionResponse{}, nil
}

func TestModelsAreShown(t *testing.T) {
	for args, want := range map[string][]string{
		"get models":                     {"NAME", "PRODUCTION", "iris", "best=2", "flowers"},
		"get model iris -o name":         {"model/iris\n"},
		"get modelversions --model iris": {"iris/2", "iris/1", "one", "Production", "s3://b/iris"},
		"get mv iris/best -o name":       {"modelversion/iris/2\n"},
		"describe model iris":            {"n=3", "newest versions", "loss=0.25", "best"},
		"describe modelversion iris/one": {"bright-owl", "lr", "0.25", "training", "d1", "models:/m-1", "Lineage artifact", "7"},
	} {
		got := invoke(t, &fake{models: &fakeModels{}}, strings.Fields(args)...)
		for _, part := range want {
			if got.status != 0 || !strings.Contains(got.out, part) {
				t.Errorf("%s: status %d, without %q:\n%s%s", args, got.status, part, got.out, got.err)
			}
		}
	}
}

func TestModelsAreChanged(t *testing.T) {
	run := strings.Repeat("b", 32)
	for args, want := range map[string]struct {
		out  string
		last proto.Message
	}{
		"models register iris s3://b/new": {"registered version 3 of model iris\n", &metadatav1.CreateModelVersionRequest{
			Version: &metadatav1.ModelVersion{ModelName: "iris", Source: "s3://b/new"},
		}},
		"models register iris --run " + run + " -o name": {"modelversion/iris/3\n", &metadatav1.CreateModelVersionRequest{
			Version: &metadatav1.ModelVersion{ModelName: "iris", RunId: run},
		}},
		"models register new s3://b/new --alias best": {"registered version 3 of model new\n", &metadatav1.SetModelAliasRequest{
			Name: "new", Alias: "best", Version: "3",
		}},
		"models promote iris best --archive-existing": {"version 2 of model iris is in Production\n", &metadatav1.TransitionModelVersionRequest{
			Name: "iris", Version: "2", Stage: "Production", ArchiveExistingVersions: true,
		}},
		"models alias iris champion one": {"alias champion of model iris is version 1\n", &metadatav1.SetModelAliasRequest{
			Name: "iris", Alias: "champion", Version: "1",
		}},
		"models alias iris best --delete": {"alias best of model iris is gone\n", &metadatav1.DeleteModelAliasRequest{Name: "iris", Alias: "best"}},
		"delete modelversion iris/1": {"", &metadatav1.DeleteModelVersionRequest{
			Namespace: "default", Name: "iris", Version: "1",
		}},
	} {
		models := &fakeModels{}
		got := invoke(t, &fake{models: models}, strings.Fields(args)...)
		if got.status != 0 || !strings.HasSuffix(got.out, want.out) || len(models.asked) == 0 {
			t.Errorf("%s: status %d, %d requests, %q %s", args, got.status, len(models.asked), got.out, got.err)
			continue
		}
		if last := models.asked[len(models.asked)-1]; !proto.Equal(last, want.last) {
			t.Errorf("%s asks %v, want %v", args, last, want.last)
		}
	}
}

func TestModelsWrongUsage(t *testing.T) {
	for args, want := range map[string]string{
		"models register iris":                     "say what the version is of",
		"models register iris s3://b --artifact 1": "say what the version is of",
		"models register iris s3://b --tag x":      `"x" is not KEY=VALUE`,
		"models alias iris champion":               "give a version to point the alias to",
		"models alias iris champion 1 --delete":    "give a version to point the alias to",
		"models promote iris 9":                    "Model Version (name=iris, version=9) not found",
		"get runs --model iris":                    "does not go with runs",
		"describe modelversion iris":               `"iris" means 2 modelversions`,
		"get model rose":                           `there is no model "rose"`,
	} {
		if got := invoke(t, &fake{models: &fakeModels{}}, strings.Fields(args)...); got.status == 0 || !strings.Contains(got.err, want) {
			t.Errorf("%s: status %d, %q, want %q", args, got.status, got.err, want)
		}
	}
}

// A run of a pipeline stands for the one model that it made.
func TestARunStandsForItsModel(t *testing.T) {
	models := &fakeModels{}
	f := populated(t)
	f.models = models
	f.artifacts = []*metadatav1.Artifact{{ArtifactId: 5, Uid: "u", Name: "model", Type: "system.Model", Context: runID, Uri: "s3://b/m"}}
	if got := invoke(t, f, "models", "register", "iris", "--run", runID); got.status != 0 {
		t.Fatalf("status %d: %s", got.status, got.err)
	}
	want := &metadatav1.CreateModelVersionRequest{Version: &metadatav1.ModelVersion{ModelName: "iris", LineageArtifactId: 5}}
	if len(models.asked) != 1 || !proto.Equal(models.asked[0], want) {
		t.Errorf("asks %v, want %v", models.asked, want)
	}
	f.artifacts = nil
	if got := invoke(t, f, "models", "register", "iris", "--run", runID); got.status == 0 || !strings.Contains(got.err, "made no artifact of type system.Model") {
		t.Errorf("status %d: %s", got.status, got.err)
	}
}
