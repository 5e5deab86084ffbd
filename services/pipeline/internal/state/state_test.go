package state

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

func TestRecordHoldsTheRun(t *testing.T) {
	run := &pipelinev1.RunState{Namespace: "ns", Run: &pipelinev1.Run{
		RunId: "id", DisplayName: "name", State: pipelinev1.RuntimeState_SUCCEEDED, ExperimentId: "e",
	}}
	tasks := []*pipelinev1.Task{{Name: "a"}, {Name: "b"}}
	record, err := Record(run, tasks)
	if err != nil {
		t.Fatal(err)
	}
	if record.GetKind() != RunKind || record.GetUid() != "id" || record.GetState() != "SUCCEEDED" || record.GetParent() != "e" {
		t.Errorf("record %v", record)
	}
	summary, err := Summary(record)
	if err != nil || !proto.Equal(summary, run) {
		t.Errorf("summary %v, %v", summary, err)
	}
	detail, err := Detail(record)
	if err != nil || !proto.Equal(detail, &pipelinev1.ArchivedRun{State: run, Tasks: tasks}) {
		t.Errorf("detail %v, %v", detail, err)
	}
}

func TestKeysOfForeignNamesStaySeparate(t *testing.T) {
	if a, b := CacheKey("n", "a/b", "k"), CacheKey("n/a", "b", "k"); a == b {
		t.Errorf("two pipelines share the key %s", a)
	}
	if key := CacheKey("n", "a/b", "k"); strings.Count(key, "/") != 2 {
		t.Errorf("key %s", key)
	}
}

func TestSpecBlobIgnoresHowTheDigestIsSpelt(t *testing.T) {
	if a, b := SpecBlob("sha256:ab"), SpecBlob("ab"); a != b || a != "specs/ab" {
		t.Errorf("blobs %s and %s", a, b)
	}
}

func TestTerminal(t *testing.T) {
	terminal := map[pipelinev1.RuntimeState]bool{
		pipelinev1.RuntimeState_SUCCEEDED: true, pipelinev1.RuntimeState_FAILED: true,
		pipelinev1.RuntimeState_SKIPPED: true, pipelinev1.RuntimeState_CANCELED: true,
	}
	for number := range pipelinev1.RuntimeState_name {
		if s := pipelinev1.RuntimeState(number); Terminal(s) != terminal[s] {
			t.Errorf("Terminal(%s) is %v", s, Terminal(s))
		}
	}
}
