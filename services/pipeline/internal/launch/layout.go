package launch

// Layout says where a task's files are on the step's side and where they are kept.
type Layout struct {
	// TaskDir is the absolute local directory of the task, the task root that
	// dsl.get_uri() answers.
	TaskDir string
	// TaskURI is where the content of TaskDir is kept. Empty means in place:
	// the URI of an artifact is its path.
	TaskURI string
	// InputDir is the local directory for input artifacts that are kept
	// elsewhere. It is not used for URIs that are plain paths.
	InputDir string
}

// OutputFile is the path of executor_output.json.
func (l Layout) OutputFile() string { panic("soon") }

// ParameterFile is the path of the file of an output parameter.
func (l Layout) ParameterFile(name string) string { panic("soon") }

// ArtifactPath is the local path of an output artifact.
func (l Layout) ArtifactPath(name string) string { panic("soon") }

// ArtifactURI is where an output artifact is kept.
func (l Layout) ArtifactURI(name string) string { panic("soon") }

// LocalPath is where the step finds what is kept at a URI.
func (l Layout) LocalPath(uri string) string { panic("soon") }
