// Package state owns the gpuagent service's part of the store.
//
// Keys, all under /kfmesh/gpuagent/:
//
//	workloads/<namespace>/<name>   Workload, until it is deleted
//	nodes/<name>                   Node, for as long as its agent's lease lives
//	marks/<node>                   NodeMarks, what people have said of a node
//	orders/<node>/<run>            Order to a node that has joined, written by the head alone
//	reports/<node>/<run>           Report on it, written by that node alone
//	secrets/<namespace>/<name>     SecretState, its values sealed
//	configmaps/<namespace>/<name>  ConfigMapState
//	volumes/<namespace>/<name>     PersistentVolume, until its directory is gone
//	queues/<name>                  Queue
//	priorityclasses/<name>         PriorityClass
//	parts/<uid>/<generation>/<n>   ParcelPart of what is too large for one value
//
// A workload is written by the head, and every write is a compare-and-swap on its
// revision. A run is one epoch of it, see RunUID. What happened on a node between two
// writes is on that node's disk (package supervise), so a write that was never
// made is made by whoever adopts the workload.
package state

import (
	"regexp"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

const prefix = "/kfmesh/gpuagent/"

// DefaultNamespace is meant where a request names none.
const DefaultNamespace = "default"

// State is the service's collections.
type State struct {
	Backend    store.Backend
	Workloads  *store.Collection[*gpuagentv1.Workload]
	Nodes      *store.Collection[*gpuagentv1.Node]
	Secrets    *store.Collection[*gpuagentv1.SecretState]
	ConfigMaps *store.Collection[*gpuagentv1.ConfigMapState]
	Volumes    *store.Collection[*gpuagentv1.PersistentVolume]
	Marks      *store.Collection[*gpuagentv1.NodeMarks]
	Queues     *store.Collection[*gpuagentv1.Queue]
	Orders     *store.Collection[*gpuagentv1.Order]

	PriorityClasses *store.Collection[*gpuagentv1.PriorityClass]

	Reports *store.Collection[*gpuagentv1.Report]

	parts *store.Collection[*gpuagentv1.ParcelPart]
}

// New returns the collections on a backend.
func New(b store.Backend) *State {
	return &State{
		Backend:    b,
		Workloads:  store.NewCollection[*gpuagentv1.Workload](b, prefix+"workloads/"),
		Nodes:      store.NewCollection[*gpuagentv1.Node](b, prefix+"nodes/"),
		Secrets:    store.NewCollection[*gpuagentv1.SecretState](b, prefix+"secrets/"),
		ConfigMaps: store.NewCollection[*gpuagentv1.ConfigMapState](b, prefix+"configmaps/"),
		Volumes:    store.NewCollection[*gpuagentv1.PersistentVolume](b, prefix+"volumes/"),
		Marks:      store.NewCollection[*gpuagentv1.NodeMarks](b, prefix+"marks/"),
		Queues:     store.NewCollection[*gpuagentv1.Queue](b, prefix+"queues/"),
		Orders:     store.NewCollection[*gpuagentv1.Order](b, prefix+"orders/"),
		Reports:    store.NewCollection[*gpuagentv1.Report](b, prefix+"reports/"),

		PriorityClasses: store.NewCollection[*gpuagentv1.PriorityClass](b, prefix+"priorityclasses/"),

		parts: store.NewCollection[*gpuagentv1.ParcelPart](b, prefix+"parts/"),
	}
}

// nameForm is what names of workloads, namespaces and nodes may be: they are
// parts of keys and of paths in the object store.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9_.]{0,251}[A-Za-z0-9])?$`)

// ValidName reports whether a workload, namespace or node may have the name: 1
// to 253 letters, digits, '-', '_' and '.', with a letter or digit at both ends.
func ValidName(name string) bool { return nameForm.MatchString(name) }

// Key is the key of a workload, secret, config map or volume in its collection.
func Key(namespace, name string) string {
	if namespace == "" {
		namespace = DefaultNamespace
	}
	return namespace + "/" + name
}

// KeyOf is the key of what has this metadata.
func KeyOf(m *metav1.ObjectMeta) string { return Key(m.GetNamespace(), m.GetName()) }

// Ended reports whether a phase is final.
func Ended(p gpuagentv1.Phase) bool {
	switch p {
	case gpuagentv1.Phase_PHASE_SUCCEEDED, gpuagentv1.Phase_PHASE_FAILED, gpuagentv1.Phase_PHASE_STOPPED:
		return true
	default:
		return false
	}
}

// PhaseName is a phase as people and event subjects spell it, such as "running".
func PhaseName(p gpuagentv1.Phase) string {
	return strings.ToLower(strings.TrimPrefix(p.String(), "PHASE_"))
}

// NamespacePrefix is what keys of a namespace begin with; those of any when it is
// empty.
func NamespacePrefix(namespace string) string {
	if namespace == "" {
		return ""
	}
	return namespace + "/"
}

// CheckNamespace says what is wrong with a namespace, and nothing when it is right
// or left to be the default.
func CheckNamespace(field, namespace string) []fault.Violation {
	if namespace == "" || ValidName(namespace) {
		return nil
	}
	return []fault.Violation{{
		Field: field, Reason: "want letters, digits, '-', '_' and '.', with a letter or digit at both ends, or nothing for \"default\"",
	}}
}
