package launch

import (
	"net/url"
	"path"
	"strings"
)

// Root returns where the artifacts of a run go: what the run asks for, which the
// API has checked, else the default of its pipeline if this server can write
// there, else the server's own.
func Root(asked, fallback, own string) string {
	place := own
	switch {
	case asked != "":
		place = asked
	case path.IsAbs(fallback), scheme(fallback) != "" && scheme(fallback) == scheme(own):
		place = fallback
	}
	return strings.TrimSuffix(place, "/")
}

func scheme(uri string) string {
	s, _, found := strings.Cut(uri, "://")
	if !found {
		return ""
	}
	return s
}

// Place is where below its root a run of a pipeline keeps its artifacts.
func Place(pipelineName, runID string) string { return Segment(pipelineName) + "/" + runID }

// Segment makes a name one segment of a path.
func Segment(name string) string {
	switch s := url.PathEscape(name); s {
	case ".", "..", "":
		return "_" + s
	default:
		return s
	}
}
