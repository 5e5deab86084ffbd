package sqlstore

import (
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Query is a statement in the making: its text and the values of its
// placeholders, which grow together.
type Query struct {
	text strings.Builder
	args []any
}

// Q starts a query.
func Q(text string, args ...any) *Query {
	return new(Query).Add(text, args...)
}

// Add appends text, with a space before it, and the values of its placeholders.
func (q *Query) Add(text string, args ...any) *Query {
	if q.text.Len() > 0 {
		q.text.WriteByte(' ')
	}
	q.text.WriteString(text)
	q.args = append(q.args, args...)
	return q
}

// Append appends another query's text and values.
func (q *Query) Append(other *Query) *Query {
	return q.Add(other.text.String(), other.args...)
}

// List appends "(?, ?, ...)" with one placeholder a value. There must be one at
// least: SQL has no empty list.
func (q *Query) List(values ...any) *Query {
	if len(values) == 0 {
		panic("sqlstore: empty list")
	}
	return q.Add("("+strings.Repeat("?, ", len(values)-1)+"?)", values...)
}

// Text is the statement so far, with ? for every value.
func (q *Query) Text() string { return q.text.String() }

// Args are the values so far.
func (q *Query) Args() []any { return q.args }

// check refuses what PostgreSQL cannot store, on both engines alike.
func check(args []any) error {
	for _, arg := range args {
		if text, ok := arg.(string); ok && strings.ContainsRune(text, 0) {
			return fault.Invalidf("", "text must not hold the character NUL: %.40q", text)
		}
	}
	return nil
}
