package main

import (
	"errors"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// refusal is one thing that is wrong with a manifest.
type refusal struct {
	path string // of the field, in dots; empty when nothing says which
	text string
	late bool // it is found only when pods are made
}

// answer is everything that is wrong with a manifest; empty when it is accepted.
type answer []refusal

// late reports whether a manifest is accepted, and fails only when pods are made.
func (a answer) late() bool {
	for _, r := range a {
		if !r.late {
			return false
		}
	}
	return len(a) > 0
}

// of makes an answer of errors of fields.
func of(errs field.ErrorList, late bool) answer {
	var all answer
	for _, err := range errs {
		path := err.Field
		if in := withFormat.FindStringSubmatch(err.ErrorBody()); in != nil {
			path = in[1]
		}
		all = append(all, refusal{path: dotted(path), text: err.ErrorBody(), late: late})
	}
	return all
}

// aggregate makes an answer of what a webhook returns.
func aggregate(err error) answer {
	if err == nil {
		return nil
	}
	var many interface{ Errors() []error }
	if !errors.As(err, &many) {
		return answer{{text: err.Error()}}
	}
	var all answer
	for _, one := range many.Errors() {
		var of *field.Error
		if errors.As(one, &of) {
			all = append(all, refusal{path: dotted(of.Field), text: of.ErrorBody()})
			continue
		}
		all = append(all, refusal{text: one.Error()})
	}
	return all
}

var keyed = regexp.MustCompile(`\[([^\]]*[^\]0-9][^\]]*)\]`)

// withFormat finds the field in the words for a number out of range, which have no path of their own.
var withFormat = regexp.MustCompile(`must be of type integer with format \w+ in (\S+)`)

// dotted spells a path with keys of maps in dots: some checks write a[Worker], others a.Worker.
func dotted(path string) string {
	if path == "<nil>" { // what field says of no path
		return ""
	}
	return strings.TrimPrefix(keyed.ReplaceAllString(path, ".$1"), ".")
}

// guard runs a check. One that panics refuses: so does an API server whose webhook dies.
func guard(late bool, check func() answer) (all answer) {
	defer func() {
		if p := recover(); p != nil {
			all = answer{{text: "upstream panics", late: late}}
		}
	}()
	return check()
}
