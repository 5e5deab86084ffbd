package tracking

import (
	"strings"

	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// Classes of what is sorted by: things that have a value come first, then those
// that have NaN, then those that have nothing, whatever the direction.
const (
	hasValue = iota
	isNaN
	isMissing
)

// term is one thing that a search is sorted by.
type term struct {
	value      string // SQL
	class      string // SQL; empty where there always is a value
	kind       kind
	descending bool
}

// kind is what a term's value is.
type kind int

const (
	whole kind = iota
	text
	float
)

// holds reports whether a cell can be one of the term's.
func (t term) holds(cell any) bool {
	switch cell.(type) {
	case int64:
		return t.kind == whole
	case string:
		return t.kind == text
	case float64:
		return t.kind == float
	case noValue:
		return t.class != ""
	}
	return false
}

// by appends the term to an ORDER BY clause.
func (t term) by(clause []string) []string {
	if t.class != "" {
		clause = append(clause, t.class)
	}
	if t.descending {
		return append(clause, t.value+" DESC")
	}
	return append(clause, t.value)
}

// segment is a part of the things that a search finds: all of one segment come
// before all of the next.
type segment struct {
	from  *sqlstore.Query
	where *sqlstore.Query
	terms []term // the last one is different for every thing
}

// orderBy is the ORDER BY clause.
func (s segment) orderBy() string {
	var clause []string
	for _, t := range s.terms {
		clause = t.by(clause)
	}
	return "ORDER BY " + strings.Join(clause, ", ")
}

// columns are what a place is made of.
func (s segment) columns() string {
	var b strings.Builder
	for _, t := range s.terms {
		class := t.class
		if class == "" {
			class = "0"
		}
		b.WriteString(", " + class + ", " + t.value)
	}
	return b.String()
}

// query selects numbers and cells of at most limit things after a place.
func (s segment) query(num string, after []any, limit int) *sqlstore.Query {
	q := sqlstore.Q("SELECT " + num + s.columns() + " FROM").Append(s.from).Add("WHERE").Append(s.where)
	if after != nil {
		q.Add("AND").Append(following(s.terms, after))
	}
	return q.Add(s.orderBy()).Add("LIMIT ?", limit)
}

// following is the condition that a thing comes after the one with these cells.
// The first term is bounded by itself where it can be, so that an index may be
// entered in its midst.
func following(terms []term, cells []any) *sqlstore.Query {
	q := new(sqlstore.Query)
	if first := terms[0]; first.class == "" && len(terms) > 1 {
		q.Add("("+first.value+" "+first.sign()+"= ?) AND", cells[0])
	}
	q.Add("(")
	for i, t := range terms {
		if i > 0 {
			q.Add("OR (").Append(terms[i-1].same(cells[i-1])).Add("AND (")
		}
		q.Append(t.beyond(cells[i]))
	}
	return q.Add(strings.Repeat("))", len(terms)-1) + ")")
}

func (t term) sign() string {
	if t.descending {
		return "<"
	}
	return ">"
}

// beyond is the condition that a thing's term comes after a cell.
func (t term) beyond(cell any) *sqlstore.Query {
	class, without := cell.(noValue)
	switch {
	case without:
		return sqlstore.Q(t.class+" > ?", int64(class))
	case t.class != "":
		return sqlstore.Q("("+t.class+" > ? OR "+t.class+" = ? AND "+t.value+" "+t.sign()+" ?)", hasValue, hasValue, cell)
	}
	return sqlstore.Q(t.value+" "+t.sign()+" ?", cell)
}

// same is the condition that a thing's term is a cell.
func (t term) same(cell any) *sqlstore.Query {
	class, without := cell.(noValue)
	switch {
	case without:
		return sqlstore.Q(t.class+" = ?", int64(class))
	case t.class != "":
		return sqlstore.Q("("+t.class+" = ? AND "+t.value+" = ?)", hasValue, cell)
	}
	return sqlstore.Q(t.value+" = ?", cell)
}
