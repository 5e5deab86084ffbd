package main

import (
	"fmt"
	"io"
	"strings"
)

// tally counts how cases compare, and prints those that differ.
type tally struct {
	out     io.Writer
	verbose bool

	cases, accepted, late, skipped, wrong int
	by                                    [4]int // by verdict
	known                                 map[*difference]int
}

func (t *tally) skip(m manifest) {
	t.skipped++
	if m.change == "" {
		fmt.Fprintf(t.out, "skipped  %s: upstream has no %v of %v\n", m.name, m.object["kind"], m.object["apiVersion"])
	}
}

func (t *tally) count(m manifest, theirs, own answer) {
	v := compare(theirs, own)
	t.cases++
	t.by[v]++
	if len(theirs) == 0 {
		t.accepted++
	}
	if theirs.late() {
		t.late++
	}
	if v == agree {
		return
	}
	d := meant(m, v)
	if d != nil {
		if t.known == nil {
			t.known = map[*difference]int{}
		}
		t.known[d]++
	} else {
		t.wrong++
	}
	if d != nil && !t.verbose {
		return
	}
	fmt.Fprintf(t.out, "%s: %v\n", v, m.name)
	for _, r := range theirs {
		late := ""
		if r.late {
			late = "late "
		}
		fmt.Fprintf(t.out, "    upstream %s%s: %.200s\n", late, r.path, r.text)
	}
	for _, r := range own {
		fmt.Fprintf(t.out, "    kfmesh   %s: %.200s\n", r.path, r.text)
	}
}

// unknown notes fields of a manifest as it is that kfmesh does not know, and upstream does.
func (t *tally) unknown(m manifest, warnings []string) {
	for _, w := range warnings {
		if strings.Contains(w, "unknown field") {
			t.wrong++
			fmt.Fprintf(t.out, "unknown: %s: %s\n", m.name, w)
		}
	}
}

// end prints the counts; it is an error when a case differs otherwise than it is meant to.
func (t *tally) end() error {
	for i := range deliberate {
		if n := t.known[&deliberate[i]]; n > 0 {
			fmt.Fprintf(t.out, "%6d  %s, as meant: %s\n", n, deliberate[i].verdict, deliberate[i].why)
		}
	}
	fmt.Fprintf(t.out, "%d cases, of which upstream accepts %d and fails %d late:", t.cases, t.accepted, t.late)
	for v, n := range t.by {
		fmt.Fprintf(t.out, " %d %s;", n, verdict(v))
	}
	fmt.Fprintf(t.out, " %d of them not as meant; %d skipped\n", t.wrong, t.skipped)
	if t.wrong > 0 {
		return errDiffer
	}
	return nil
}
