package kind

import "github.com/kfmesh/kfmesh/services/training/internal/decode"

// metric is what an autoscaler would look at. There is none here; it is read so that what
// is of a wrong type, or lacks what must be there, is found all the same.
type metric struct {
	Type     string `json:"type" needed:"yes"`
	Resource *struct {
		Name   string `json:"name" needed:"yes"`
		Target target `json:"target" needed:"yes"`
	} `json:"resource"`
	ContainerResource *struct {
		Name      string `json:"name" needed:"yes"`
		Container string `json:"container" needed:"yes"`
		Target    target `json:"target" needed:"yes"`
	} `json:"containerResource"`
	Pods *struct {
		Metric map[string]any `json:"metric" needed:"yes"`
		Target target         `json:"target" needed:"yes"`
	} `json:"pods"`
	Object *struct {
		Object map[string]any `json:"describedObject" needed:"yes"`
		Metric map[string]any `json:"metric" needed:"yes"`
		Target target         `json:"target" needed:"yes"`
	} `json:"object"`
	External *struct {
		Metric map[string]any `json:"metric" needed:"yes"`
		Target target         `json:"target" needed:"yes"`
	} `json:"external"`
}

// target is where a metric should be.
type target struct {
	Type         string        `json:"type" needed:"yes"`
	Value        decode.Scalar `json:"value"`
	AverageValue decode.Scalar `json:"averageValue"`
	Utilization  *int32        `json:"averageUtilization"`
}
