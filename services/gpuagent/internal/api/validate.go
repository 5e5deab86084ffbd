package api

import (
	"errors"
	"fmt"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/expand"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/staging"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// validate says everything that is wrong with a workload beyond what its proto's
// own rules say.
func validate(w *gpuagentv1.Workload) error {
	v := &violations{}
	if !state.ValidName(w.GetMetadata().GetName()) {
		v.add("workload.metadata.name", "%q: want 1 to 253 letters, digits, '-', '_' and '.', with a letter or digit at both ends", w.GetMetadata().GetName())
	}
	if ns := w.GetMetadata().GetNamespace(); ns != "" && !state.ValidName(ns) {
		v.add("workload.metadata.namespace", "%q: want letters, digits, '-', '_' and '.', or nothing for \"default\"", ns)
	}
	if len(w.GetSpec().GetGroups()) == 0 {
		v.add("workload.spec.groups", "is empty: want at least one replica group")
	}
	total, seen := 0, map[string]bool{}
	for i, group := range w.GetSpec().GetGroups() {
		field := fmt.Sprintf("workload.spec.groups[%d]", i)
		if seen[group.GetName()] {
			v.add(field+".name", "%q names an earlier group too: names are unique in a workload", group.GetName())
		}
		seen[group.GetName()] = true
		total += state.Replicas(group)
		v.template(field+".template", group.GetTemplate())
	}
	if gang := int(w.GetSpec().GetGangMin()); gang > total {
		v.add("workload.spec.gang_min", "%d of only %d replicas cannot be placed together", gang, total)
	}
	for _, d := range []struct {
		name    string
		seconds int64
		nanos   int32
	}{
		{"deadline", w.GetSpec().GetDeadline().GetSeconds(), w.GetSpec().GetDeadline().GetNanos()},
		{"grace_period", w.GetSpec().GetGracePeriod().GetSeconds(), w.GetSpec().GetGracePeriod().GetNanos()},
	} {
		if d.seconds < 0 || d.nanos < 0 {
			v.add("workload.spec."+d.name, "is negative")
		}
	}
	if len(v.list) == 0 { // references need groups that make sense
		v.references(w.GetSpec())
	}
	return v.err()
}

// violations are collected so that a user hears of all at once.
type violations struct{ list []fault.Violation }

func (v *violations) add(field, format string, args ...any) {
	v.list = append(v.list, fault.Violation{Field: field, Reason: fmt.Sprintf(format, args...)})
}

func (v *violations) err() error {
	if len(v.list) == 0 {
		return nil
	}
	return fault.InvalidAll(v.list)
}

// template checks one template by itself.
func (v *violations) template(field string, t *gpuagentv1.Template) {
	if t.GetImage() == "" && len(t.GetCommand())+len(t.GetArgs()) == 0 {
		v.add(field+".command", "is empty, and so is the image: want one of them")
	}
	for _, wrong := range staging.Check(t.GetStaging()) {
		v.add(field+".staging."+wrong.Field, "%s", wrong.Reason)
	}
	v.env(field, t)
	v.volumes(field, t)
	v.identity(field, t)
	v.pod(field, t)
	ports := map[string]bool{}
	for i, p := range t.GetPorts() {
		if ports[p.GetName()] {
			v.add(fmt.Sprintf("%s.ports[%d].name", field, i), "%q names an earlier port too", p.GetName())
		}
		ports[p.GetName()] = true
	}
	if p := t.GetReadinessProbe(); p != nil && p.GetHandler() == nil && !ports[p.GetPort()] {
		v.add(field+".readiness_probe.port", "%q is no port of this template", p.GetPort())
	}
	if p := t.GetReadinessProbe().GetHttpGetPath(); p != "" && !strings.HasPrefix(p, "/") {
		v.add(field+".readiness_probe.http_get_path", "%q does not begin with a slash", p)
	}
	for i, s := range append(append([]string{}, t.GetCommand()...), t.GetArgs()...) {
		if strings.ContainsRune(s, 0) {
			v.add(field+".command", "argument %d holds a NUL byte, which no process can be given", i)
		}
	}
}

// references checks that what templates refer to exists.
func (v *violations) references(spec *gpuagentv1.WorkloadSpec) {
	scope := expand.Scope{Replicas: map[string][]expand.Address{}, Keep: spec.GetKeep()}
	for _, group := range spec.GetGroups() {
		ports := map[string]int32{}
		for _, p := range group.GetTemplate().GetPorts() {
			ports[p.GetName()] = 0
		}
		for range state.Replicas(group) {
			scope.Replicas[group.GetName()] = append(scope.Replicas[group.GetName()], expand.Address{Ports: ports})
		}
	}
	for i, group := range spec.GetGroups() {
		field, t := fmt.Sprintf("workload.spec.groups[%d].template", i), group.GetTemplate()
		scope.Group = group.GetName()
		check := func(field, text string) {
			if _, err := expand.String(text, scope); err != nil {
				v.add(field, "%s", reason(err))
			}
		}
		for j, text := range t.GetCommand() {
			check(fmt.Sprintf("%s.command[%d]", field, j), text)
		}
		for j, text := range t.GetArgs() {
			check(fmt.Sprintf("%s.args[%d]", field, j), text)
		}
		for j, e := range t.GetEnv() {
			check(fmt.Sprintf("%s.env[%d].value", field, j), e.GetValue())
		}
		eachText(field, t, check)
	}
}

// reason is the sentence of an error about one field.
func reason(err error) string {
	if e, ok := errors.AsType[*fault.Error](err); ok && len(e.Violations) == 1 {
		return e.Violations[0].Reason
	}
	return err.Error()
}
