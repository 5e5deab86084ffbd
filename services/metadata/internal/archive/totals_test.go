package archive

import (
	"strconv"
	"testing"
)

func TestATotalIsForgottenWithAChange(t *testing.T) {
	tests := map[string]struct {
		keep   bool
		before func(*totals) // between now and put
		after  func(*totals) // between put and get
		known  bool
	}{
		"nothing changed":          {keep: true, known: true},
		"changed while it counted": {keep: true, before: (*totals).changed},
		"changed since":            {keep: true, after: (*totals).changed},
		"others may change it":     {},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			kept := newTotals(test.keep)
			turn := kept.now()
			if test.before != nil {
				test.before(kept)
			}
			kept.put("search", 7, turn)
			if test.after != nil {
				test.after(kept)
			}
			if total, known := kept.get("search"); known != test.known || known && total != 7 {
				t.Errorf("total %d, known %v; want it known: %v", total, known, test.known)
			}
		})
	}
}

func TestTotalsAreBounded(t *testing.T) {
	kept := newTotals(true)
	for i := range 3 * keptTotals {
		kept.put(strconv.Itoa(i), 1, kept.now())
	}
	if n := len(kept.known); n > keptTotals {
		t.Errorf("%d totals are kept, want at most %d", n, keptTotals)
	}
}
