// Package listing turns what a list request asks for into SQL: a filter into a
// condition, an order into ORDER BY, a position in that order into the
// condition that starts the next page.
//
// A Table lists the keys that a request may name; no other text of a request
// reaches a statement, and its values are bound, never written. Pages continue
// by key (the sort value and uid of the last item), not by offset, so a page
// costs the same anywhere in the list, and what is added or deleted meanwhile
// neither repeats nor hides another item.
//
// Everything here is pure.
package listing

import (
	"slices"
	"strings"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// defaultPageSize is the number of items of a page whose request names none.
const defaultPageSize = 20

// PageSize reads a page size, of which 0 is the default.
func PageSize(asked int32) (int, error) {
	switch {
	case asked < 0:
		return 0, fault.Invalidf("page_size", "is %d; want 0 or more", asked)
	case asked == 0:
		return defaultPageSize, nil
	}
	return int(asked), nil
}

// Kind is what a column holds.
type Kind int

// The kinds.
const (
	Text Kind = iota
	Time      // nanoseconds since 1970
)

// Column is where a key's value is.
type Column struct {
	Name string
	Kind Kind
	// Begins says that an index has the first IndexedRunes characters of the text:
	// PostgreSQL allows no more in one, whatever the length of the text.
	Begins bool
}

// IndexedRunes is how much of a text is in an index of the beginnings of texts.
const IndexedRunes = 256

// Table says what a list may be filtered and sorted by.
type Table struct {
	Columns map[string]Column // by the key that requests use
	Default string            // key of the order when none is asked for
}

// column finds a key, or says which there are.
func (t Table) column(path, key string) (Column, error) {
	if column, ok := t.Columns[key]; ok {
		return column, nil
	}
	keys := make([]string, 0, len(t.Columns))
	for known := range t.Columns {
		keys = append(keys, known)
	}
	slices.Sort(keys)
	return Column{}, fault.Invalidf(path, "%q is not a key here; want one of %s", key, strings.Join(keys, ", "))
}

// Order is a total order: by one key, then by uid, both in the same direction.
type Order struct {
	Key        string
	Descending bool
	column     Column
}

// Order makes an order by a key; an empty key is the default.
func (t Table) Order(key string, descending bool) (Order, error) {
	if key == "" {
		key = t.Default
	}
	column, err := t.column("order_by", key)
	return Order{Key: key, Descending: descending, column: column}, err
}

// ParseOrder reads "key", "key asc" or "key desc".
func (t Table) ParseOrder(orderBy string) (Order, error) {
	words := strings.Fields(orderBy)
	switch {
	case len(words) == 0:
		return t.Order("", false)
	case len(words) == 1, len(words) == 2 && words[1] == "asc":
		return t.Order(words[0], false)
	case len(words) == 2 && words[1] == "desc":
		return t.Order(words[0], true)
	}
	return Order{}, fault.Invalidf("order_by", `%q is not an order; want "key", "key asc" or "key desc"`, orderBy)
}

// By is the ORDER BY clause.
func (o Order) By() string {
	if o.Descending {
		return "ORDER BY " + o.column.Name + " DESC, uid DESC"
	}
	return "ORDER BY " + o.column.Name + ", uid"
}

// Position is a place in an order: that of an item with this sort value and uid.
type Position struct {
	Value string // times in RFC 3339
	UID   string
}

// After is the condition that an item comes after the position.
func (o Order) After(p Position) (*sqlstore.Query, error) {
	var value any = p.Value
	if o.column.Kind == Time {
		nanos, err := parseTime(p.Value)
		if err != nil {
			return nil, fault.Invalidf("after.value", "%q is not a time in RFC 3339, by which the list is sorted", p.Value)
		}
		value = nanos
	}
	comparison := ">"
	if o.Descending {
		comparison = "<"
	}
	return sqlstore.Q("("+o.column.Name+", uid) "+comparison+" (?, ?)", value, p.UID), nil
}

// parseTime reads RFC 3339; the empty text is a missing time.
func parseTime(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, err
	}
	return nanos(t), nil
}
