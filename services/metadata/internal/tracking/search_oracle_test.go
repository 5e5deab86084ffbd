package tracking_test

import (
	"cmp"
	"math"
	"slices"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/query"
)

// The oracle says what a search must find, by looking at every run.

// oracle returns the ids of the runs that a search finds, in order.
func oracle(runs []*metadatav1.TrackingRun, filter query.Filter, order []query.Order) []string {
	var found []*metadatav1.TrackingRun
	for _, run := range runs {
		if !slices.ContainsFunc(filter, func(c query.Comparison) bool { return !matches(run, c) }) {
			found = append(found, run)
		}
	}
	slices.SortFunc(found, func(a, b *metadatav1.TrackingRun) int {
		for _, by := range order {
			if c := compareBy(a, b, by); c != 0 {
				return c
			}
		}
		return cmp.Or(cmp.Compare(b.GetInfo().GetStartTime(), a.GetInfo().GetStartTime()), cmp.Compare(a.GetInfo().GetRunId(), b.GetInfo().GetRunId()))
	})
	ids := []string{}
	for _, run := range found {
		ids = append(ids, run.GetInfo().GetRunId())
	}
	return ids
}

// matches says whether a comparison holds of a run.
func matches(run *metadatav1.TrackingRun, c query.Comparison) bool {
	if c.Entity == query.Dataset {
		return slices.ContainsFunc(run.GetDatasetInputs(), func(in *metadatav1.DatasetInput) bool {
			value, ok := datasetValue(in, c.Key)
			return ok && holds(value, c)
		})
	}
	value := valueOf(run, c.Entity, c.Key)
	switch c.Op {
	case query.IsNull:
		return value == nil
	case query.IsNotNull:
		return value != nil
	}
	return value != nil && holds(value, c)
}

func datasetValue(in *metadatav1.DatasetInput, key string) (string, bool) {
	switch key {
	case "name":
		return in.GetDataset().GetName(), true
	case "digest":
		return in.GetDataset().GetDigest(), true
	}
	for _, tag := range in.GetTags() {
		if tag.GetKey() == "mlflow.data.context" {
			return tag.GetValue(), true
		}
	}
	return "", false
}

// valueOf is what a run has under a key: string, float64 or nil.
func valueOf(run *metadatav1.TrackingRun, entity query.Entity, key string) any {
	switch entity {
	case query.Metric:
		for _, m := range run.GetMetrics() {
			if m.GetKey() == key {
				return m.GetValue()
			}
		}
	case query.Param:
		for _, p := range run.GetParams() {
			if p.GetKey() == key {
				return p.GetValue()
			}
		}
	case query.Tag:
		for _, t := range run.GetTags() {
			if t.GetKey() == key {
				return t.GetValue()
			}
		}
	case query.Attribute:
		return attributeOf(run.GetInfo(), key)
	}
	return nil
}

func attributeOf(info *metadatav1.TrackingRunInfo, key string) any {
	switch key {
	case "run_id":
		return info.GetRunId()
	case "run_name":
		return info.GetRunName()
	case "user_id":
		return info.GetUserId()
	case "status":
		return strings.TrimPrefix(info.GetStatus().String(), "STATUS_")
	case "artifact_uri":
		return info.GetArtifactUri()
	case "start_time":
		return float64(info.GetStartTime())
	case "end_time":
		if info.EndTime != nil {
			return float64(info.GetEndTime())
		}
	}
	return nil
}

// holds says whether a comparison holds of a value.
func holds(value any, c query.Comparison) bool {
	switch want := c.Value.(type) {
	case query.Number:
		return holdsInOrder(c.Op, value.(float64), float64(want))
	case query.Whole:
		return holdsInOrder(c.Op, value.(float64), float64(want))
	case query.List:
		return slices.Contains(want, value.(string)) == (c.Op == query.In)
	case query.Text:
		switch c.Op {
		case query.Like:
			return like([]rune(value.(string)), []rune(string(want)))
		case query.ILike:
			return like([]rune(strings.ToLower(value.(string))), []rune(strings.ToLower(string(want))))
		}
		return holdsInOrder(c.Op, value.(string), string(want))
	}
	return false
}

func holdsInOrder[T cmp.Ordered](op query.Op, a, b T) bool {
	switch op {
	case query.Equal:
		return a == b
	case query.NotEqual:
		return a != b
	case query.Less:
		return a < b
	case query.LessEqual:
		return a <= b
	case query.Greater:
		return a > b
	case query.GreaterEqual:
		return a >= b
	}
	return false
}

func like(value, pattern []rune) bool {
	switch {
	case len(pattern) == 0:
		return len(value) == 0
	case pattern[0] == '%':
		return like(value, pattern[1:]) || len(value) > 0 && like(value[1:], pattern)
	}
	return len(value) > 0 && (pattern[0] == '_' || pattern[0] == value[0]) && like(value[1:], pattern[1:])
}

// compareBy compares runs by one key: what is NaN or missing comes last.
func compareBy(a, b *metadatav1.TrackingRun, by query.Order) int {
	x, y := valueOf(a, by.Entity, by.Key), valueOf(b, by.Entity, by.Key)
	if c := cmp.Compare(classOf(x), classOf(y)); c != 0 || classOf(x) != 0 {
		return c
	}
	var c int
	if number, ok := x.(float64); ok {
		c = cmp.Compare(number, y.(float64))
	} else {
		c = strings.Compare(x.(string), y.(string))
	}
	if by.Descending {
		return -c
	}
	return c
}

func classOf(value any) int {
	if number, ok := value.(float64); ok && math.IsNaN(number) {
		return 1
	}
	if value == nil {
		return 2
	}
	return 0
}
