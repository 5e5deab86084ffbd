package launch

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"
)

// Layout says where a task's files are on the step's side and where they are kept.
type Layout struct {
	// TaskDir is the absolute local directory of the task, the task root that
	// dsl.get_uri() answers.
	TaskDir string
	// TaskURI is where the content of TaskDir is kept. Empty means in place:
	// the URI of an artifact is its path.
	TaskURI string
	// InputDir is the local directory for input artifacts that have to be
	// fetched from an object store. Empty means that nothing is fetched: the step
	// gets such a URI as it is.
	InputDir string
}

// parametersDir holds the files of output parameters, apart from artifacts so
// that a parameter and an artifact may share a name.
const parametersDir = ".parameters"

// OutputFile is the path of executor_output.json.
func (l Layout) OutputFile() string { return path.Join(l.TaskDir, "executor_output.json") }

// ParameterFile is the path of the file of an output parameter.
func (l Layout) ParameterFile(name string) string {
	return path.Join(l.TaskDir, parametersDir, fileName(name))
}

// ArtifactPath is the local path of an output artifact.
func (l Layout) ArtifactPath(name string) string { return path.Join(l.TaskDir, fileName(name)) }

// ArtifactURI is where an output artifact is kept.
func (l Layout) ArtifactURI(name string) string { return l.keep(l.ArtifactPath(name)) }

// LocalPath is where the step finds what is kept at a URI: a local path, or
// the URI itself when it is neither local nor fetched.
func (l Layout) LocalPath(uri string) string {
	if local, found := strings.CutPrefix(uri, "file://"); found {
		return local
	}
	if l.TaskURI != "" && within(uri, l.TaskURI) {
		return l.TaskDir + strings.TrimPrefix(uri, strings.TrimSuffix(l.TaskURI, "/"))
	}
	if !l.fetches(uri) {
		return uri
	}
	return path.Join(l.InputDir, shortDigest(uri), fileName(path.Base(uri)))
}

// shortDigest tells the URIs of a step apart.
func shortDigest(uri string) string {
	digest := sha256.Sum256([]byte(uri))
	return hex.EncodeToString(digest[:8])
}

// fetches reports whether the content of a URI comes from an object store.
func (l Layout) fetches(uri string) bool {
	scheme, _, found := strings.Cut(uri, "://")
	return found && l.InputDir != "" && slices.Contains([]string{"s3", "gs", "azblob"}, scheme)
}

// keep is where a local path is kept; a path outside the task's directory is
// its own place.
func (l Layout) keep(local string) string {
	if l.TaskURI == "" || !within(local, l.TaskDir) {
		return local
	}
	return strings.TrimSuffix(l.TaskURI, "/") + strings.TrimPrefix(local, l.TaskDir)
}

// within reports whether a cleaned path or URI is a directory or lies in it.
func within(p, dir string) bool {
	dir = strings.TrimSuffix(dir, "/")
	return p == dir || strings.HasPrefix(p, dir+"/")
}

// fileName makes a name that is one path element. The names of inputs and
// outputs are Python identifiers where the SDK wrote them.
func fileName(name string) string {
	name = strings.ReplaceAll(name, "/", "_")
	if name == "." || name == ".." || name == "executor_output.json" || name == parametersDir {
		return "_" + name
	}
	return name
}
