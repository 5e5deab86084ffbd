// Package field collects what is wrong with a manifest, worded as Kubernetes words
// it, so that whoever knows its messages knows these.
//
// The package is pure.
package field

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Problems are what is wrong with a manifest, and what is merely odd. The zero
// value is ready. It is for one goroutine.
type Problems struct {
	violations []fault.Violation
	warnings   []string
	mistyped   bool
	seen       map[string]bool // what was said of which path
}

// Required says that a field is missing, or what it must hold.
func (p *Problems) Required(path, detail string) {
	const required = "Required value"
	if detail != "" {
		p.add(path, required+": "+detail)
		p.seen[path+required] = true
		return
	}
	if !p.seen[path+required] { // or else more was said of it already
		p.add(path, required)
	}
}

// Forbidden says what a field must not, or must, be.
func (p *Problems) Forbidden(path, detail string) { p.add(path, "Forbidden: "+detail) }

// Invalid says what is wrong with a value.
func (p *Problems) Invalid(path string, value any, detail string) {
	p.add(path, fmt.Sprintf("Invalid value: %s: %s", shown(value), detail))
}

// Mistyped says that a value is of another type than it must be, so that it is not there
// to be checked.
func (p *Problems) Mistyped(path string, value any, detail string) {
	p.Invalid(path, value, detail)
	p.mistyped = true
}

// AnyMistyped reports whether any value is.
func (p *Problems) AnyMistyped() bool { return p.mistyped }

// NotSupported says that a value is none of those that there are.
func (p *Problems) NotSupported(path string, value any, supported ...string) {
	quoted := make([]string, len(supported))
	for i, s := range supported {
		quoted[i] = fmt.Sprintf("%q", s)
	}
	p.add(path, fmt.Sprintf("Unsupported value: %s: supported values: %s", shown(value), strings.Join(quoted, ", ")))
}

// Duplicate says that a value is there twice.
func (p *Problems) Duplicate(path string, value any) { p.add(path, "Duplicate value: "+shown(value)) }

// NotFound says that a name means nothing.
func (p *Problems) NotFound(path, name string) { p.add(path, "Not found: "+shown(name)) }

// Warn notes what is odd or not honoured. A sentence is noted once.
func (p *Problems) Warn(format string, args ...any) {
	sentence := fmt.Sprintf(format, args...)
	for _, w := range p.warnings {
		if w == sentence {
			return
		}
	}
	p.warnings = append(p.warnings, sentence)
}

// Warnings returns the sentences noted.
func (p *Problems) Warnings() []string { return p.warnings }

// Any reports whether anything is wrong.
func (p *Problems) Any() bool { return len(p.violations) > 0 }

// Err is everything that is wrong as one fault.Invalid; nil when nothing is.
func (p *Problems) Err() error {
	if !p.Any() {
		return nil
	}
	return fault.InvalidAll(p.violations)
}

// add notes what is wrong, once.
func (p *Problems) add(path, reason string) {
	if p.seen[path+reason] {
		return
	}
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	p.seen[path+reason] = true
	p.violations = append(p.violations, fault.Violation{Field: path, Reason: reason})
}

// longestShown is how much of a value a message repeats.
const longestShown = 100

func shown(value any) string {
	if raw, ok := value.(json.RawMessage); ok {
		return string(raw)
	}
	text, ok := value.(string)
	if !ok {
		return fmt.Sprint(value)
	}
	if len(text) > longestShown {
		text = text[:longestShown] + "..."
	}
	return fmt.Sprintf("%q", text)
}
