package engine

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

func text(size int) *structpb.Struct {
	return &structpb.Struct{Fields: map[string]*structpb.Value{"x": structpb.NewStringValue(strings.Repeat("x", size))}}
}

// TestFitKeepsRecordsStorable lets each part of a record grow beyond all measure.
// What cannot be derived again, a leaf's outputs of the allowed size, stays.
func TestFitKeepsRecordsStorable(t *testing.T) {
	const huge = 10 << 20
	many := slices.Repeat([]string{strings.Repeat("w", 60)}, 100_000)
	for name, grow := range map[string]func(*pipelinev1.Task){
		"nothing":         func(*pipelinev1.Task) {},
		"inputs":          func(t *pipelinev1.Task) { t.InputParameters = text(huge) },
		"message":         func(t *pipelinev1.Task) { t.Message = strings.Repeat("é", huge) },
		"error":           func(t *pipelinev1.Task) { t.Detail.Error = &status.Status{Message: strings.Repeat("e", huge)} },
		"log tail":        func(t *pipelinev1.Task) { t.LogTail = strings.Repeat("é\n", huge) },
		"warnings":        func(t *pipelinev1.Task) { t.Warnings = many },
		"a long warning":  func(t *pipelinev1.Task) { t.Warnings = []string{strings.Repeat("w", huge)} },
		"attempts":        func(t *pipelinev1.Task) { t.Detail.ExecutorDetail.FailedMainJobs = many },
		"history":         func(t *pipelinev1.Task) { t.Detail.StateHistory = make([]*pipelinev1.RuntimeStatus, 100_000) },
		"input artifacts": func(t *pipelinev1.Task) { t.InputArtifacts = []*pipelinev1.TaskArtifact{{Metadata: text(huge)}} },
	} {
		t.Run(name, func(t *testing.T) {
			whole := &pipelinev1.Task{
				Detail:           &pipelinev1.PipelineTaskDetail{ExecutorDetail: &pipelinev1.PipelineTaskExecutorDetail{}},
				OutputParameters: text(maxOutputsBytes),
			}
			grow(whole)
			record := fit(whole)
			if size := proto.Size(record); size > maxTaskBytes || size > store.MaxValueBytes {
				t.Errorf("the record is %d bytes", size)
			}
			if _, err := proto.Marshal(record); err != nil {
				t.Error(err)
			}
			if record.GetOutputParameters() == nil {
				t.Error("the outputs of a leaf were left out")
			}
		})
	}
}

func TestFitSaysWhatItLeftOut(t *testing.T) {
	record := fit(&pipelinev1.Task{Detail: &pipelinev1.PipelineTaskDetail{}, InputParameters: text(1 << 20), OutputParameters: text(2 << 20)})
	if got := strings.Join(record.GetWarnings(), "\n"); !strings.Contains(got, "inputs take 1024 KiB") || !strings.Contains(got, "outputs take 2048 KiB") {
		t.Errorf("it warns of %q", got)
	}
	if again := fit(record); len(again.GetWarnings()) != 2 {
		t.Errorf("it warns again: %q", again.GetWarnings())
	}
}

func TestOutputsThatAreTooLargeForARecordAreKeptApart(t *testing.T) {
	numbers := make([]any, 20_000) // small as JSON
	for i := range numbers {
		numbers[i] = float64(i % 10)
	}
	half := strings.Repeat("x", maxOutputsBytes/2)
	for name, test := range map[string]struct {
		outputs ir.Values
		apart   []string
		refused bool
	}{
		"nothing":       {outputs: ir.Values{}},
		"text":          {outputs: ir.Values{Parameters: map[string]any{"x": half}}},
		"a long text":   {outputs: ir.Values{Parameters: map[string]any{"x": half + half, "y": "small"}}, apart: []string{"x"}},
		"numbers":       {outputs: ir.Values{Parameters: map[string]any{"x": numbers, "y": half}}, apart: []string{"x"}},
		"texts":         {outputs: ir.Values{Parameters: map[string]any{"x": half, "y": half + "x", "z": half}}, apart: []string{"x", "y"}},
		"long metadata": {outputs: ir.Values{Artifacts: map[string][]ir.Artifact{"m": {{Metadata: map[string]any{"x": half + half}}}}}, refused: true},
	} {
		outputs := &launch.Outputs{Values: test.outputs, Apart: map[string][]byte{}}
		if err := shrink(outputs); (err != nil) != test.refused {
			t.Errorf("%s: %v", name, err)
		}
		if got := slices.Sorted(maps.Keys(outputs.Apart)); !slices.Equal(got, test.apart) {
			t.Errorf("%s: %v are kept apart, want %v", name, got, test.apart)
		}
	}
}

func TestTheHistoryOfARunIsCut(t *testing.T) {
	s := runStatus{}
	for range 1000 {
		s = s.entered(pipelinev1.RuntimeState_RUNNING, "", time.Now())
		s = s.entered(pipelinev1.RuntimeState_FAILED, strings.Repeat("x", 1<<20), time.Now())
	}
	const room = 64 << 10 // that the API leaves
	if size := proto.Size(s.on(&pipelinev1.RunState{Run: &pipelinev1.Run{}})); size > room {
		t.Errorf("what the engine adds to a run takes %d bytes", size)
	}
	if last := s.history[len(s.history)-1]; last.GetState() != pipelinev1.RuntimeState_FAILED {
		t.Errorf("the history ends with %s", last.GetState())
	}
}

func TestTheErrorOfARunIsCut(t *testing.T) {
	s := runStatus{}.entered(pipelinev1.RuntimeState_FAILED, strings.Repeat("x", 1<<20), time.Now())
	if got := s.failure.GetMessage(); len(got) > maxMessageBytes || !strings.HasSuffix(got, "(cut)") {
		t.Errorf("the error is %d bytes", len(got))
	}
}
