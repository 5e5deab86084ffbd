package state

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
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

func TestRecordOfVeryManyTasksIsSmall(t *testing.T) {
	run := &pipelinev1.RunState{Namespace: "ns", Run: &pipelinev1.Run{RunId: "id"}}
	var tasks []*pipelinev1.Task
	for i := range 20_000 {
		path := fmt.Sprintf("for-loop-1[%d]/train", i)
		tasks = append(tasks, &pipelinev1.Task{Name: "train", Path: path, Detail: &pipelinev1.PipelineTaskDetail{
			RunId: "1f0e6f3c-7f0c-4f0e-8d8b-0d4f3c2b1a00", TaskId: uuid.NewSHA1(uuid.NameSpaceURL, []byte(path)).String(),
		}})
	}
	whole := &pipelinev1.ArchivedRun{State: run, Tasks: tasks}
	record, err := Record(run, tasks)
	if err != nil {
		t.Fatal(err)
	}
	if got, most := len(record.GetDetail()), proto.Size(whole)/2; got > most {
		t.Errorf("the detail has %d bytes, want at most %d", got, most)
	}
	if detail, err := Detail(record); err != nil || !proto.Equal(detail, whole) {
		t.Errorf("the detail is not what was archived: %v", err)
	}
	record.Detail = record.GetDetail()[:100]
	if _, err := Detail(record); !fault.Is(err, fault.Internal) {
		t.Errorf("a damaged detail: %v, want internal", err)
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
