package graph_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/graph"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

func at(seconds int64) *timestamppb.Timestamp { return timestamppb.New(time.Unix(seconds, 1)) }

// training is a task that reads a dataset and writes a model and metrics.
func training() *metadatav1.PutExecutionRequest {
	parameters := &structpb.Struct{Fields: map[string]*structpb.Value{"rate": structpb.NewNumberValue(0.1)}}
	metrics := &structpb.Struct{Fields: map[string]*structpb.Value{
		"accuracy": structpb.NewNumberValue(0.97), "loss": structpb.NewNumberValue(math.Inf(1)),
	}}
	return &metadatav1.PutExecutionRequest{
		Execution: &metadatav1.Execution{
			Uid: "run-1/train", Namespace: "default", Name: "train", Type: "system.ContainerExecution", Context: "run-1",
			State: metadatav1.Execution_STATE_COMPLETE, InputParameters: parameters, OutputParameters: metrics,
			StartTime: at(10), FinishTime: at(20), CreateTime: at(9),
		},
		Inputs: []*metadatav1.ArtifactEvent{{Key: "data", Artifact: &metadatav1.Artifact{Uid: "data", Uri: "s3://b/data"}}},
		Outputs: []*metadatav1.ArtifactEvent{
			{Key: "model", Artifact: &metadatav1.Artifact{
				Uid: "model", Namespace: "default", Name: "model", Type: "system.Model", Uri: "/a/model",
				Digest: "sha256:00", Context: "run-1", CreateTime: at(20),
			}},
			{Key: "metrics", Index: 1, Artifact: &metadatav1.Artifact{Uid: "metrics", Metadata: metrics, CreateTime: at(20)}},
		},
	}
}

func TestPutThenRead(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		g, request := graph.New(db), training()
		ids := put(t, g, request)

		execution, err := g.Execution(t.Context(), ids.GetExecutionId())
		request.Execution.ExecutionId = ids.GetExecutionId()
		if err != nil || !proto.Equal(execution, request.GetExecution()) {
			t.Errorf("execution %v, %v; want %v", execution, err, request.GetExecution())
		}
		for i, event := range request.GetOutputs() {
			event.Artifact.ArtifactId = ids.GetOutputArtifactIds()[i]
			if artifact := read(t, g, ids.GetOutputArtifactIds()[i]); !proto.Equal(artifact, event.GetArtifact()) {
				t.Errorf("artifact %v, want %v", artifact, event.GetArtifact())
			}
		}
		input := read(t, g, ids.GetInputArtifactIds()[0])
		if input.GetUri() != "s3://b/data" || input.GetCreateTime() == nil {
			t.Errorf("input %v, want it recorded with a time", input)
		}
		events, err := g.Events(t.Context(), ids.GetExecutionId(), 0)
		if err != nil || len(events) != 3 || events[0].GetType() != metadatav1.Event_TYPE_INPUT ||
			events[1].GetKey() != "metrics" || events[1].GetIndex() != 1 || events[2].GetArtifactId() != ids.GetOutputArtifactIds()[0] {
			t.Errorf("events %v, %v", events, err)
		}
	})
}

func TestPutAgainUpdatesAndDuplicatesNothing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		g := graph.New(db)
		started := training()
		started.Execution.State, started.Outputs = metadatav1.Execution_STATE_RUNNING, nil
		first := put(t, g, started)
		ended := training()
		ended.Inputs[0].Artifact = &metadatav1.Artifact{Uid: "data"} // known, so its uid is enough
		ended.Execution.CreateTime = nil
		second := put(t, g, ended)
		third := put(t, g, ended)
		if first.GetExecutionId() != second.GetExecutionId() || !proto.Equal(second, third) {
			t.Errorf("numbers %v, then %v, then %v", first, second, third)
		}
		execution, err := g.Execution(t.Context(), second.GetExecutionId())
		if err != nil || execution.GetState() != metadatav1.Execution_STATE_COMPLETE || !proto.Equal(execution.GetCreateTime(), at(9)) {
			t.Errorf("execution %v, %v; want it complete with its first create time", execution, err)
		}
		if input := read(t, g, second.GetInputArtifactIds()[0]); input.GetUri() != "s3://b/data" {
			t.Errorf("input %v lost what was known", input)
		}
		for _, events := range [][]*metadatav1.Event{
			events(t, g, second.GetExecutionId(), 0), events(t, g, 0, second.GetOutputArtifactIds()[0]),
			events(t, g, second.GetExecutionId(), second.GetInputArtifactIds()[0]),
		} {
			if len(events) != 3 && len(events) != 1 {
				t.Errorf("events %v", events)
			}
		}
		if total := artifacts(t, g, &metadatav1.ListArtifactsRequest{}).GetTotalSize(); total != 3 {
			t.Errorf("%d artifacts, want 3", total)
		}
	})
}

