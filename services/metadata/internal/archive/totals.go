package archive

import (
	"fmt"
	"sync"

	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// keptTotals is how many totals are remembered.
const keptTotals = 256

// totals remembers how many records there are of a search, as long as no record
// changes: a search that no index or counter answers has to look at every record,
// and a page of it would take as long for each page that is turned.
//
// Changed is called before and after every change. So a total that is known is
// one of the time before any change that can be seen, and none is kept that was
// counted meanwhile. On PostgreSQL others may change records too: there none is
// kept.
type totals struct {
	keep bool

	mu    sync.Mutex
	turn  int64            // guarded by mu; grows with every change
	known map[string]int64 // guarded by mu; by search, of this turn
}

func newTotals(keep bool) *totals { return &totals{keep: keep, known: map[string]int64{}} }

// changed forgets all totals.
func (t *totals) changed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turn++
	clear(t.known)
}

// now returns the turn, which a total that is counted from now on is put with.
func (t *totals) now() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.turn
}

// get returns the total of a search, if it is known.
func (t *totals) get(search string) (total int64, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	total, known = t.known[search]
	return total, known
}

// put remembers a total, unless a record has changed since the turn.
func (t *totals) put(search string, total, turn int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.keep || turn != t.turn {
		return
	}
	if len(t.known) >= keptTotals {
		clear(t.known)
	}
	t.known[search] = total
}

// searchOf names the search that a condition makes.
func searchOf(matching *sqlstore.Query) string {
	return fmt.Sprintf("%q %q", matching.Text(), matching.Args())
}
