package list

import (
	"cmp"
	"slices"
	"strings"
)

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	Next  string // token of the next page; empty on the last
	Total int    // items that match, on all pages
}

// Select applies a query to all items there are.
func Select[T any](q Query, fields Fields[T], items []T) (Page[T], error) {
	matching, err := Match(q, fields, items)
	if err != nil {
		return Page[T]{}, err
	}
	rest, err := After(q, fields, matching)
	if err != nil {
		return Page[T]{}, err
	}
	page := Page[T]{Items: rest[:min(q.Size, len(rest))], Total: len(matching)}
	if len(rest) > q.Size {
		page.Next = q.Token(PositionOf(q, fields, page.Items[q.Size-1]))
	}
	return page, nil
}

// Match returns the items that the filter lets pass, in the order of the query.
func Match[T any](q Query, fields Fields[T], items []T) ([]T, error) {
	by, err := fields.field("sort_by", q.Key)
	if err != nil {
		return nil, err
	}
	tests, err := fields.compile(q.Filter)
	if err != nil {
		return nil, err
	}
	matching := slices.DeleteFunc(slices.Clone(items), func(item T) bool {
		return slices.ContainsFunc(tests, func(passes test[T]) bool { return !passes(item) })
	})
	slices.SortFunc(matching, func(a, b T) int {
		return q.compare(by.of(a), fields.ID(a), by.of(b), fields.ID(b))
	})
	return matching, nil
}

// After drops what an earlier page showed from items in the order of the query.
func After[T any](q Query, fields Fields[T], ordered []T) ([]T, error) {
	if q.After == nil {
		return ordered, nil
	}
	by, err := fields.field("sort_by", q.Key)
	if err != nil {
		return nil, err
	}
	last, err := by.parse(q.After.Value)
	if err != nil {
		return nil, notAToken()
	}
	start, found := slices.BinarySearchFunc(ordered, last, func(item T, last value) int {
		return q.compare(by.of(item), fields.ID(item), last, q.After.ID)
	})
	if found {
		start++
	}
	return ordered[start:], nil
}

// PositionOf is the place of an item in the order of a query whose key is known.
func PositionOf[T any](q Query, fields Fields[T], item T) Position {
	by := fields.Key[q.Key]
	return Position{Value: by.format(by.of(item)), ID: fields.ID(item)}
}

// Compare says which of two items comes first in the order of a query whose key
// is known.
func Compare[T any](q Query, fields Fields[T], a, b T) int {
	by := fields.Key[q.Key]
	return q.compare(by.of(a), fields.ID(a), by.of(b), fields.ID(b))
}

func (q Query) compare(a value, aID string, b value, bID string) int {
	order := cmp.Or(a.compare(b), strings.Compare(aID, bID))
	if q.Descending {
		return -order
	}
	return order
}
