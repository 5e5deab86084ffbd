package compare_test

import (
	"testing"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/compare"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

func run(id, name string, rate string, metrics ...float64) *metadatav1.TrackingRun {
	r := &metadatav1.TrackingRun{
		Info:   &metadatav1.TrackingRunInfo{RunId: id, RunName: name, Status: metadatav1.TrackingRunInfo_STATUS_FINISHED},
		Params: []*metadatav1.Param{{Key: "rate", Value: rate}, {Key: "same", Value: "x"}},
	}
	for _, m := range metrics {
		r.Metrics = append(r.Metrics, &metadatav1.Metric{Key: "loss", Value: m})
	}
	return r
}

func TestCompare(t *testing.T) {
	a := compare.Tracked(run("a", "first", "0.5"), []*metadatav1.TrackingRun{run("x", "train", "1", 0.25), run("y", "train", "1", 0.5)})
	b := compare.Tracked(run("b", "second", "0.7", 3), nil)
	c := compare.Of([]compare.Run{a, b})
	values := map[string][2]string{}
	text := func(s *string) string {
		if s == nil {
			return "none"
		}
		return *s
	}
	for _, row := range append(c.Params, c.Metrics...) {
		values[row.Name] = [2]string{text(row.Values[0]), text(row.Values[1])}
		if row.Differs != (row.Values[0] == nil || row.Values[1] == nil || *row.Values[0] != *row.Values[1]) {
			t.Errorf("%s is marked as differing: %t", row.Name, row.Differs)
		}
	}
	for name, want := range map[string][2]string{
		"rate": {"0.5", "0.7"}, "same": {"x", "x"}, "loss": {"none", "3"}, "train[1]/loss": {"0.25", "none"}, "train[2]/loss": {"0.5", "none"},
	} {
		if values[name] != want {
			t.Errorf("%s is %q, want %q", name, values[name], want)
		}
	}
	if left := c.Differing(); len(left.Params) != 5 || len(left.Metrics) != 3 {
		t.Errorf("%d parameters and %d metrics differ", len(left.Params), len(left.Metrics))
	}
}