func TestOutputsAreUpdatedUnlessCached(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		g := graph.New(db)
		model := put(t, g, training()).GetOutputArtifactIds()[0]

		cached := training()
		cached.Execution.Uid, cached.Execution.State = "run-2/train", metadatav1.Execution_STATE_CACHED
		cached.Outputs[0].Artifact = &metadatav1.Artifact{Uid: "model"}
		ids := put(t, g, cached)
		if ids.GetOutputArtifactIds()[0] != model || read(t, g, model).GetUri() != "/a/model" {
			t.Errorf("a cached execution changed %v", read(t, g, model))
		}

		moved := training()
		moved.Outputs[0].Artifact.Uri, moved.Outputs[0].Artifact.CreateTime = "/b/model", at(99)
		put(t, g, moved)
		if got := read(t, g, model); got.GetUri() != "/b/model" || !proto.Equal(got.GetCreateTime(), at(20)) {
			t.Errorf("model %v, want the new uri and the old create time", got)
		}
	})
}

func TestPutOneArtifactInSeveralRoles(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		g, request := graph.New(db), training()
		same := &metadatav1.Artifact{Uid: "same", Uri: "/same"}
		request.Inputs = []*metadatav1.ArtifactEvent{{Key: "a", Artifact: &metadatav1.Artifact{Uid: "same"}}, {Key: "b", Artifact: &metadatav1.Artifact{Uid: "same"}}}
		request.Outputs = []*metadatav1.ArtifactEvent{{Key: "a", Artifact: same}, {Key: "b", Artifact: same}}
		ids := put(t, g, request)
		all := slices.Concat(ids.GetInputArtifactIds(), ids.GetOutputArtifactIds())
		if len(all) != 4 || len(slices.Compact(all)) != 1 || read(t, g, all[0]).GetUri() != "/same" {
			t.Errorf("numbers %v, want one, four times", ids)
		}
		if n := len(events(t, g, ids.GetExecutionId(), 0)); n != 4 {
			t.Errorf("%d events, want 4", n)
		}
	})
}

func TestPutManyArtifacts(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		g, request := graph.New(db), training()
		const many = 1201 // more than one batch
		request.Inputs = nil
		for i := range many {
			request.Inputs = append(request.Inputs, &metadatav1.ArtifactEvent{
				Key: "parts", Index: int32(i), Artifact: &metadatav1.Artifact{Uid: fmt.Sprint("part-", i)},
			})
		}
		ids := put(t, g, request)
		if distinct := len(slices.Compact(slices.Sorted(slices.Values(ids.GetInputArtifactIds())))); distinct != many {
			t.Errorf("%d numbers, want %d", distinct, many)
		}
		lineage, err := g.Lineage(t.Context(), &metadatav1.GetLineageRequest{
			ArtifactId: ids.GetOutputArtifactIds()[0], Direction: metadatav1.GetLineageRequest_DIRECTION_UP,
		})
		if err != nil || len(lineage.GetArtifacts()) != many+1 || len(lineage.GetEvents()) != many+1 {
			t.Errorf("lineage of %d artifacts and %d events, %v", len(lineage.GetArtifacts()), len(lineage.GetEvents()), err)
		}
	})
}

func TestDeleteArtifact(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		g := graph.New(db)
		ids := put(t, g, training())
		gone := ids.GetOutputArtifactIds()[1]
		if err := g.DeleteArtifact(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		if err := g.DeleteArtifact(t.Context(), gone); !fault.Is(err, fault.NotFound) {
			t.Errorf("deleting again: %v, want NotFound", err)
		}
		if _, err := g.Artifact(t.Context(), gone); !fault.Is(err, fault.NotFound) {
			t.Errorf("Artifact = %v, want NotFound", err)
		}
		if _, err := g.Lineage(t.Context(), &metadatav1.GetLineageRequest{ArtifactId: gone}); !fault.Is(err, fault.NotFound) {
			t.Errorf("Lineage = %v, want NotFound", err)
		}
		if n := len(events(t, g, ids.GetExecutionId(), 0)); n != 2 {
			t.Errorf("%d events are left, want 2", n)
		}
		request := training()
		request.Outputs[1].Artifact.Uid = "another"
		if again := put(t, g, request).GetOutputArtifactIds()[1]; again == gone {
			t.Errorf("number %d was given again", gone)
		}
	})
}

