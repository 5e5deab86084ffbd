package openlineage

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

func TestParseNodeID(t *testing.T) {
	for id, want := range map[string]string{
		"dataset:s3://lake:raw/x":       "DATASET s3://lake raw/x",
		"dataset:postgres://h:5432:a.b": "DATASET postgres://h:5432 a.b",
		"dataset:file:/data/x":          "DATASET file /data/x",
		"job:spark:etl":                 "JOB spark etl",
		"job:ns:2026":                   "JOB ns 2026",
		"run:a:b":                       "",
		"dataset:alone":                 "",
		"dataset::x":                    "",
		"job":                           "",
		"":                              "",
	} {
		got := ""
		if kind, names, ok := parseNodeID(id); ok {
			got = kind + " " + names[0].Namespace + " " + names[0].Name
		}
		if got != want {
			t.Errorf("%s is read as %q, want %q", id, got, want)
		}
	}
}

// FuzzParseNodeID: however an id is read, put together again it is the same.
func FuzzParseNodeID(f *testing.F) {
	f.Add("dataset:s3://b:c:d")
	f.Fuzz(func(t *testing.T, id string) {
		kind, names, ok := parseNodeID(id)
		for _, n := range names {
			if ok && !strings.EqualFold(n.id(kind), id) {
				t.Errorf("%q is read as %v", id, n)
			}
		}
	})
}

// world is a graph of a Spark job that reads a dataset twice, and a task of a
// pipeline that reads what it wrote.
type world struct {
	metadatav1.MetadataServiceClient
}

func own(namespace string) map[string]*metadatav1.Value {
	return withNamespace(map[string]*metadatav1.Value{}, namespace)
}

var (
	raw   = &metadatav1.Artifact{ArtifactId: 1, Uid: "openlineage:s3://lake:raw@1", Namespace: "default", Name: "raw", CustomProperties: own("s3://lake")}
	newer = &metadatav1.Artifact{ArtifactId: 4, Uid: "openlineage:s3://lake:raw@2", Namespace: "default", Name: "raw", CustomProperties: own("s3://lake")}
	clean = &metadatav1.Artifact{ArtifactId: 2, Uid: "c", Uri: "s3://lake/clean"}
	away  = &metadatav1.Artifact{ArtifactId: 3, Uid: "a", Namespace: "team", Name: "raw", CustomProperties: own("s3://lake")}
	etl   = &metadatav1.Execution{ExecutionId: 1, Uid: "r", Name: "etl", State: metadatav1.Execution_STATE_COMPLETE, CustomProperties: own("spark")}
	train = &metadatav1.Execution{ExecutionId: 2, Uid: "t", Name: "train", Context: "run", State: metadatav1.Execution_STATE_RUNNING}
)

func (world) ListArtifacts(_ context.Context, r *metadatav1.ListArtifactsRequest, _ ...grpc.CallOption) (*metadatav1.ListArtifactsResponse, error) {
	found := new(metadatav1.ListArtifactsResponse)
	for _, a := range []*metadatav1.Artifact{newer, away, clean, raw} {
		if (a.GetName() != "" && r.GetFilter() == equals("name", a.GetName())) || (a.GetUri() != "" && r.GetFilter() == equals("uri", a.GetUri())) {
			found.Artifacts = append(found.Artifacts, a)
		}
	}
	return found, nil
}

func (world) ListExecutions(_ context.Context, r *metadatav1.ListExecutionsRequest, _ ...grpc.CallOption) (*metadatav1.ListExecutionsResponse, error) {
	found := new(metadatav1.ListExecutionsResponse)
	for _, x := range []*metadatav1.Execution{etl, train} {
		if r.GetFilter() == equals("name", x.GetName()) {
			found.Executions = append(found.Executions, x)
		}
	}
	return found, nil
}

func (world) GetContext(context.Context, *metadatav1.GetContextRequest, ...grpc.CallOption) (*metadatav1.Context, error) {
	return &metadatav1.Context{Properties: map[string]*metadatav1.Value{"pipeline_name": {Kind: &metadatav1.Value_StringValue{StringValue: "p"}}}}, nil
}

