package route

import (
	"slices"
	"testing"

	_ "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	_ "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	_ "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	_ "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

func TestOwner(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]string{
		"/kfmesh.pipeline.v1.RunService/GetRun": "pipeline",
		"kfmesh.metadata.v1.ArchiveService":     "metadata",
		"/kfmesh.pipeline.v1/GetRun":            "",
		"/kfmesh..v1.RunService/GetRun":         "",
		"/grpc.health.v1.Health/Check":          "",
		"/kfmesh.door.v1.StoreService/Get":      "",
		"/other.pipeline.v1.RunService/GetRun":  "",
		"":                                      "",
		"/":                                     "",
	} {
		if got, ok := Owner(method); got != want || ok != (want != "") {
			t.Errorf("%q belongs to %q, %v; want %q", method, got, ok, want)
		}
	}
}

func TestServices(t *testing.T) {
	t.Parallel()
	if got, want := Services(), []string{"gpuagent", "metadata", "pipeline"}; !slices.Equal(got, want) {
		t.Errorf("the services are %v, want %v", got, want)
	}
	info := (Table{}).GetServiceInfo()["kfmesh.pipeline.v1.RunService"]
	if info.Metadata != "kfmesh/pipeline/v1/run.proto" {
		t.Errorf("RunService comes from %v", info.Metadata)
	}
}
