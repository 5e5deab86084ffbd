package object

import (
	"crypto/rand"
	"encoding/json"
	"strconv"

	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
)

// head is what every manifest has.
type head struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   metadata `json:"metadata"`
	Status     any      `json:"status"` // the server's to say
}

// metadata is that of a manifest. What the server knows of it is passed over.
type metadata struct {
	Name          string            `json:"name"`
	GenerateName  string            `json:"generateName"`
	Namespace     string            `json:"namespace"`
	Labels        map[string]string `json:"labels"`
	Annotations   map[string]string `json:"annotations"`
	ManagedFields json.RawMessage   `json:"managedFields"`

	UID               any `json:"uid"`
	ResourceVersion   any `json:"resourceVersion"`
	Generation        any `json:"generation"`
	CreationTimestamp any `json:"creationTimestamp"`
	DeletionTimestamp any `json:"deletionTimestamp"`
	SelfLink          any `json:"selfLink"`
	Finalizers        any `json:"finalizers" heeded:"no"`
	OwnerReferences   any `json:"ownerReferences" heeded:"no"`
}

// resource is the metadata as kfmesh has it.
func (m *metadata) resource() *metav1.ObjectMeta {
	name, owners := m.Name, string(m.ManagedFields)
	if name == "" && m.GenerateName != "" {
		name = m.GenerateName + ending()
	}
	if owners == "null" || owners == "[]" {
		owners = ""
	}
	return &metav1.ObjectMeta{Namespace: m.Namespace, Name: name, Labels: m.Labels, Annotations: m.Annotations, ManagedFields: owners}
}

// alphabet is that of generated names: Kubernetes', in which no words can be written.
const alphabet = "bcdfghjklmnpqrstvwxz2456789"

func ending() string {
	var b [5]byte
	_, _ = rand.Read(b[:]) // it never fails
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b[:])
}

// Metadata is that of a resource as an object has it.
func Metadata(m *metav1.ObjectMeta) map[string]any {
	out := map[string]any{"name": m.GetName()}
	for field, text := range map[string]string{"namespace": m.GetNamespace(), "uid": m.GetUid()} {
		if text != "" {
			out[field] = text
		}
	}
	if v := m.GetResourceVersion(); v != 0 {
		out["resourceVersion"] = strconv.FormatInt(v, 10)
	}
	if t := m.GetCreateTime(); t != nil {
		out["creationTimestamp"] = Moment(t)
	}
	for field, texts := range map[string]map[string]string{"labels": m.GetLabels(), "annotations": m.GetAnnotations()} {
		if len(texts) > 0 {
			out[field] = anyOf(texts)
		}
	}
	var owners []any
	if json.Unmarshal([]byte(m.GetManagedFields()), &owners) == nil && len(owners) > 0 {
		out["managedFields"] = owners
	}
	return out
}

// Moment is a time as objects have it.
func Moment(t *timestamppb.Timestamp) string { return t.AsTime().UTC().Format("2006-01-02T15:04:05Z") }

func anyOf(texts map[string]string) map[string]any {
	out := make(map[string]any, len(texts))
	for name, text := range texts {
		out[name] = text
	}
	return out
}
