package modelregistry

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// logArtifact logs a parameter, a metric or a dataset of a run, which Kubeflow
// calls artifacts.
func (e *edge) logArtifact(c *call) (any, error) {
	kind := c.text("artifactType")
	if kind == metricType || kind == parameterType || kind == datasetType {
		c.required("name")
	}
	switch kind {
	case metricType:
		return e.logMetric(c)
	case parameterType:
		return e.logParameter(c)
	case datasetType:
		return e.logDataset(c)
	}
	return nil, fault.Invalidf("artifactType", "%q cannot be logged to a run; want metric, parameter or dataset-artifact, and register a model as a version", kind)
}

func (e *edge) logMetric(c *call) (any, error) {
	value, err := strconv.ParseFloat(c.required("value"), 64)
	if err != nil {
		c.wrong("value", "a number")
	}
	m := &metadatav1.Metric{Key: c.text("name"), Value: value, Step: c.millis("step"), Timestamp: c.millis("timestamp")}
	if m.GetTimestamp() == 0 {
		m.Timestamp = now()
	}
	if c.failure != nil {
		return nil, c.failure
	}
	if _, err := e.Tracking.LogBatch(c.ctx, &metadatav1.LogBatchRequest{Namespace: c.namespace, RunId: c.idText, Metrics: []*metadatav1.Metric{m}}); err != nil {
		return nil, err
	}
	return metricObject(c.idText, m), nil
}

func (e *edge) logParameter(c *call) (any, error) {
	p := &metadatav1.Param{Key: c.text("name"), Value: c.text("value")}
	if c.failure != nil {
		return nil, c.failure
	}
	if _, err := e.Tracking.LogBatch(c.ctx, &metadatav1.LogBatchRequest{Namespace: c.namespace, RunId: c.idText, Params: []*metadatav1.Param{p}}); err != nil {
		return nil, err
	}
	o := parameterObject(c.idText, p)
	if kind := c.text("parameterType"); kind != "" {
		o["parameterType"] = kind
	}
	return o, nil
}

// logDataset logs a dataset that a run reads. One without a digest gets one of
// what is said of it.
func (e *edge) logDataset(c *call) (any, error) {
	d := &metadatav1.Dataset{
		Name: c.text("name"), Digest: c.text("digest"), SourceType: c.text("sourceType"), Source: c.text("source"), Schema: c.text("schema"),
		Profile: c.text("profile"),
	}
	uri := c.text("uri")
	if d.GetSource() == "" {
		d.Source = uri
	}
	if d.GetSourceType() == "" {
		d.SourceType = "uri"
	}
	if d.GetDigest() == "" {
		sum := sha256.Sum256([]byte(d.GetSourceType() + "\x00" + d.GetSource() + "\x00" + uri + "\x00" + d.GetSchema()))
		d.Digest = hex.EncodeToString(sum[:4])
	}
	if c.failure != nil {
		return nil, c.failure
	}
	_, err := e.Tracking.LogInputs(c.ctx, &metadatav1.LogInputsRequest{
		Namespace: c.namespace, RunId: c.idText, Datasets: []*metadatav1.DatasetInput{{Dataset: d}},
	})
	if err != nil {
		return nil, err
	}
	return datasetObject(c.idText, d), nil
}

func (e *edge) listRunArtifacts(c *call) (any, error) {
	run, err := e.run(c, c.idText)
	if err != nil {
		return nil, err
	}
	wanted := c.query.Get("artifactType")
	var all []object
	add := func(kind string, o object) {
		if wanted == "" || wanted == kind {
			all = append(all, o)
		}
	}
	for _, p := range run.GetParams() {
		add(parameterType, parameterObject(c.idText, p))
	}
	for _, m := range run.GetMetrics() {
		add(metricType, metricObject(c.idText, m))
	}
	for _, d := range run.GetDatasetInputs() {
		add(datasetType, datasetObject(c.idText, d.GetDataset()))
	}
	return page(c, all, "", func(o object) object { return o }), nil
}

// logged is an artifact of a run. It has no id of its own in the registry.
func logged(run, kind, name string) object {
	return object{
		"id": run + "." + kind + "." + name, "name": name, "artifactType": kind, "state": "LIVE", "experimentRunId": run, "customProperties": object{},
	}
}

func metricObject(run string, m *metadatav1.Metric) object {
	o := logged(run, metricType, m.GetKey())
	o["timestamp"], o["step"] = strconv.FormatInt(m.GetTimestamp(), 10), m.GetStep()
	if value := m.GetValue(); !math.IsNaN(value) && !math.IsInf(value, 0) {
		o["value"] = json.Number(strconv.FormatFloat(value, 'g', -1, 64))
	}
	return o.times(m.GetTimestamp(), m.GetTimestamp())
}

func parameterObject(run string, p *metadatav1.Param) object {
	o := logged(run, parameterType, p.GetKey())
	o["value"], o["parameterType"] = p.GetValue(), "string"
	return o
}

func datasetObject(run string, d *metadatav1.Dataset) object {
	o := logged(run, datasetType, d.GetName())
	o["digest"], o["uri"] = d.GetDigest(), d.GetSource()
	o.some("sourceType", d.GetSourceType())
	o.some("source", d.GetSource())
	o.some("schema", d.GetSchema())
	o.some("profile", d.GetProfile())
	return o
}
