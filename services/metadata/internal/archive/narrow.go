package archive

import (
	"cmp"
	"context"
	"slices"
	"strings"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/names"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// fewNamed is how many records a statement may list by their uids. Of what more
// records have, a page is soon found in the order of the list.
const fewNamed = 1000

// search is what the directory is asked for a filter.
type search struct {
	names.Search
	exact bool // whether that is the whole filter
}

// searchFor is the search of a filter that asks for a part of the display name,
// or nil for any other: the indexes of the database are for those.
func searchFor(filter *metav1.Filter) *search {
	s := &search{exact: true}
	var facts []func(names.Facts) bool
	var times []func(int64) bool
	for _, p := range filter.GetPredicates() {
		timeful := p.GetKey() == "created_at" && p.GetTimestampValue() != nil && p.GetOperation() != metav1.Predicate_IN
		switch {
		case p.GetKey() == "display_name" && p.GetOperation() == metav1.Predicate_IS_SUBSTRING:
			s.Parts = append(s.Parts, p.GetStringValue())
		case groupKeys[p.GetKey()]:
			facts = append(facts, func(f names.Facts) bool { return textHolds(p, factOf(f, p.GetKey())) })
		case timeful:
			bound := sqlstore.Nanos(p.GetTimestampValue())
			times = append(times, func(at int64) bool { return ordered(p.GetOperation(), cmp.Compare(at, bound)) })
		default:
			s.exact = false
		}
	}
	if len(s.Parts) == 0 {
		return nil
	}
	slices.SortFunc(s.Parts, func(a, b string) int { return len(b) - len(a) }) // the longest is the rarest
	s.Facts = func(f names.Facts) bool { return all(facts, f) }
	if len(times) > 0 {
		s.Created = func(at int64) bool { return all(times, at) }
	}
	return s
}

func all[T any](tests []func(T) bool, value T) bool {
	return !slices.ContainsFunc(tests, func(test func(T) bool) bool { return !test(value) })
}

// factOf is the value of one of groupKeys.
func factOf(f names.Facts, key string) string {
	switch key {
	case "namespace":
		return f.Namespace
	case "parent":
		return f.Parent
	case "origin":
		return f.Origin
	case "state":
		return f.State
	default:
		return f.StorageState
	}
}

// textHolds reports whether a predicate, which listing has checked, holds for a
// text.
func textHolds(p *metav1.Predicate, value string) bool {
	switch p.GetOperation() {
	case metav1.Predicate_IN:
		return slices.Contains(p.GetStringValues().GetValues(), value)
	case metav1.Predicate_IS_SUBSTRING:
		return strings.Contains(value, p.GetStringValue())
	default:
		return ordered(p.GetOperation(), strings.Compare(value, p.GetStringValue()))
	}
}

// ordered reports whether a comparison holds of a value that is less than, equal
// to or greater than the bound: order is below, at or above 0.
func ordered(operation metav1.Predicate_Operation, order int) bool {
	switch operation {
	case metav1.Predicate_EQUALS:
		return order == 0
	case metav1.Predicate_NOT_EQUALS:
		return order != 0
	case metav1.Predicate_GREATER_THAN:
		return order > 0
	case metav1.Predicate_GREATER_THAN_EQUALS:
		return order >= 0
	case metav1.Predicate_LESS_THAN:
		return order < 0
	default:
		return order <= 0
	}
}

// narrow asks the directory which records a page may show, and how many there
// are in the list. It returns the page as it is to be read from the database.
func (a *Archive) narrow(ctx context.Context, tx *sqlstore.Tx, kind string, p page) (page, error) {
	if p.search == nil || a.names == nil {
		return p, nil
	}
	err := a.names.use(ctx, tx, kind, func(table *names.Table) {
		found := table.Find(p.search.Search)
		if p.search.exact {
			p.known, p.knownTotal = true, int64(found.Len())
		}
		switch {
		case p.search.exact && p.order.Key == "created_at" && p.size < fewNamed:
			p.among(found.First(p.size+1, p.order.Descending, p.position()))
		case found.Len() <= fewNamed:
			p.among(found.UIDs())
		}
	})
	return p, err
}

// among has a page show only some records.
func (p *page) among(uids []string) {
	bound := make([]any, len(uids))
	for i, uid := range uids {
		bound[i] = uid
	}
	p.matching = sqlstore.Q(p.matching.Text(), p.matching.Args()...)
	if len(bound) == 0 {
		p.matching.Add("AND 1 = 0")
		return
	}
	p.matching.Add("AND uid IN").List(bound...)
	p.byUID = true
}

// position is where a page in the order of creation starts.
func (p *page) position() *names.Position {
	if p.after == nil {
		return nil
	}
	args := p.after.Args()                                                    // as listing.Order.After has them
	return &names.Position{CreatedAt: args[0].(int64), UID: args[1].(string)} //nolint:forcetypeassert // a time and a uid
}
