// Package names finds items by a part of their name, fast enough that any part
// will do: one letter, or one that every name has.
//
// A Table holds the names one after the other in one piece of memory, each ended
// by a NUL, which no name holds, so that one pass of bytes.Index over them finds
// all that match. Beside each name is what lists are filtered and sorted by most:
// the facts, of which many items share one combination, and the time. That takes
// about 150 bytes an item, with a name and a uid of the usual length.
//
// A Table is pure memory and has no lock: its owner sees to it that a change
// meets nobody who searches.
package names

import "slices"

// Facts are what an item shares with others.
type Facts struct {
	Namespace, Parent, Origin, State, StorageState string
}

// Item is an item as a search knows it.
type Item struct {
	UID       string
	Name      string // without NUL
	CreatedAt int64  // nanoseconds since 1970
	Facts     Facts
}

// gone is the group of a row whose item was changed or removed.
const gone = -1

// Table holds items by uid. The zero Table is empty.
type Table struct {
	text   []byte // the names, each with a NUL
	rows   []row  // in the order of their names in text
	byUID  map[string]int32
	groups []Facts
	byFact map[Facts]int32
	dead   int // rows that are gone
}

type row struct {
	uid     string
	created int64
	end     int // of the name in text, at its NUL
	group   int32
}

// Len is the number of items.
func (t *Table) Len() int { return len(t.byUID) }

// Put adds an item, in place of the one with its uid.
func (t *Table) Put(item Item) {
	if t.byUID == nil {
		t.byUID, t.byFact = map[string]int32{}, map[Facts]int32{}
	}
	t.Remove(item.UID)
	t.text = append(append(t.text, item.Name...), 0)
	t.byUID[item.UID] = int32(len(t.rows)) //nolint:gosec // memory ends long before two thousand million rows
	t.rows = append(t.rows, row{uid: item.UID, created: item.CreatedAt, end: len(t.text) - 1, group: t.group(item.Facts)})
}

// group is the number of a combination of facts.
func (t *Table) group(facts Facts) int32 {
	number, known := t.byFact[facts]
	if !known {
		number = int32(len(t.groups)) //nolint:gosec // there are fewer groups than rows
		t.groups, t.byFact[facts] = append(t.groups, facts), number
	}
	return number
}

// Remove forgets an item, if there is one with that uid.
func (t *Table) Remove(uid string) {
	number, known := t.byUID[uid]
	if !known {
		return
	}
	delete(t.byUID, uid)
	t.rows[number].group = gone
	t.dead++
	if t.dead > 1000 && t.dead > len(t.rows)/2 {
		t.compact()
	}
}

// compact gives back the memory of the rows that are gone.
func (t *Table) compact() {
	kept := Table{text: make([]byte, 0, len(t.text)/2), rows: make([]row, 0, len(t.rows)/2)}
	for i, r := range t.rows {
		if r.group != gone {
			kept.Put(Item{UID: r.uid, Name: t.name(i), CreatedAt: r.created, Facts: t.groups[r.group]})
		}
	}
	*t = kept
}

// start is where the name of a row begins.
func (t *Table) start(number int) int {
	if number == 0 {
		return 0
	}
	return t.rows[number-1].end + 1
}

func (t *Table) name(number int) string { return string(t.text[t.start(number):t.rows[number].end]) }

// rowAt is the row whose name has the byte at an offset, at or after a row.
func (t *Table) rowAt(offset, from int) int {
	near := 4
	for ; from < len(t.rows) && near > 0; near-- { // it mostly is
		if t.rows[from].end >= offset {
			return from
		}
		from++
	}
	for step := 1; from < len(t.rows); step *= 2 {
		if far := min(from+step, len(t.rows)); t.rows[far-1].end >= offset {
			after, _ := slices.BinarySearchFunc(t.rows[from:far], offset, func(r row, offset int) int { return r.end - offset })
			return from + after
		}
		from += step
	}
	return from
}
