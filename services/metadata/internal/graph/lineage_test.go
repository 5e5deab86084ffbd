package graph_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/graph"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

// slot is where an event hangs on its execution.
type slot struct {
	execution string
	output    bool
	index     int32
}

// model is the graph in memory: the artifact in every slot.
type model map[slot]string

// reach is the definition of lineage: the slots that a walk of some hops crosses.
func (m model) reach(start string, up bool, hops int) map[slot]bool {
	known, crossed := map[string]bool{start: true}, map[slot]bool{}
	for range hops {
		executions := map[string]bool{}
		for s, artifact := range m {
			if s.output == up && known[artifact] {
				executions[s.execution], crossed[s] = true, true
			}
		}
		for s, artifact := range m {
			if s.output != up && executions[s.execution] {
				known[artifact], crossed[s] = true, true
			}
		}
	}
	return crossed
}

// TestLineageMatchesModel stores and deletes at random, in SQL and in memory,
// and compares what walks reach.
func TestLineageMatchesModel(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		g, rounds := graph.New(db), 0
		rapid.Check(t, func(r *rapid.T) {
			rounds++
			prefix := fmt.Sprint("round-", rounds, "/") // a graph of its own for every round
			names := map[int64]string{}                 // of artifacts and, negated, executions
			ids, m := map[string]int64{}, model{}
			for range rapid.IntRange(1, 10).Draw(r, "puts") {
				request := drawPut(r, prefix)
				response, err := g.Put(t.Context(), request)
				if err != nil {
					r.Fatal(err)
				}
				names[-response.GetExecutionId()] = request.GetExecution().GetUid()
				m.put(request, response, names, ids)
			}
			if len(ids) > 0 && rapid.Bool().Draw(r, "delete") {
				m.remove(r, t, g, ids)
			}
			compareWalks(r, t, g, m, names, ids)
		})
	})
}

func drawPut(r *rapid.T, prefix string) *metadatav1.PutExecutionRequest {
	request := &metadatav1.PutExecutionRequest{
		Execution: &metadatav1.Execution{Uid: prefix + rapid.SampledFrom([]string{"p", "q", "r", "s"}).Draw(r, "execution")},
	}
	side := func(label string) (events []*metadatav1.ArtifactEvent) {
		for i, uid := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}), 0, 3).Draw(r, label) {
			events = append(events, &metadatav1.ArtifactEvent{
				Key: "key", Index: int32(i), Artifact: &metadatav1.Artifact{Uid: prefix + uid},
			})
		}
		return events
	}
	request.Inputs, request.Outputs = side("inputs"), side("outputs")
	return request
}

func (m model) put(request *metadatav1.PutExecutionRequest, response *metadatav1.PutExecutionResponse, names map[int64]string, ids map[string]int64) {
	note := func(events []*metadatav1.ArtifactEvent, numbers []int64, output bool) {
		for i, event := range events {
			uid := event.GetArtifact().GetUid()
			names[numbers[i]], ids[uid] = uid, numbers[i]
			m[slot{request.GetExecution().GetUid(), output, event.GetIndex()}] = uid
		}
	}
	note(request.GetInputs(), response.GetInputArtifactIds(), false)
	note(request.GetOutputs(), response.GetOutputArtifactIds(), true)
}

// remove deletes some artifact from both.
func (m model) remove(r *rapid.T, t *testing.T, g *graph.Graph, ids map[string]int64) {
	uid := rapid.SampledFrom(slices.Sorted(maps.Keys(ids))).Draw(r, "deleted")
	if err := g.DeleteArtifact(t.Context(), ids[uid]); err != nil {
		r.Fatal(err)
	}
	delete(ids, uid)
	maps.DeleteFunc(m, func(_ slot, artifact string) bool { return artifact == uid })
}

// compareWalks compares the walks from some artifact.
func compareWalks(r *rapid.T, t *testing.T, g *graph.Graph, m model, names map[int64]string, ids map[string]int64) {
	if len(ids) == 0 {
		return
	}
	uid := rapid.SampledFrom(slices.Sorted(maps.Keys(ids))).Draw(r, "start")
	hops := rapid.Int32Range(1, 5).Draw(r, "hops")
	for _, direction := range []metadatav1.GetLineageRequest_Direction{0, 1, 2, 3} {
		response, err := g.Lineage(t.Context(), &metadatav1.GetLineageRequest{ArtifactId: ids[uid], Direction: direction, MaxHops: hops})
		if err != nil {
			r.Fatal(err)
		}
		want := map[slot]bool{}
		if direction != metadatav1.GetLineageRequest_DIRECTION_DOWN {
			maps.Copy(want, m.reach(uid, true, int(hops)))
		}
		if direction != metadatav1.GetLineageRequest_DIRECTION_UP {
			maps.Copy(want, m.reach(uid, false, int(hops)))
		}
		got := map[slot]bool{}
		for _, e := range response.GetEvents() {
			s := slot{names[-e.GetExecutionId()], e.GetType() == metadatav1.Event_TYPE_OUTPUT, e.GetIndex()}
			if m[s] != names[e.GetArtifactId()] {
				r.Errorf("event %v joins %s, want %s", s, names[e.GetArtifactId()], m[s])
			}
			got[s] = true
		}
		if !maps.Equal(got, want) {
			r.Errorf("%s of %s reached %v, want %v", direction, uid, got, want)
		}
		nodes(r, response, uid)
	}
}

// nodes checks that a response holds the nodes of its events and no others.
func nodes(r *rapid.T, response *metadatav1.GetLineageResponse, start string) {
	artifacts, executions := map[int64]bool{}, map[int64]bool{}
	for i, artifact := range response.GetArtifacts() {
		artifacts[artifact.GetArtifactId()] = true
		if i == 0 && artifact.GetUid() != start {
			r.Errorf("the first artifact is %s, want %s", artifact.GetUid(), start)
		}
	}
	for _, execution := range response.GetExecutions() {
		executions[execution.GetExecutionId()] = true
	}
	touched := map[int64]bool{response.GetArtifacts()[0].GetArtifactId(): true}
	crossed := map[int64]bool{}
	for _, event := range response.GetEvents() {
		touched[event.GetArtifactId()], crossed[event.GetExecutionId()] = true, true
	}
	if !maps.Equal(artifacts, touched) || !maps.Equal(executions, crossed) {
		r.Errorf("artifacts %v, executions %v; the events join %v, %v", artifacts, executions, touched, crossed)
	}
}
