package mlflow

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// threeRuns is a page that comes in three pieces.
func threeRuns(proto.Message) (proto.Message, error) {
	page := &metadatav1.SearchRunsResponse{NextPageToken: "more"}
	for _, id := range []string{"a", "b", "c"} {
		page.Runs = append(page.Runs, &metadatav1.TrackingRun{
			Info: &metadatav1.TrackingRunInfo{RunId: id}, Metrics: []*metadatav1.Metric{{Key: "m", Value: 1}},
		})
	}
	return page, nil
}

func TestPiecesAreOneAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.tracking.answer = threeRuns
	code, said := f.send(t, http.MethodPost, "/api/2.0/mlflow/runs/search", `{"experiment_ids":["1"]}`)
	var page struct {
		Runs []struct {
			Info struct {
				RunID string `json:"run_id"`
			}
			Data struct{ Metrics []struct{ Key string } }
		}
		Token string `json:"next_page_token"`
	}
	if err := json.Unmarshal([]byte(said), &page); err != nil || code != http.StatusOK {
		t.Fatalf("%d %s: %v", code, said, err)
	}
	if len(page.Runs) != 3 || page.Runs[2].Info.RunID != "c" || len(page.Runs[2].Data.Metrics) != 1 || page.Token != "more" {
		t.Errorf("answered %s", said)
	}
}

// TestBrokenAnswerIsSeen: what fails halfway is no answer that looks whole.
func TestBrokenAnswerIsSeen(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.tracking.answer, f.tracking.breaks = threeRuns, fault.Unavailablef("the database went away")
	server := httptest.NewServer(f.handler)
	defer server.Close()
	for range 2 { // the second says that the server lives on
		response, err := http.Post(server.URL+"/api/2.0/mlflow/runs/search", "application/json", strings.NewReader(`{"experiment_ids":["1"]}`))
		if err != nil {
			continue // nothing of it had gone yet
		}
		content, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK && err == nil {
			t.Errorf("answered %s", content)
		}
	}
}
