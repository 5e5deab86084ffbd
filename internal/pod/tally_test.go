package pod

import "testing"

func TestTally(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		probe   Probe
		answers string // + and -
		states  string // after each: + ready, - not
	}{
		{Probe{Failures: 3}, "-+--+---+", "-+++++" + "+-+"},
		{Probe{Failures: 1, Successes: 3}, "++-+++-+++", "-----+---+"},
		{Probe{}, "+-+", "+-+"},
	} {
		tally := tally{probe: &tt.probe}
		states := ""
		for _, a := range tt.answers {
			before := tally.ready
			if changed := tally.count(a == '+'); changed != (before != tally.ready) {
				t.Errorf("%+v: changed %t, from %t to %t", tt.probe, changed, before, tally.ready)
			}
			if tally.ready {
				states += "+"
			} else {
				states += "-"
			}
		}
		if states != tt.states {
			t.Errorf("%+v, %s: %s, want %s", tt.probe, tt.answers, states, tt.states)
		}
	}
}
