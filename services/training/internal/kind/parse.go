package kind

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/training/internal/decode"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

func itoa(n int32) string { return strconv.Itoa(int(n)) }

// Head is what every object has.
type Head struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Spec       any      `json:"spec"`
	Status     any      `json:"status"` // what the server says; not the client's to say
}

// Metadata is that of an object. What the server knows of it is passed over.
type Metadata struct {
	Name         string            `json:"name"`
	GenerateName string            `json:"generateName"`
	Namespace    string            `json:"namespace"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`

	UID               any   `json:"uid"`
	ResourceVersion   any   `json:"resourceVersion"`
	Generation        any   `json:"generation"`
	CreationTimestamp any   `json:"creationTimestamp"`
	DeletionTimestamp any   `json:"deletionTimestamp"`
	SelfLink          any   `json:"selfLink"`
	ManagedFields     []any `json:"managedFields"` // kept beside the manifest
	Finalizers        []any `json:"finalizers" honoured:"no"`
	OwnerReferences   []any `json:"ownerReferences" honoured:"no"`
}

// Owners is who set which field, as JSON; empty when the object does not say.
func (m *Metadata) Owners() string {
	if len(m.ManagedFields) == 0 {
		return ""
	}
	data, err := json.Marshal(m.ManagedFields)
	if err != nil {
		panic("kind: what was read as JSON cannot be written: " + err.Error())
	}
	return string(data)
}

// Parse reads a manifest, JSON of one object, and checks it. The error is a
// fault.Invalid with everything that is wrong.
func Parse(manifest []byte) (*Job, error) {
	object, err := Object(manifest)
	if err != nil {
		return nil, err
	}
	var h Head
	p := &field.Problems{}
	decode.Into(object, &h, "", p)
	k, known := Find(h.APIVersion, h.Kind)
	if !known {
		return nil, errKind(h.APIVersion, h.Kind)
	}
	k.fill(object)
	kept, err := Render(k.Name, object)
	if err != nil {
		return nil, err
	}
	k.fillPorts(object)
	s := k.spec()
	decode.Into(object["spec"], s, "spec", p)
	if p.AnyMistyped() {
		return nil, p.Err()
	}
	j := &Job{
		Kind: k, Name: h.Metadata.Name, GenerateName: h.Metadata.GenerateName, Namespace: h.Metadata.Namespace,
		Labels: h.Metadata.Labels, Annotations: h.Metadata.Annotations, ManagedFields: h.Metadata.Owners(), Run: s.policy().spec(),
	}
	j.replicas(s.specs())
	j.Schedule(p)
	j.check(s, p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	s.complete(j)
	j.Warnings = p.Warnings()
	j.Manifest = kept
	return j, nil
}

// Object reads one JSON object.
func Object(manifest []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(manifest))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, fault.Invalidf("", "the manifest is not a JSON object: %v", err)
	}
	return object, nil
}

// errKind says that there is no such kind, and which there are.
func errKind(version, name string) error {
	known := make([]string, 0, len(All()))
	for _, k := range append(All(), TrainJob(None)) {
		known = append(known, k.Version+" "+k.Name)
	}
	return fault.Invalidf("kind", "no matches for kind %q in version %q; the kinds of jobs are %s", name, version, strings.Join(known, ", "))
}

// replicas takes the replica specs over in the kind's order of types; unknown types
// are left to the checks.
func (j *Job) replicas(specs map[string]*replicaSpec) {
	for _, t := range j.Kind.types {
		r := specs[t]
		if r == nil {
			continue
		}
		replica := Replica{
			Type: t, Group: strings.ToLower(t), Restart: r.RestartPolicy, Template: &r.Template,
			Path: fmt.Sprintf("spec.%s[%s]", j.Kind.replicas, t),
		}
		if r.Replicas != nil {
			replica.Count = *r.Replicas
		}
		if len(r.Template.Spec.Containers) > 0 {
			for _, port := range replica.Container(j.Kind).Ports {
				if port.Name == j.Kind.portName {
					replica.Port = port.ContainerPort
				}
			}
		}
		j.Replicas = append(j.Replicas, replica)
	}
}

// Render is an object of a kind as it is kept: without what the server knows better.
func Render(kind string, object map[string]any) (string, error) {
	delete(object, "status")
	object["kind"] = kind
	if m, ok := object["metadata"].(map[string]any); ok {
		for _, name := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "selfLink", "managedFields"} {
			delete(m, name)
		}
	}
	rendered, err := json.Marshal(object)
	if err != nil {
		return "", fault.Internalf(err, "a manifest that was read cannot be written")
	}
	return string(rendered), nil
}
