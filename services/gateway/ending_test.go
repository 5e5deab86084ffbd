package gateway

import (
	"strings"
	"testing"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// TestACanceledRunIsFailedToKFPClients is decision 0007.
func TestACanceledRunIsFailedToKFPClients(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for path, want := range map[string][]string{
		"/apis/v2beta1/runs/CANCELED": {
			`"run_id":"CANCELED","state":"FAILED"`, `"error":{"code":1,"message":"canceled:`, `"state_history":[{"state":"CANCELED"}]`,
		},
		"/apis/v2beta1/runs/CANCELING": {`"run_id":"CANCELING","state":"CANCELING"`},
		"/apis/v2beta1/runs/SUCCEEDED": {`"run_id":"SUCCEEDED","state":"SUCCEEDED"`},
		"/apis/v2beta1/runs":           {`"state":"CANCELED"`},
	} {
		got := f.get(t, path)
		for _, part := range want {
			if compact := strings.ReplaceAll(got.body, " ", ""); !strings.Contains(compact, part) {
				t.Errorf("%s answers %s without %s", path, compact, part)
			}
		}
	}
	run, err := pipelinev1.NewRunServiceClient(f.grpc).GetRun(t.Context(), &pipelinev1.GetRunRequest{RunId: "CANCELED"})
	if err != nil || run.GetState() != pipelinev1.RuntimeState_CANCELED || run.GetError() != nil {
		t.Errorf("over gRPC it is %v, %v", run, err)
	}
}

func TestTerminatingARunThatWasQuickerIsNoErrorToKFPClients(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for id, code := range map[string]int{"quick": 200, "ended": 400, "gone": 404} {
		if got := f.do(t, "POST", "/apis/v2beta1/runs/"+id+":terminate", "application/json", strings.NewReader("{}")); got.code != code {
			t.Errorf("%s: got %d %s", id, got.code, got.body)
		}
	}
	_, err := pipelinev1.NewRunServiceClient(f.grpc).TerminateRun(t.Context(), &pipelinev1.TerminateRunRequest{RunId: "ended"})
	if err == nil {
		t.Error("over gRPC it is none either")
	}
}
