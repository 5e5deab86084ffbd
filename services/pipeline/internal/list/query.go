package list

import (
	"strings"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// The page sizes of the KFP API.
const (
	defaultPageSize = 20
	maxPageSize     = 200
)

// defaultOrder is the sort key of a list that names none.
const defaultOrder = "created_at"

// Request is what a list call says. All KFP list requests have these getters.
type Request interface {
	GetPageToken() string
	GetPageSize() int32
	GetSortBy() string
	GetFilter() string
}

// Query is a list call, read and checked but for the keys it names.
type Query struct {
	Filter     *metav1.Filter // with the predicates of the scope; nil without any
	Key        string         // sort key
	Descending bool
	Size       int
	After      *Position // nil on the first page
}

// Position is a place in an order: the sort value and id of an item.
type Position struct {
	Value string // times in RFC 3339 with nanoseconds, UTC
	ID    string
}

// Parse reads a list call. The scope is what the call selects by besides its
// filter, such as a namespace; it is joined to the filter.
func Parse(request Request, scope ...*metav1.Predicate) (Query, error) {
	q := Query{}
	var err error
	if q.Size, err = pageSize(request.GetPageSize()); err != nil {
		return Query{}, err
	}
	if q.Key, q.Descending, err = order(request.GetSortBy()); err != nil {
		return Query{}, err
	}
	if q.Filter, err = ParseFilter(request.GetFilter()); err != nil {
		return Query{}, err
	}
	if len(scope) > 0 {
		q.Filter = &metav1.Filter{Predicates: append(q.Filter.GetPredicates(), scope...)}
	}
	q.After, err = q.parseToken(request.GetPageToken())
	return q, err
}

// Equals is the predicate of a scope that a key has a value.
func Equals(key, text string) *metav1.Predicate {
	return &metav1.Predicate{
		Operation: metav1.Predicate_EQUALS,
		Key:       key,
		Value:     &metav1.Predicate_StringValue{StringValue: text},
	}
}

func pageSize(asked int32) (int, error) {
	switch {
	case asked < 0:
		return 0, fault.Invalidf("page_size", "is %d; want 0 to %d", asked, maxPageSize)
	case asked == 0:
		return defaultPageSize, nil
	}
	return min(int(asked), maxPageSize), nil
}

// order reads "key", "key asc" or "key desc".
func order(sortBy string) (key string, descending bool, err error) {
	words := strings.Fields(sortBy)
	switch {
	case len(words) == 0:
		return defaultOrder, false, nil
	case len(words) == 1, len(words) == 2 && strings.EqualFold(words[1], "asc"):
		return words[0], false, nil
	case len(words) == 2 && strings.EqualFold(words[1], "desc"):
		return words[0], true, nil
	}
	return "", false, fault.Invalidf("sort_by", `%q is not an order; want "key", "key asc" or "key desc"`, sortBy)
}
