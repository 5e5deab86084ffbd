// Package taint reads, checks and changes the taints of nodes, in kubectl's spelling:
// KEY=VALUE:EFFECT, or KEY:EFFECT. The package is pure.
package taint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// NoSchedule is the effect that there is: nothing is placed that does not tolerate it.
const NoSchedule = "NoSchedule"

// What keys and values may be, as those of labels.
var (
	keyForm   = regexp.MustCompile(`^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`)
	valueForm = regexp.MustCompile(`^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$`)
)

// Parse reads a taint.
func Parse(text string) (*gpuagentv1.Taint, error) {
	rest, effect, ok := strings.Cut(text, ":")
	key, value, _ := strings.Cut(rest, "=")
	t := &gpuagentv1.Taint{Key: key, Value: value, Effect: effect}
	if !ok {
		return nil, fmt.Errorf("%q is no taint: want KEY=VALUE:NoSchedule or KEY:NoSchedule", text)
	}
	if wrong := Wrong(t); wrong != "" {
		return nil, fmt.Errorf("%q: %s", text, wrong)
	}
	return t, nil
}

// Wrong says what is wrong with a taint; nothing when it is right.
func Wrong(t *gpuagentv1.Taint) string {
	switch {
	case !keyForm.MatchString(t.GetKey()):
		return fmt.Sprintf("key %q: want what keys of labels are, such as team or example.com/team", t.GetKey())
	case !valueForm.MatchString(t.GetValue()):
		return fmt.Sprintf("value %q: want at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends", t.GetValue())
	case t.GetEffect() == "PreferNoSchedule", t.GetEffect() == "NoExecute":
		return fmt.Sprintf("effect %s is not known here: want NoSchedule, which keeps off what is not placed yet", t.GetEffect())
	case t.GetEffect() != NoSchedule:
		return fmt.Sprintf("effect %q: want NoSchedule", t.GetEffect())
	}
	return ""
}

// String is a taint as it is written.
func String(t *gpuagentv1.Taint) string {
	if t.GetValue() == "" {
		return t.GetKey() + ":" + t.GetEffect()
	}
	return t.GetKey() + "=" + t.GetValue() + ":" + t.GetEffect()
}

// Change makes the taints that people have given a node anew. Those of its agent stay
// as they are. An error is fault.Invalid, fault.AlreadyExists or fault.NotFound.
func Change(node string, own, given []*gpuagentv1.Taint, r *gpuagentv1.TaintNodeRequest) ([]*gpuagentv1.Taint, error) {
	if err := check(r); err != nil {
		return nil, err
	}
	given = slices.Clone(given)
	for _, gone := range r.GetRemove() {
		is := func(t *gpuagentv1.Taint) bool {
			return t.GetKey() == gone.GetKey() && (gone.GetEffect() == "" || t.GetEffect() == gone.GetEffect())
		}
		if slices.ContainsFunc(own, is) {
			return nil, fault.Preconditionf("node %s has the taint %s from its agent's --node-taints: start it without", node, gone.GetKey()).
				WithReason("TAINT_OF_AGENT")
		}
		if !slices.ContainsFunc(given, is) {
			return nil, fault.NotFoundf("node %s has no taint %s", node, strings.TrimSuffix(gone.GetKey()+":"+gone.GetEffect(), ":")).WithReason("TAINT_NOT_FOUND")
		}
		given = slices.DeleteFunc(given, is)
	}
	for _, t := range r.GetAdd() {
		is := func(other *gpuagentv1.Taint) bool {
			return other.GetKey() == t.GetKey() && other.GetEffect() == t.GetEffect()
		}
		if i := slices.IndexFunc(own, is); i >= 0 {
			if own[i].GetValue() == t.GetValue() {
				continue
			}
			return nil, fault.Preconditionf("node %s has the taint %s from its agent's --node-taints: start it with another", node, String(own[i])).
				WithReason("TAINT_OF_AGENT")
		}
		i := slices.IndexFunc(given, is)
		switch {
		case i < 0:
			given = append(given, t)
		case given[i].GetValue() == t.GetValue():
		case !r.GetOverwrite():
			return nil, fault.AlreadyExistsf("node %s has the taint %s: overwrite it to give it another value", node, String(given[i])).
				WithReason("TAINT_EXISTS")
		default:
			given[i] = t
		}
	}
	return given, nil
}

func check(r *gpuagentv1.TaintNodeRequest) error {
	if len(r.GetAdd())+len(r.GetRemove()) == 0 {
		return fault.Invalidf("add", "is empty, and so is remove: give a taint")
	}
	var wrong []fault.Violation
	for i, t := range r.GetAdd() {
		if says := Wrong(t); says != "" {
			wrong = append(wrong, fault.Violation{Field: fmt.Sprintf("add[%d]", i), Reason: says})
		}
	}
	if wrong != nil {
		return fault.InvalidAll(wrong)
	}
	return nil
}
