package mlflow

import (
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func (e *edge) historyRoutes() []route {
	return []route{
		{methods: "GET", path: "metrics/get-history", call: e.getHistory, large: true},
		{methods: "GET", path: "metrics/get-history-bulk", call: e.getHistoryBulk, large: true},
		{methods: "GET", path: "metrics/get-history-bulk-interval", call: e.getHistoryInterval, large: true},
	}
}

func (e *edge) getHistory(c *call) error {
	request := &metadatav1.GetMetricHistoryRequest{
		Namespace: c.namespace, RunId: c.runID(), MetricKey: c.required("metric_key"),
		MaxResults: c.limit(), PageToken: c.text("page_token"),
	}
	if err := c.failure(); err != nil {
		return err
	}
	pieces, err := e.Tracking.StreamMetricHistory(c.ctx, request)
	if err != nil {
		return err
	}
	return stream(c.reply, "metrics", pieces.Recv, (*metadatav1.GetMetricHistoryResponse).GetMetrics, writeMetric)
}

const (
	mostHistoryRuns   = 100
	mostBulkPoints    = 25_000 // of all runs together
	mostSampledPoints = 2_500  // of each run
)

func (e *edge) getHistoryBulk(c *call) error {
	request := &metadatav1.GetMetricHistoriesRequest{
		Namespace: c.namespace, RunIds: c.texts("run_id"), MetricKey: c.text("metric_key"), MaxResults: mostBulkPoints, Cut: true,
	}
	switch n := len(request.RunIds); {
	case n == 0:
		return fault.New(fault.Invalid, "GetMetricHistoryBulk request must specify at least one run_id.")
	case n > mostHistoryRuns:
		return fault.New(fault.Invalid, "GetMetricHistoryBulk request cannot specify more than %d run_ids. Received %d run_ids.", mostHistoryRuns, n)
	case request.MetricKey == "":
		return fault.New(fault.Invalid, "GetMetricHistoryBulk request must specify a metric_key.")
	}
	if c.has("max_results") {
		request.MaxResults = min(c.limit(), mostBulkPoints)
	}
	return e.answerHistories(c, request)
}

func (e *edge) getHistoryInterval(c *call) error {
	request := &metadatav1.GetMetricHistoriesRequest{
		Namespace: c.namespace, RunIds: c.need("run_ids").texts("run_ids"), MetricKey: c.required("metric_key"), MaxResults: mostSampledPoints,
	}
	if n := len(request.RunIds); n > mostHistoryRuns {
		c.wrong(fault.New(fault.Invalid, "GetMetricHistoryBulkInterval request must specify at most %d run_ids. Received %d run_ids."+seeDocs,
			mostHistoryRuns, n))
	}
	if c.has("max_results") {
		if request.MaxResults = c.small("max_results"); request.MaxResults < 1 || request.MaxResults > mostSampledPoints {
			c.wrong(fault.New(fault.Invalid, "max_results must be between 1 and %d."+seeDocs, mostSampledPoints))
		}
	}
	if c.has("start_step") != c.has("end_step") {
		c.wrong(fault.New(fault.Invalid, "If either start step or end step are specified, both must be specified."))
	}
	if c.has("start_step") {
		start, end := c.integer("start_step"), c.integer("end_step")
		if request.StartStep, request.EndStep = &start, &end; start > end {
			c.wrong(fault.New(fault.Invalid, "end_step must be greater than start_step. Found start_step=%d and end_step=%d.", start, end))
		}
	}
	return e.answerHistories(c, request)
}

func (e *edge) answerHistories(c *call, request *metadatav1.GetMetricHistoriesRequest) error {
	if err := c.failure(); err != nil {
		return err
	}
	found, err := e.Tracking.GetMetricHistories(c.ctx, request)
	if err != nil {
		return err
	}
	objects(c.reply, "metrics", found.GetMetrics(), writeMetric)
	return nil
}
