package kube

import (
	"encoding/json"
	"strconv"
)

func (o Object) metadata() map[string]any {
	m, _ := o["metadata"].(map[string]any)
	return m
}

func (o Object) text(field string) string {
	s, _ := o.metadata()[field].(string)
	return s
}

func (o Object) name() string      { return o.text("name") }
func (o Object) namespace() string { return o.text("namespace") }

// revision is the resourceVersion; 0 when there is none that is a number.
func (o Object) revision() int64 {
	n, err := strconv.ParseInt(o.text("resourceVersion"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// labels returns the labels that are strings.
func (o Object) labels() map[string]string {
	out := map[string]string{}
	labels, _ := o.metadata()["labels"].(map[string]any)
	for name, value := range labels {
		if s, ok := value.(string); ok {
			out[name] = s
		}
	}
	return out
}

// SetManagedFields sets, of an object's metadata, who set which field, as it was stored;
// nothing when that is empty.
func SetManagedFields(metadata map[string]any, stored string) {
	var entries []any
	if stored == "" || json.Unmarshal([]byte(stored), &entries) != nil { // what cannot be read is nobody's
		return
	}
	metadata["managedFields"] = entries
}

// clone is a copy that shares nothing with the object.
func (o Object) clone() Object {
	copied, err := decode(o.encode(), "")
	if err != nil {
		panic("kube: an object that was written cannot be read: " + err.Error())
	}
	return copied
}

// encode is the object as JSON. It came from JSON, so that cannot fail.
func (o Object) encode() []byte {
	data, err := json.Marshal(o)
	if err != nil {
		panic("kube: an object that was read cannot be written: " + err.Error())
	}
	return data
}
