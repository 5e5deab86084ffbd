package pod

// tally is what the answers to a readiness probe come to.
type tally struct {
	probe *Probe
	ready bool
	row   int // how often in a row it was answered otherwise than ready says
}

// count takes an answer, and reports whether ready has changed with it.
func (t *tally) count(success bool) (changed bool) {
	if success == t.ready {
		t.row = 0
		return false
	}
	t.row++
	enough := max(t.probe.Successes, 1)
	if t.ready {
		enough = max(t.probe.Failures, 1)
	}
	if t.row < enough {
		return false
	}
	t.ready, t.row = success, 0
	return true
}