func (world) GetLineage(context.Context, *metadatav1.GetLineageRequest, ...grpc.CallOption) (*metadatav1.GetLineageResponse, error) {
	event := func(a *metadatav1.Artifact, x *metadatav1.Execution, t metadatav1.Event_Type) *metadatav1.Event {
		return &metadatav1.Event{ArtifactId: a.GetArtifactId(), ExecutionId: x.GetExecutionId(), Type: t}
	}
	return &metadatav1.GetLineageResponse{
		Artifacts: []*metadatav1.Artifact{raw, newer, clean}, Executions: []*metadatav1.Execution{etl, train}, Events: []*metadatav1.Event{
			event(raw, etl, metadatav1.Event_TYPE_INPUT), event(newer, etl, metadatav1.Event_TYPE_INPUT),
			event(clean, etl, metadatav1.Event_TYPE_OUTPUT), event(clean, train, metadatav1.Event_TYPE_INPUT),
		},
	}, nil
}

// TestLineageOfANode: versions of a dataset are one node, and what kfmesh ran is
// called as in the events that it sends.
func TestLineageOfANode(t *testing.T) {
	mux := http.NewServeMux()
	Register(mux, world{})
	get := func(query string) (int, string) {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/lineage?"+query, nil))
		return w.Code, w.Body.String()
	}
	want := []string{
		"dataset:s3://lake:clean in job:spark:etl out job:kfmesh://default:p.train",
		"dataset:s3://lake:raw in  out job:spark:etl",
		"job:kfmesh://default:p.train in dataset:s3://lake:clean out ",
		"job:spark:etl in dataset:s3://lake:raw out dataset:s3://lake:clean",
	}
	for _, id := range []string{"dataset:s3://lake:raw", "dataset:s3://lake:clean", "job:spark:etl", "job:kfmesh://default:p.train"} {
		code, said := get("depth=3&nodeId=" + id)
		var answer struct {
			Graph []struct {
				ID       string
				InEdges  []edge
				OutEdges []edge
			}
		}
		if err := json.Unmarshal([]byte(said), &answer); err != nil || code != http.StatusOK {
			t.Fatalf("%s: %d %s", id, code, said)
		}
		var got []string
		for _, n := range answer.Graph {
			var in, out []string
			for _, e := range n.InEdges {
				in = append(in, e.Origin)
			}
			for _, e := range n.OutEdges {
				out = append(out, e.Destination)
			}
			got = append(got, fmt.Sprintf("%s in %s out %s", n.ID, strings.Join(in, " "), strings.Join(out, " ")))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s gives %q, want %q", id, got, want)
		}
	}
	for query, want := range map[string]int{
		"nodeId=dataset:s3://lake:none": 404, "nodeId=job:spark:train": 404, "nodeId=dataset": 400, "": 400, "nodeId=job:spark:etl&depth=x": 400,
		"nodeId=job:spark:etl&namespace=team": 404, "nodeId=dataset:s3://lake:raw&namespace=team": 200,
	} {
		if code, said := get(query); code != want {
			t.Errorf("%q gives %d %s, want %d", query, code, said, want)
		}
	}
}

func TestNamespacesOfEvents(t *testing.T) {
	b := &books{}
	for path, want := range map[string]string{"": "default", "?namespace=team": "team"} {
		post(b, "/api/v1/lineage"+path, runEvent)
		r := b.put[len(b.put)-1]
		own := strings.HasPrefix(r.GetOutputs()[0].GetArtifact().GetUid(), "openlineage/team:")
		if r.GetExecution().GetNamespace() != want || r.GetContexts()[0].GetNamespace() != want || own != (want == "team") {
			t.Errorf("%q is kept as %v", path, r)
		}
	}
	post(b, "/api/v1/lineage", strings.Replace(runEvent, `"namespace":"spark"`, `"namespace":"kfmesh://blue"`, 1))
	if got := b.put[len(b.put)-1].GetExecution().GetNamespace(); got != "blue" {
		t.Errorf("an event of kfmesh's own is kept in %q", got)
	}
}
