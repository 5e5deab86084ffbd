package garbage

import "strings"

// Fate is what becomes of a file or folder of a run that is gone.
type Fate int

// The fates.
const (
	Goes    Fate = iota // nothing of it is used
	Stays               // it is used, or lies in what is
	Divided             // something in it is used
)

// FateOf is the fate of what is at a URI, given the URIs that are used.
func FateOf(uri string, used []string) Fate {
	fate := Goes
	for _, u := range used {
		switch {
		case within(uri, u):
			return Stays
		case within(u, uri):
			fate = Divided
		}
	}
	return fate
}

// Below reports whether a URI is one of some places, or lies below one.
func Below(uri string, places []string) bool { return FateOf(uri, places) == Stays }

// within reports whether a URI is a place or lies below it.
func within(uri, place string) bool {
	place = strings.TrimSuffix(place, "/")
	rest, found := strings.CutPrefix(uri, place)
	return found && place != "" && (rest == "" || rest[0] == '/')
}
