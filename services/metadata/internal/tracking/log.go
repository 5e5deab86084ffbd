package tracking

import (
	"context"
	"fmt"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// LogBatch adds metrics, parameters and tags to a run, all or none. A point that
// is there already and a parameter that has its value are no errors.
func (s *Store) LogBatch(ctx context.Context, request *metadatav1.LogBatchRequest) (*metadatav1.LogBatchResponse, error) {
	logged, err := checkLogged(request)
	if err != nil {
		return nil, err
	}
	var num int64
	err = s.changeRun(ctx, request, func(tx *sqlstore.Tx, run runRef) error {
		num = run.num
		s.recall(num, logged.series)
		if err := putParams(ctx, tx, runParams, run.owner(), logged.params); err != nil {
			return err
		}
		if err := putMetrics(ctx, tx, run, logged.series); err != nil {
			return err
		}
		return putRunTags(ctx, tx, num, logged.tags)
	})
	if err != nil {
		return nil, err
	}
	s.remember(num, logged.series)
	return &metadatav1.LogBatchResponse{}, nil
}

// logged is what a request logs, checked, in the order of keys.
type logged struct {
	series []series
	params []*metadatav1.Param
	tags   []*metadatav1.Tag
}

// checkLogged checks a request.
func checkLogged(request *metadatav1.LogBatchRequest) (*logged, error) {
	all := new(logged)
	for i, metric := range request.GetMetrics() {
		if err := checkMetric(where(request, "metrics", i), metric); err != nil {
			return nil, err
		}
	}
	params, err := checkParams(request)
	if err != nil {
		return nil, err
	}
	for i, tag := range request.GetTags() {
		tag, err := checkTag(where(request, "tags", i), tag)
		if err != nil {
			return nil, err
		}
		all.tags = append(all.tags, tag)
	}
	if err := checkCounts(request); err != nil {
		return nil, err
	}
	all.params, err = sortParams(params)
	all.series, all.tags = bySeries(request.GetMetrics()), lastOfEach(all.tags)
	return all, err
}

// where is how a message names the fields of an item of a request.
func where(request *metadatav1.LogBatchRequest, list string, index int) string {
	if request.GetSingle() {
		return ""
	}
	return fmt.Sprintf("%s[%d].", list, index)
}

// checkCounts checks how much a request logs.
func checkCounts(request *metadatav1.LogBatchRequest) error {
	metrics, params, tags := len(request.GetMetrics()), len(request.GetParams()), len(request.GetTags())
	for _, count := range []struct {
		what     string
		limit, n int
	}{
		{"metrics", maxMetrics, metrics},
		{"params", maxParams, params},
		{"tags", maxTags, tags},
		{"metrics, params, and tags", maxLogged, metrics + params + tags},
	} {
		if count.n > count.limit {
			return invalid("A batch logging request can contain at most %[1]d %[2]s. Got %[3]d %[2]s."+
				" Please split up %[2]s across multiple requests and try again.", count.limit, count.what, count.n)
		}
	}
	return nil
}

// checkMetric checks a point.
func checkMetric(where string, metric *metadatav1.Metric) error {
	if err := checkKey(where+"name", metric.GetKey()); err != nil {
		return err
	}
	if metric.GetTimestamp() < 0 {
		return invalid("Invalid value %d for parameter '%stimestamp' supplied: metric '%s' (value=%s)."+
			" Timestamp must be a nonnegative long (64-bit integer) ", metric.GetTimestamp(), where, metric.GetKey(), floatText(metric.GetValue()))
	}
	if longerThan(metric.GetKey(), maxKey) {
		return tooLong("Metric name", maxKey)
	}
	return nil
}
