package output

import "strings"

// Style is the look of a piece of text.
type Style int

// The styles, named for what they mean.
const (
	Plain   Style = iota
	Good          // succeeded, ready
	Bad           // failed
	Busy          // running
	Waiting       // pending, stopping
	Faint         // skipped, secondary
	Strong        // headings
)

var sequences = [...]string{
	Plain: "", Good: "\x1b[32m", Bad: "\x1b[31m", Busy: "\x1b[36m",
	Waiting: "\x1b[33m", Faint: "\x1b[2m", Strong: "\x1b[1m",
}

const reset = "\x1b[0m"

func (s Style) apply(text string) string {
	if s == Plain || text == "" {
		return text
	}
	return sequences[s] + text + reset
}

// StateStyle is the style of a state's name, whatever the kind: run states,
// workload phases and execution states are spelled alike.
func StateStyle(state string) Style {
	switch strings.ToUpper(state) {
	case "SUCCEEDED", "COMPLETE", "READY", "OK", "CACHED", "ENABLED":
		return Good
	case "FAILED", "MISSING", "NOT READY":
		return Bad
	case "RUNNING":
		return Busy
	case "PENDING", "STARTING", "CANCELING", "PAUSED", "WARN":
		return Waiting
	case "SKIPPED", "CANCELED", "STOPPED", "ARCHIVED", "DISABLED":
		return Faint
	}
	return Plain
}
