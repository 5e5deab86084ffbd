package tracking_test

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

// TestPiecesAreThePage: what comes in pieces is, put together, what comes at once.
func TestPiecesAreThePage(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		for i := range 250 {
			if id := s.run(); i == 0 {
				for batch := range 3 {
					request := new(metadatav1.LogBatchRequest)
					for step := range 800 {
						request.Metrics = append(request.Metrics, &metadatav1.Metric{Key: "m", Value: float64(step), Step: int64(800*batch + step)})
					}
					s.log(id, request)
				}
				comparePieces(t, &metadatav1.GetMetricHistoryRequest{RunId: id, MetricKey: "m"}, s.GetMetricHistory, s.StreamMetricHistory,
					func(whole, piece *metadatav1.GetMetricHistoryResponse) {
						whole.Metrics, whole.NextPageToken = append(whole.Metrics, piece.GetMetrics()...), piece.GetNextPageToken()
					})
			}
		}
		for _, size := range []int32{0, 1, 100, 101, 249, 250} {
			request := &metadatav1.SearchRunsRequest{ExperimentIds: []string{"0"}, MaxResults: size}
			comparePieces(t, request, s.SearchRuns, s.StreamRuns, func(whole, piece *metadatav1.SearchRunsResponse) {
				whole.Runs, whole.NextPageToken = append(whole.Runs, piece.GetRuns()...), piece.GetNextPageToken()
			})
		}
	})
}

// comparePieces compares a page with its pieces, of which only the last may have a
// token.
func comparePieces[Q, A proto.Message](
	t *testing.T, request Q, atOnce func(context.Context, Q) (A, error), stream func(context.Context, Q, func(A) error) error, join func(whole, piece A),
) {
	t.Helper()
	want, err := atOnce(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := want.ProtoReflect().New().Interface().(A)
	pieces := 0
	err = stream(t.Context(), request, func(piece A) error {
		pieces++
		join(got, piece)
		return nil
	})
	if err != nil || !proto.Equal(got, want) {
		t.Errorf("%d pieces of %v are another page (%v)", pieces, request, err)
	}
	gone := errors.New("nobody listens")
	if err := stream(t.Context(), request, func(A) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("nobody listened, and it ended with %v", err)
	}
}
