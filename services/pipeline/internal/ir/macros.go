package ir

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Macros are what [[...]] in a run's string parameters stands for.
type Macros struct {
	RunID     string
	Now       time.Time // [[CurrentTime]]
	Scheduled time.Time // [[ScheduledTime]]; zero leaves it as it is
	Index     int64     // [[Index]] of a recurring run; 0 leaves it as it is
}

// defaultTimeFormat is how a time macro without a format is written, in Go's
// notation, as KFP does; a macro may name another: [[CurrentTime.2006-01-02]].
const defaultTimeFormat = "20060102150405"

var macro = regexp.MustCompile(`\[\[(RunUUID|Index|(?:CurrentTime|ScheduledTime)(?:\.[^\]]*)?)\]\]`)

// Expand replaces the macros in every string parameter and returns a new map.
func (m Macros) Expand(parameters map[string]any) map[string]any {
	expanded := make(map[string]any, len(parameters))
	for name, value := range parameters {
		if text, ok := value.(string); ok {
			value = macro.ReplaceAllStringFunc(text, m.replace)
		}
		expanded[name] = value
	}
	return expanded
}

// replace returns what one macro stands for, or the macro itself when that is
// not known.
func (m Macros) replace(text string) string {
	name, format, _ := strings.Cut(strings.Trim(text, "[]"), ".")
	if format == "" {
		format = defaultTimeFormat
	}
	switch {
	case name == "RunUUID" && m.RunID != "":
		return m.RunID
	case name == "CurrentTime" && !m.Now.IsZero():
		return m.Now.UTC().Format(format)
	case name == "ScheduledTime" && !m.Scheduled.IsZero():
		return m.Scheduled.UTC().Format(format)
	case name == "Index" && m.Index != 0:
		return strconv.FormatInt(m.Index, 10)
	}
	return text
}
