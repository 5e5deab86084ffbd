package tracking_test

import (
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
	"github.com/kfmesh/kfmesh/services/metadata/internal/tracking"
)

// each runs a test on an empty store of each engine.
func each(t *testing.T, test func(t *testing.T, s *store)) {
	t.Helper()
	sqltest.EachURL(t, func(t *testing.T, databaseURL string) {
		test(t, &store{Store: tracking.New(sqltest.Open(t, databaseURL)), t: t, url: databaseURL})
	})
}

// store is a store whose calls must succeed.
type store struct {
	*tracking.Store
	t   *testing.T
	url string
}

// run starts a run in the default experiment and returns its id.
func (s *store) run() string {
	s.t.Helper()
	run, err := s.CreateRun(s.t.Context(), &metadatav1.CreateTrackingRunRequest{})
	if err != nil {
		s.t.Fatal(err)
	}
	return run.GetInfo().GetRunId()
}

// get returns a run.
func (s *store) get(id string) *metadatav1.TrackingRun {
	s.t.Helper()
	run, err := s.GetRun(s.t.Context(), &metadatav1.GetTrackingRunRequest{RunId: id})
	if err != nil {
		s.t.Fatal(err)
	}
	return run
}

// log logs to a run.
func (s *store) log(run string, request *metadatav1.LogBatchRequest) {
	s.t.Helper()
	request.RunId = run
	if _, err := s.LogBatch(s.t.Context(), request); err != nil {
		s.t.Fatal(err)
	}
}

func TestARunKeepsWhatIsLogged(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		run, err := s.CreateRun(t.Context(), &metadatav1.CreateTrackingRunRequest{
			RunName: "first", UserId: "ada", StartTime: 1000, Tags: []*metadatav1.Tag{{Key: "team", Value: "red"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		id := run.GetInfo().GetRunId()
		want := &metadatav1.TrackingRun{
			Info: &metadatav1.TrackingRunInfo{
				RunId: id, ExperimentId: "0", RunName: "first", UserId: "ada", Status: metadatav1.TrackingRunInfo_STATUS_RUNNING,
				StartTime: 1000, ArtifactUri: "mlflow-artifacts:/0/" + id + "/artifacts", Stage: metadatav1.Stage_STAGE_ACTIVE,
			},
			Tags: []*metadatav1.Tag{{Key: "mlflow.runName", Value: "first"}, {Key: "team", Value: "red"}},
		}
		if !proto.Equal(run, want) {
			t.Errorf("created %v, want %v", run, want)
		}
		s.log(id, &metadatav1.LogBatchRequest{
			Metrics: []*metadatav1.Metric{{Key: "loss", Value: 0.5, Timestamp: 5, Step: 1}, {Key: "nan", Value: math.NaN(), Timestamp: 5}},
			Params:  []*metadatav1.Param{{Key: "lr", Value: "0.1"}},
			Tags:    []*metadatav1.Tag{{Key: "team", Value: "blue"}},
		})
		want.Tags[1].Value = "blue"
		want.Params = []*metadatav1.Param{{Key: "lr", Value: "0.1"}}
		want.Metrics = []*metadatav1.Metric{{Key: "loss", Value: 0.5, Timestamp: 5, Step: 1}, {Key: "nan", Value: math.NaN(), Timestamp: 5}}
		if got := s.get(id); !proto.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