func TestWhatIsMissing(t *testing.T) {
	g := graph.New(sqltest.SQLite(t))
	if _, err := g.Execution(t.Context(), 7); !fault.Is(err, fault.NotFound) {
		t.Errorf("Execution = %v, want NotFound", err)
	}
	if _, err := g.Events(t.Context(), 0, 0); !fault.Is(err, fault.Invalid) {
		t.Errorf("Events = %v, want Invalid", err)
	}
}

func TestListPages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		g := graph.New(db)
		for i := range 7 {
			request := training()
			request.Execution.Uid, request.Execution.Context = fmt.Sprint(i), fmt.Sprint("run-", i%2)
			request.Execution.CreateTime = at(int64(100 - i/3))
			put(t, g, request)
		}
		request := &metadatav1.ListExecutionsRequest{
			Filter: equals("context", "run-0"), OrderBy: "create_time desc", PageSize: 2,
		}
		var uids []string
		for {
			page, err := g.ListExecutions(t.Context(), request)
			if err != nil || page.GetTotalSize() != 4 {
				t.Fatalf("page %v, %v; want a total of 4", page, err)
			}
			for _, execution := range page.GetExecutions() {
				uids = append(uids, execution.GetUid())
			}
			if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
				break
			}
		}
		if want := []string{"2", "0", "4", "6"}; !slices.Equal(uids, want) {
			t.Errorf("executions %v, want %v", uids, want)
		}
		byType := artifacts(t, g, &metadatav1.ListArtifactsRequest{Filter: equals("type", "system.Model"), OrderBy: "name"})
		if len(byType.GetArtifacts()) != 1 || byType.GetArtifacts()[0].GetUid() != "model" || byType.GetNextPageToken() != "" {
			t.Errorf("models %v", byType)
		}
	})
}

func TestListByState(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		g := graph.New(db)
		put(t, g, training())
		for state, want := range map[string]int64{"STATE_COMPLETE": 1, "STATE_FAILED": 0} {
			page, err := g.ListExecutions(t.Context(), &metadatav1.ListExecutionsRequest{Filter: equals("state", state), OrderBy: "state"})
			if err != nil || page.GetTotalSize() != want {
				t.Errorf("%s: %v, %v; want %d", state, page, err, want)
			}
		}
	})
}

// TestConcurrentWriters has executions that share inputs and outputs stored at
// the same time and again: every uid gets one number.
func TestConcurrentWriters(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		g := graph.New(db)
		const writers, rounds = 8, 12
		var mu sync.Mutex
		numbers := map[string]int64{} // guarded by mu
		note := func(uid string, id int64) {
			mu.Lock()
			defer mu.Unlock()
			if known, ok := numbers[uid]; ok && known != id || id == 0 {
				t.Errorf("%s has the numbers %d and %d", uid, known, id)
			}
			numbers[uid] = id
		}
		var group sync.WaitGroup
		for w := range writers {
			group.Go(func() {
				for i := range rounds {
					request := shared(w, i)
					ids, err := g.Put(t.Context(), request)
					if err != nil {
						t.Errorf("put: %v", err)
						continue
					}
					note(request.GetExecution().GetUid(), ids.GetExecutionId())
					for j, event := range request.GetInputs() {
						note(event.GetArtifact().GetUid(), ids.GetInputArtifactIds()[j])
					}
					for j, event := range request.GetOutputs() {
						note(event.GetArtifact().GetUid(), ids.GetOutputArtifactIds()[j])
					}
				}
			})
		}
		group.Wait()
		if total := artifacts(t, g, &metadatav1.ListArtifactsRequest{}).GetTotalSize(); total != 5 {
			t.Errorf("%d artifacts, want 5", total)
		}
	})
}

// shared is an execution over five artifacts that all writers touch, in an
// order that differs from writer to writer.
func shared(writer, round int) *metadatav1.PutExecutionRequest {
	request := &metadatav1.PutExecutionRequest{Execution: &metadatav1.Execution{Uid: fmt.Sprint("e", (writer+round)%3)}}
	for i := range 5 {
		uid := fmt.Sprint("a", (i*(writer+1)+round)%5)
		event := &metadatav1.ArtifactEvent{Key: fmt.Sprint(i), Artifact: &metadatav1.Artifact{Uid: uid}}
		if (i+writer)%2 == 0 {
			request.Inputs = append(request.Inputs, event)
		} else {
			request.Outputs = append(request.Outputs, event)
		}
	}
	return request
}

