package graph_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/graph"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

func intValue(n int64) *metadatav1.Value {
	return &metadatav1.Value{Kind: &metadatav1.Value_IntValue{IntValue: n}}
}

// job is a context below another.
func job() *metadatav1.Context {
	return &metadatav1.Context{
		Uid: "job", Namespace: "default", Name: "my job", Type: "mine.Job",
		Properties:       map[string]*metadatav1.Value{"a": intValue(1)},
		CustomProperties: map[string]*metadatav1.Value{"x": {Kind: &metadatav1.Value_DoubleValue{DoubleValue: 0.5}}},
		Parents:          []*metadatav1.Context{{Uid: "project", Name: "my project", Type: "mine.Project"}},
	}
}

func TestContextsAreMerged(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		g := graph.New(db)
		first, err := g.PutContexts(t.Context(), []*metadatav1.Context{job()})
		if err != nil {
			t.Fatal(err)
		}
		second, err := g.PutContexts(t.Context(), []*metadatav1.Context{{
			Uid: "job", Properties: map[string]*metadatav1.Value{"a": intValue(2), "b": intValue(3)},
			Parents: []*metadatav1.Context{{Uid: "other", Name: "other"}},
		}})
		if err != nil || second[0] != first[0] {
			t.Fatalf("numbers %v, then %v, %v", first, second, err)
		}
		c, err := g.Context(t.Context(), first[0], "")
		if err != nil || c.GetName() != "my job" || c.GetProperties()["a"].GetIntValue() != 2 || c.GetProperties()["b"].GetIntValue() != 3 ||
			c.GetCustomProperties()["x"].GetDoubleValue() != 0.5 || len(c.GetParents()) != 2 {
			t.Errorf("context %v, %v", c, err)
		}
		byUID, err := g.Context(t.Context(), 0, "job")
		if err != nil || !proto.Equal(c, byUID) {
			t.Errorf("by uid it is %v, %v", byUID, err)
		}
		if _, err := g.Context(t.Context(), 0, "none"); !fault.Is(err, fault.NotFound) {
			t.Errorf("one that is not there gives %v", err)
		}
	})
}

func TestWhatBelongsToAContext(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		g := graph.New(db)
		request := training()
		request.Contexts = []*metadatav1.Context{job()}
		request.Execution.Properties = map[string]*metadatav1.Value{}
		request.Execution.CustomProperties = map[string]*metadatav1.Value{"n": intValue(7)}
		ids := put(t, g, request)
		put(t, g, request) // joins nothing twice
		other := training()
		other.Execution.Uid = "other"
		put(t, g, other)
		for _, uid := range []string{"job", "project"} {
			c, err := g.Context(t.Context(), 0, uid)
			if err != nil {
				t.Fatal(err)
			}
			executions, err := g.ListExecutions(t.Context(), &metadatav1.ListExecutionsRequest{ContextId: c.GetContextId()})
			if err != nil || executions.GetTotalSize() != 1 || executions.GetExecutions()[0].GetCustomProperties()["n"].GetIntValue() != 7 {
				t.Errorf("%s has the executions %v, %v", uid, executions, err)
			}
			artifacts, err := g.ListArtifacts(t.Context(), &metadatav1.ListArtifactsRequest{ContextId: c.GetContextId()})
			if err != nil || artifacts.GetTotalSize() != 2 {
				t.Errorf("%s has the artifacts %v, %v", uid, artifacts, err)
			}
		}
		for name, list := range map[string]*metadatav1.ListContextsRequest{
			"of an execution": {ExecutionId: ids.GetExecutionId()}, "of an artifact": {ArtifactId: ids.GetOutputArtifactIds()[0]},
		} {
			found, err := g.ListContexts(t.Context(), list)
			if err != nil || found.GetTotalSize() != 1 || found.GetContexts()[0].GetUid() != "job" || len(found.GetContexts()[0].GetParents()) != 1 {
				t.Errorf("%s: %v, %v", name, found, err)
			}
		}
	})
}

// TestMergeInAnyOrder: what is told bit by bit comes to the same in any order.
func TestMergeInAnyOrder(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		started := &metadatav1.PutExecutionRequest{Merge: true, Execution: &metadatav1.Execution{
			Uid: "e", Name: "e", State: metadatav1.Execution_STATE_RUNNING, StartTime: at(1),
			CustomProperties: map[string]*metadatav1.Value{"a": intValue(1)},
		}, Inputs: []*metadatav1.ArtifactEvent{{Key: "in", Artifact: &metadatav1.Artifact{Uid: "d", Uri: "s3://d"}}}}
		ended := &metadatav1.PutExecutionRequest{Merge: true, Execution: &metadatav1.Execution{
			Uid: "e", State: metadatav1.Execution_STATE_COMPLETE, FinishTime: at(2),
			CustomProperties: map[string]*metadatav1.Value{"b": intValue(2)},
		}, Outputs: []*metadatav1.ArtifactEvent{{Key: "out", Artifact: &metadatav1.Artifact{Uid: "d", Name: "d"}}}}
		for name, order := range map[string][]*metadatav1.PutExecutionRequest{
			"in order": {started, ended}, "the end first": {ended, started}, "again and again": {ended, started, ended, started},
		} {
			g := graph.New(db)
			var id int64
			for _, request := range order {
				request = proto.CloneOf(request)
				request.Execution.Uid += name
				for _, e := range append(request.GetInputs(), request.GetOutputs()...) {
					e.Artifact.Uid += name
				}
				id = put(t, g, request).GetExecutionId()
			}
			e, err := g.Execution(t.Context(), id)
			if err != nil || e.GetState() != metadatav1.Execution_STATE_COMPLETE || e.GetName() != "e" || !proto.Equal(e.GetStartTime(), at(1)) ||
				!proto.Equal(e.GetFinishTime(), at(2)) || len(e.GetCustomProperties()) != 2 {
				t.Errorf("%s: execution %v, %v", name, e, err)
			}
			found := events(t, g, id, 0)
			if len(found) != 2 {
				t.Fatalf("%s: events %v", name, found)
			}
			if a := read(t, g, found[0].GetArtifactId()); a.GetUri() != "s3://d" || a.GetName() != "d" {
				t.Errorf("%s: artifact %v", name, a)
			}
		}
	})
}
