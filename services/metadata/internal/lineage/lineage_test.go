package lineage_test

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/lineage"
)

// look answers look-ups from a list of events.
func look(events []lineage.Event) lineage.Lookup {
	return func(direction lineage.Direction, artifacts []int64) (found []lineage.Event, _ error) {
		nearIsOutput := direction == lineage.Up
		executions := map[int64]bool{}
		for _, e := range events {
			if e.Output == nearIsOutput && slices.Contains(artifacts, e.Artifact) {
				executions[e.Execution] = true
				found = append(found, e)
			}
		}
		for _, e := range events {
			if e.Output != nearIsOutput && executions[e.Execution] {
				found = append(found, e)
			}
		}
		return found, nil
	}
}

func in(execution, artifact int64) lineage.Event {
	return lineage.Event{Execution: execution, Artifact: artifact, Key: "in"}
}

func out(execution, artifact int64) lineage.Event {
	return lineage.Event{Execution: execution, Artifact: artifact, Key: "out", Output: true}
}

func TestWalk(t *testing.T) {
	up, down := []lineage.Direction{lineage.Up}, []lineage.Direction{lineage.Down}
	both := []lineage.Direction{lineage.Up, lineage.Down}
	chain := []lineage.Event{in(1, 10), out(1, 11), in(2, 11), out(2, 12), in(3, 12), out(3, 13)}
	loop := []lineage.Event{in(1, 10), out(1, 10), in(2, 10), out(2, 11), in(1, 11)}
	tests := []struct {
		name       string
		events     []lineage.Event
		start      int64
		directions []lineage.Direction
		hops       int
		artifacts  []int64
		executions []int64
	}{
		{"alone", nil, 10, both, 9, []int64{10}, nil},
		{"up", chain, 12, up, 9, []int64{12, 11, 10}, []int64{2, 1}},
		{"down", chain, 11, down, 9, []int64{11, 12, 13}, []int64{2, 3}},
		{"both", chain, 11, both, 9, []int64{11, 10, 12, 13}, []int64{1, 2, 3}},
		{"one hop", chain, 13, up, 1, []int64{13, 12}, []int64{3}},
		{"no hop", chain, 13, up, 0, []int64{13}, nil},
		{"loop", loop, 11, both, 99, []int64{11, 10}, []int64{2, 1}},
		{"source without inputs", []lineage.Event{out(7, 10)}, 10, up, 9, []int64{10}, []int64{7}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g, err := lineage.Walk(test.start, test.directions, test.hops, look(test.events))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(g.Artifacts, test.artifacts) || !slices.Equal(g.Executions, test.executions) {
				t.Errorf("artifacts %v, executions %v; want %v, %v", g.Artifacts, g.Executions, test.artifacts, test.executions)
			}
		})
	}
}

func TestWalkRefusesTooMuch(t *testing.T) {
	events := []lineage.Event{in(1, 0)}
	for i := range int64(lineage.MaxNodes) {
		events = append(events, lineage.Event{Execution: 1, Artifact: i + 1, Output: true, Index: int32(i)})
	}
	_, err := lineage.Walk(0, []lineage.Direction{lineage.Down}, 1, look(events))
	if !fault.Is(err, fault.Exhausted) {
		t.Errorf("Walk = %v, want Exhausted", err)
	}
}

// TestWalkMatchesDefinition compares walks with the definition of reachability,
// which adds everything one hop away from everything known, hop by hop.
func TestWalkMatchesDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfDistinct(rapid.Custom(func(t *rapid.T) lineage.Event {
			return lineage.Event{
				Execution: rapid.Int64Range(1, 8).Draw(t, "execution"),
				Artifact:  rapid.Int64Range(1, 8).Draw(t, "artifact"),
				Output:    rapid.Bool().Draw(t, "output"),
				Index:     rapid.Int32Range(0, 1).Draw(t, "index"),
			}
		}), func(e lineage.Event) lineage.Event { return e }).Draw(t, "events")
		start := rapid.Int64Range(1, 8).Draw(t, "start")
		hops := rapid.IntRange(0, 6).Draw(t, "hops")
		directions := rapid.SampledFrom([][]lineage.Direction{
			{lineage.Up}, {lineage.Down}, {lineage.Up, lineage.Down},
		}).Draw(t, "directions")

		g, err := lineage.Walk(start, directions, hops, look(events))
		if err != nil {
			t.Fatal(err)
		}
		artifacts, executions, edges := define(events, start, directions, hops)
		if g.Artifacts[0] != start {
			t.Errorf("the first artifact is %d, want the start %d", g.Artifacts[0], start)
		}
		sameSet(t, "artifacts", g.Artifacts, artifacts)
		sameSet(t, "executions", g.Executions, executions)
		sameSet(t, "events", g.Events, edges)
	})
}

func define(events []lineage.Event, start int64, directions []lineage.Direction, hops int) (artifacts, executions map[int64]bool, edges map[lineage.Event]bool) {
	artifacts, executions, edges = map[int64]bool{start: true}, map[int64]bool{}, map[lineage.Event]bool{}
	for _, direction := range directions {
		known := map[int64]bool{start: true}
		for range hops {
			crossed := map[int64]bool{}
			for _, e := range events {
				if e.Output == (direction == lineage.Up) && known[e.Artifact] {
					crossed[e.Execution], edges[e] = true, true
				}
			}
			for _, e := range events {
				if e.Output == (direction == lineage.Down) && crossed[e.Execution] {
					known[e.Artifact], edges[e] = true, true
				}
			}
			maps.Copy(executions, crossed)
		}
		maps.Copy(artifacts, known)
	}
	return artifacts, executions, edges
}

func sameSet[T comparable](t *rapid.T, what string, got []T, want map[T]bool) {
	set := map[T]bool{}
	for _, item := range got {
		if set[item] {
			t.Errorf("%s holds %v twice", what, item)
		}
		set[item] = true
	}
	if !maps.Equal(set, want) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func TestWalkExecution(t *testing.T) {
	chain := []lineage.Event{in(1, 10), out(1, 11), in(2, 11), out(2, 12), in(3, 12), out(3, 13)}
	touched := []lineage.Event{in(2, 11), out(2, 12)}
	for name, tt := range map[string]struct {
		directions            []lineage.Direction
		hops                  int
		artifacts, executions []int64
	}{
		"up":      {[]lineage.Direction{lineage.Up}, 9, []int64{11, 10}, []int64{2, 1}},
		"down":    {[]lineage.Direction{lineage.Down}, 9, []int64{12, 13}, []int64{2, 3}},
		"both":    {[]lineage.Direction{lineage.Up, lineage.Down}, 9, []int64{11, 10, 12, 13}, []int64{2, 1, 3}},
		"one hop": {[]lineage.Direction{lineage.Up, lineage.Down}, 1, []int64{11, 12}, []int64{2}},
	} {
		reached, err := lineage.WalkExecution(2, touched, tt.directions, tt.hops, look(chain))
		if err != nil || !slices.Equal(reached.Artifacts, tt.artifacts) || !slices.Equal(reached.Executions, tt.executions) {
			t.Errorf("%s: %v, %v", name, reached, err)
		}
	}
}
