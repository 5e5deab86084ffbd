package launch

import "github.com/kfmesh/kfmesh/services/pipeline/internal/ir"

// File is a file that a step left behind.
type File struct {
	Content  []byte
	TooLarge bool // it exceeded the limit, so there is no content
}

// Outputs are what a task made.
type Outputs struct {
	Values ir.Values
	// Paths are the local paths of the output artifacts by name, where the
	// step put them (custom_path) or was told to.
	Paths    map[string]string
	Warnings []string
}

// ReadOutputs reads what a step of the request left behind; files are those of
// Launch.Returns that exist, by path.
func ReadOutputs(req Request, files map[string]File) (*Outputs, error) { panic("soon") }
