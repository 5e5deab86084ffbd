package garbage

import (
	"strings"

	"github.com/google/uuid"
)

// Place is where the artifacts of a run are below the artifact root:
// "<pipeline>/<run id>".
type Place string

// Run is the id of the run.
func (p Place) Run() string { return string(p[strings.LastIndexByte(string(p), '/')+1:]) }

// PlaceOf returns the place that a URI lies in, and whether it lies in one
// below the root. Runs have UUIDs for ids, so nothing else there is taken for one.
func PlaceOf(root, uri string) (Place, bool) {
	below, found := strings.CutPrefix(uri, strings.TrimSuffix(root, "/")+"/")
	if !found {
		return "", false
	}
	pipeline, rest, _ := strings.Cut(below, "/")
	run, _, _ := strings.Cut(rest, "/")
	if pipeline == "" || !isRun(run) {
		return "", false
	}
	return Place(pipeline + "/" + run), true
}

// RunOf returns the run whose step a workload is, and whether it is one: names of
// such workloads begin with the id of the run.
func RunOf(workload string) (run string, ok bool) {
	run = workload[:min(runLength, len(workload))]
	return run, isRun(run) && strings.HasPrefix(workload[len(run):], "-")
}

// runLength is the length of the one form of a UUID that ids of runs have.
const runLength = 36

// isRun reports whether a name is the id of a run.
func isRun(name string) bool {
	return len(name) == runLength && uuid.Validate(name) == nil
}