// An artifact that one execution of a batch writes and the next reads is one.
func TestPutAllIsPutOfEach(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		g := graph.New(db)
		serving := &metadatav1.PutExecutionRequest{
			Execution: &metadatav1.Execution{Uid: "run-1/serve", State: metadatav1.Execution_STATE_COMPLETE},
			Inputs:    []*metadatav1.ArtifactEvent{{Key: "model", Artifact: &metadatav1.Artifact{Uid: "model"}}},
		}
		ids, err := g.PutAll(t.Context(), &metadatav1.PutExecutionsRequest{Requests: []*metadatav1.PutExecutionRequest{training(), serving}})
		if err != nil || len(ids) != 2 {
			t.Fatalf("PutAll = %v, %v", ids, err)
		}
		if ids[1].GetInputArtifactIds()[0] != ids[0].GetOutputArtifactIds()[0] {
			t.Errorf("the model is %v where it is written and %v where it is read", ids[0], ids[1])
		}
		if again := put(t, g, serving); !proto.Equal(again, ids[1]) {
			t.Errorf("put alone %v, in the batch %v", again, ids[1])
		}
		if model := read(t, g, ids[1].GetInputArtifactIds()[0]); model.GetUri() != "/a/model" {
			t.Errorf("the model is %v, want what its writer said of it", model)
		}
	})
}

func TestPutAllStoresAllOrNothing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		g := graph.New(db)
		refused := training()
		refused.Execution.Uid = "refused"
		refused.Execution.InputParameters = &structpb.Struct{Fields: map[string]*structpb.Value{"\xff": structpb.NewNullValue()}}
		if _, err := g.PutAll(t.Context(), &metadatav1.PutExecutionsRequest{Requests: []*metadatav1.PutExecutionRequest{training(), refused}}); err == nil {
			t.Fatal("text that is not UTF-8 was stored")
		}
		if total := artifacts(t, g, &metadatav1.ListArtifactsRequest{}).GetTotalSize(); total != 0 {
			t.Errorf("%d artifacts of a batch that failed", total)
		}
	})
}

func TestCheck(t *testing.T) {
	if err := graph.Check(training()); err != nil {
		t.Errorf("Check = %v", err)
	}
	request := training()
	request.Execution.Uid = ""
	request.Execution.StartTime = &timestamppb.Timestamp{Seconds: -1 << 36}
	request.Outputs[0].Artifact.Uid = ""
	request.Outputs[1].Key, request.Outputs[1].Index = "model", 0
	err := graph.Check(request)
	for _, field := range []string{"execution.uid", "execution.start_time", "outputs[0].artifact.uid", "outputs[1]: has the key"} {
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), field) {
			t.Errorf("Check = %v, want Invalid at %s", err, field)
		}
	}
}

func put(t *testing.T, g *graph.Graph, request *metadatav1.PutExecutionRequest) *metadatav1.PutExecutionResponse {
	t.Helper()
	ids, err := g.Put(t.Context(), request)
	if err != nil {
		t.Fatalf("put: %v", err)
	}
	return ids
}

func read(t *testing.T, g *graph.Graph, id int64) *metadatav1.Artifact {
	t.Helper()
	artifact, err := g.Artifact(t.Context(), id)
	if err != nil {
		t.Fatalf("artifact: %v", err)
	}
	return artifact
}

func events(t *testing.T, g *graph.Graph, execution, artifact int64) []*metadatav1.Event {
	t.Helper()
	list, err := g.Events(t.Context(), execution, artifact)
	if err != nil {
		t.Fatalf("events: %v", err)
	}
	return list
}

func artifacts(t *testing.T, g *graph.Graph, request *metadatav1.ListArtifactsRequest) *metadatav1.ListArtifactsResponse {
	t.Helper()
	page, err := g.ListArtifacts(t.Context(), request)
	if err != nil {
		t.Fatalf("list artifacts: %v", err)
	}
	return page
}

func equals(key, value string) string {
	return fmt.Sprintf(`{"predicates": [{"operation": "EQUALS", "key": %q, "string_value": %q}]}`, key, value)
}
