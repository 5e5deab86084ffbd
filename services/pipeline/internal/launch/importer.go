package launch

import "github.com/kfmesh/kfmesh/services/pipeline/internal/ir"

// Imported is the result of an importer.
type Imported struct {
	Values ir.Values // the artifact, under the importer's output name
	// Reimport asks for a new artifact even if one with the same URI, type and
	// metadata is known.
	Reimport bool
}

// Import makes the artifact of an importer task.
func Import(req Request) (*Imported, error) { panic("soon") }
