package event

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// root is the first token of every subject.
const root = "kfmesh"

// String joins the parts; an empty part becomes "_", and what a token may not
// hold ('.', '*', '>', white space, '%') is percent-encoded.
func (s Subject) String() string {
	parts := []string{root, s.Service, s.Kind, s.Namespace, s.Name, s.What}
	for i, p := range parts[1:] {
		parts[i+1] = token(p)
	}
	return strings.Join(parts, ".")
}

// ParseSubject is the inverse of Subject.String.
func ParseSubject(subject string) (Subject, error) {
	tokens := strings.Split(subject, ".")
	if len(tokens) != 6 || tokens[0] != root {
		return Subject{}, fault.Invalidf("subject", "%q is not kfmesh.<service>.<kind>.<namespace>.<name>.<what>", subject)
	}
	var s Subject
	for i, part := range []*string{&s.Service, &s.Kind, &s.Namespace, &s.Name, &s.What} {
		t := tokens[i+1]
		if t == "_" {
			continue
		}
		text, err := url.PathUnescape(t)
		if err != nil || t == "" {
			return Subject{}, fault.Invalidf("subject", "%q has the malformed token %q", subject, t)
		}
		*part = text
	}
	return s, nil
}

// token encodes one part of a subject.
func token(part string) string {
	switch part {
	case "":
		return "_"
	case "_":
		return "%5F"
	}
	var b strings.Builder
	for _, c := range []byte(part) {
		if c <= ' ' || c == 0x7f || strings.IndexByte(".*>%", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Matches says whether a subject fits a pattern: "*" is any one token, a
// trailing ">" one or more.
func Matches(pattern, subject string) bool {
	want, have := strings.Split(pattern, "."), strings.Split(subject, ".")
	for i, w := range want {
		switch {
		case w == ">" && i == len(want)-1:
			return len(have) > i
		case i >= len(have):
			return false
		case w != "*" && w != have[i]:
			return false
		}
	}
	return len(want) == len(have)
}
