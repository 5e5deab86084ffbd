package names

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// Search is what the items looked for have. A nil function lets all pass.
type Search struct {
	Parts   []string // of the name: all of them, byte by byte
	Facts   func(Facts) bool
	Created func(int64) bool
}

// Found are the items that a search found in a table, good until it changes.
type Found struct {
	table *Table
	rows  []int32
}

// Find looks for items. It takes some milliseconds for hundreds of thousands.
func (t *Table) Find(search Search) Found {
	var part []byte
	rest := search.Parts
	if len(rest) > 0 {
		part, rest = []byte(rest[0]), rest[1:]
	}
	passes := t.passing(search.Facts)
	found := Found{table: t}
	for number, offset := 0, 0; number < len(t.rows); number++ {
		if len(part) > 0 {
			next := bytes.Index(t.text[offset:], part)
			if next < 0 {
				break
			}
			number = t.rowAt(offset+next, number)
		}
		r := &t.rows[number]
		if r.group != gone && passes[r.group] && (search.Created == nil || search.Created(r.created)) && t.has(number, rest) {
			found.rows = append(found.rows, int32(number)) //nolint:gosec // see Put
		}
		offset = r.end + 1
	}
	return found
}

// passing says of each group whether its facts pass.
func (t *Table) passing(facts func(Facts) bool) []bool {
	passes := make([]bool, len(t.groups))
	for i, group := range t.groups {
		passes[i] = facts == nil || facts(group)
	}
	return passes
}

// has reports whether a name has all parts.
func (t *Table) has(number int, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(t.name(number), part) {
			return false
		}
	}
	return true
}

// Len is how many items were found.
func (f Found) Len() int { return len(f.rows) }

// UIDs are those of all items, in no order.
func (f Found) UIDs() []string {
	uids := make([]string, len(f.rows))
	for i, number := range f.rows {
		uids[i] = f.table.rows[number].uid
	}
	return uids
}

// Position is a place in the order by time and then uid.
type Position struct {
	CreatedAt int64
	UID       string
}

// First returns the uids of the first items after a position, at most so many,
// in the order by time and then uid, or in that order backwards. A nil position
// is the start.
func (f Found) First(most int, descending bool, after *Position) []string {
	compare := func(a, b Position) int {
		order := cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), strings.Compare(a.UID, b.UID))
		if descending {
			return -order
		}
		return order
	}
	var first []Position // the best so far, in order
	for _, number := range f.rows {
		r := &f.table.rows[number]
		p := Position{CreatedAt: r.created, UID: r.uid}
		if after != nil && compare(p, *after) <= 0 || len(first) == most && (most == 0 || compare(p, first[most-1]) > 0) {
			continue
		}
		at, _ := slices.BinarySearchFunc(first, p, compare)
		first = slices.Insert(first[:min(len(first), most-1)], at, p)
	}
	uids := make([]string, len(first))
	for i, p := range first {
		uids[i] = p.UID
	}
	return uids
}
