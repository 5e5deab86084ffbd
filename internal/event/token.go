package event

import (
	"fmt"
	"strings"
)

// token makes one part of a subject out of any text.
func token(s string) string {
	if s == "" {
		return "_"
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || strings.IndexByte(".*>%", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Match reports whether a subject matches a pattern, as Subscription.Pattern
// describes it.
func Match(pattern, subject string) bool {
	want, have := strings.Split(pattern, "."), strings.Split(subject, ".")
	for i, w := range want {
		if w == ">" && i == len(want)-1 {
			return len(have) > i
		}
		if i >= len(have) || (w != "*" && w != have[i]) {
			return false
		}
	}
	return len(want) == len(have)
}
