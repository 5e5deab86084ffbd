// Package priority keeps priority classes: priorities of workloads by name.
package priority

import (
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/shelf"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// Shelf is all priority classes.
type Shelf = shelf.Shelf[*gpuagentv1.PriorityClass]

// NewShelf returns the priority classes in a state.
func NewShelf(s *state.State) *Shelf {
	return &Shelf{
		Kind: "priority class", Items: s.PriorityClasses, Check: check,
		With: func(m *metav1.ObjectMeta, c *gpuagentv1.PriorityClass) *gpuagentv1.PriorityClass {
			return &gpuagentv1.PriorityClass{Metadata: m, Value: c.GetValue(), Description: c.GetDescription()}
		},
	}
}

func check(c *gpuagentv1.PriorityClass) error {
	if !state.ValidName(c.GetMetadata().GetName()) {
		return fault.Invalidf("priority_class.metadata.name", "want 1 to 253 letters, digits, '-', '_' and '.', with a letter or digit at both ends")
	}
	return nil
}
