package mlflow

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func (e *edge) logRoutes() []route {
	return []route{
		{methods: "POST", path: "runs/log-metric", call: e.logMetric},
		{methods: "POST", path: "runs/log-parameter", call: e.logParam},
		{methods: "POST", path: "runs/set-tag", call: e.setTag},
		{methods: "POST", path: "runs/delete-tag", call: e.deleteTag},
		{methods: "POST", path: "runs/log-batch", call: e.logBatch},
		{methods: "POST", path: "runs/log-inputs", call: e.logInputs},
		{methods: "POST", path: "runs/outputs", call: e.logOutputs},
		{methods: "POST", path: "runs/log-model", call: e.logModel},
	}
}

func (e *edge) logMetric(c *call) error {
	run := c.runID()
	return e.logOne(c, &metadatav1.LogBatchRequest{
		Namespace: c.namespace, RunId: run, Metrics: []*metadatav1.Metric{readMetric(c.form)},
	})
}

func (e *edge) logParam(c *call) error {
	run := c.runID()
	return e.logOne(c, &metadatav1.LogBatchRequest{
		Namespace: c.namespace, RunId: run, Params: []*metadatav1.Param{readParam(c.form)},
	})
}

func (e *edge) setTag(c *call) error {
	run := c.runID()
	return e.logOne(c, &metadatav1.LogBatchRequest{
		Namespace: c.namespace, RunId: run, Tags: []*metadatav1.Tag{readTag(c.form)},
	})
}

// logOne logs a batch that holds one thing.
func (e *edge) logOne(c *call, request *metadatav1.LogBatchRequest) error {
	request.Single = true
	if err := c.failure(); err != nil {
		return err
	}
	_, err := e.Tracking.LogBatch(c.ctx, request)
	return err
}

func (e *edge) deleteTag(c *call) error {
	request := &metadatav1.DeleteRunTagRequest{Namespace: c.namespace, RunId: c.runID(), Key: c.required("key")}
	if err := c.failure(); err != nil {
		return err
	}
	_, err := e.Tracking.DeleteRunTag(c.ctx, request)
	return err
}

func (e *edge) logBatch(c *call) error {
	request := &metadatav1.LogBatchRequest{
		Namespace: c.namespace,
		RunId:     c.runID(),
		Metrics:   forms(c.form, "metrics", readMetric),
		Params:    forms(c.form, "params", readParam),
		Tags:      forms(c.form, "tags", readTag),
	}
	if err := c.failure(); err != nil {
		return err
	}
	c.form = form{} // which is large, and not needed while the batch is stored
	_, err := e.Tracking.LogBatch(c.ctx, request)
	return err
}

func (e *edge) logInputs(c *call) error {
	request := &metadatav1.LogInputsRequest{
		Namespace: c.namespace,
		RunId:     c.runID(),
		Datasets:  forms(c.form, "datasets", readDatasetInput),
		Models: forms(c.form, "models", func(f form) *metadatav1.ModelInput {
			return &metadatav1.ModelInput{ModelId: f.required("model_id")}
		}),
	}
	if err := c.failure(); err != nil {
		return err
	}
	_, err := e.Tracking.LogInputs(c.ctx, request)
	return err
}

func readDatasetInput(f form) *metadatav1.DatasetInput {
	d := f.sub("dataset")
	return &metadatav1.DatasetInput{
		Tags: forms(f, "tags", readTag),
		Dataset: &metadatav1.Dataset{
			Name: d.text("name"), Digest: d.text("digest"), SourceType: d.text("source_type"), Source: d.text("source"),
			Schema: d.text("schema"), Profile: d.text("profile"),
		},
	}
}

func (e *edge) logOutputs(c *call) error {
	request := &metadatav1.LogOutputsRequest{
		Namespace: c.namespace,
		RunId:     c.runID(),
		Models: forms(c.need("models"), "models", func(f form) *metadatav1.ModelOutput {
			return &metadatav1.ModelOutput{ModelId: f.required("model_id"), Step: f.integer("step")}
		}),
	}
	if err := c.failure(); err != nil {
		return err
	}
	_, err := e.Tracking.LogOutputs(c.ctx, request)
	return err
}

// modelHistory is the tag that says which models a run logged, a list of JSON.
const modelHistory = "mlflow.log-model.history"

// logModel adds a model to the tag of those that a run logged. Clients of MLflow 2
// call it, for its pages read the tag.
func (e *edge) logModel(c *call) error {
	run, model := c.runID(), c.required("model_json")
	if err := c.failure(); err != nil {
		return err
	}
	entry, err := historyEntry(model)
	if err != nil {
		return err
	}
	found, err := e.Tracking.GetTrackingRun(c.ctx, &metadatav1.GetTrackingRunRequest{Namespace: c.namespace, RunId: run})
	if err != nil {
		return err
	}
	history := []json.RawMessage{}
	for _, tag := range found.GetTags() {
		if tag.GetKey() == modelHistory && json.Unmarshal([]byte(tag.GetValue()), &history) != nil {
			return fault.New(fault.Invalid, "the tag %s of run %s is not a list of JSON: delete it", modelHistory, run)
		}
	}
	history = append(history, entry)
	tag, err := json.Marshal(history)
	if err != nil {
		return err
	}
	return e.logOne(c, &metadatav1.LogBatchRequest{
		Namespace: c.namespace, RunId: run, Tags: []*metadatav1.Tag{{Key: modelHistory, Value: string(tag)}},
	})
}

// historyEntry returns what the tag keeps of a model: where it is, and its flavors
// without their configurations.
func historyEntry(modelJSON string) (json.RawMessage, error) {
	var model map[string]json.RawMessage
	if json.Unmarshal([]byte(modelJSON), &model) != nil {
		return nil, fault.New(fault.Invalid, "Malformed model info. \n %s \n is not a valid JSON.", modelJSON)
	}
	var absent []string
	for _, field := range []string{"artifact_path", "flavors", "utc_time_created", "run_id"} {
		if _, ok := model[field]; !ok {
			absent = append(absent, "'"+field+"'")
		}
	}
	if len(absent) > 0 {
		return nil, fault.New(fault.Invalid, "Model json is missing mandatory fields: {%s}", strings.Join(absent, ", "))
	}
	maps.DeleteFunc(model, func(field string, _ json.RawMessage) bool {
		return !slices.Contains([]string{"run_id", "utc_time_created", "artifact_path", "model_uuid", "flavors"}, field)
	})
	var flavors map[string]json.RawMessage
	if json.Unmarshal(model["flavors"], &flavors) != nil {
		return nil, fault.New(fault.Invalid, "Model json has flavors that are no object")
	}
	for name, config := range flavors {
		var fields map[string]json.RawMessage
		if json.Unmarshal(config, &fields) == nil && fields != nil {
			delete(fields, "config")
			config, err := json.Marshal(fields)
			if err != nil {
				return nil, err
			}
			flavors[name] = config
		}
	}
	var err error
	if model["flavors"], err = json.Marshal(flavors); err != nil {
		return nil, err
	}
	return json.Marshal(model)
}
