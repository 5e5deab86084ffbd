package query

import "github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"

// Where is the condition that a comparison puts on the SQL expression that holds
// what is compared; it is never true where the expression is NULL. The
// expression is not one of a user's. IsNull and IsNotNull ask for a row that is
// not there, which no expression can: they panic.
func (c Comparison) Where(dialect sqlstore.Dialect, expression string) *sqlstore.Query {
	switch c.Op {
	case Like:
		return dialect.Like(expression, string(c.Value.(Text)))
	case ILike:
		return dialect.ILike(expression, string(c.Value.(Text)))
	case In, NotIn:
		list := c.Value.(List)
		values := make([]any, len(list))
		for i, text := range list {
			values[i] = text
		}
		return sqlstore.Q(expression + " " + c.Op.String()).List(values...)
	case IsNull, IsNotNull:
		panic("query: " + c.Op.String() + " compares with nothing")
	}
	return sqlstore.Q(expression+" "+c.Op.String()+" ?", bound(c.Value))
}

// bound is a value as a statement takes it.
func bound(v Value) any {
	switch v := v.(type) {
	case Number:
		return float64(v)
	case Whole:
		return int64(v)
	case Text:
		return string(v)
	}
	panic("query: a list is bound value by value")
}
