// Package filterquery reads the filterQuery of Kubeflow Model Registry.
//
//	filter     = and { "OR" and }
//	and        = not { "AND" not }
//	not        = [ "NOT" ] ( "(" filter ")" | comparison )
//	comparison = key operator value
//	           | key [ "NOT" ] "IN" "(" value { "," value } ")"
//	operator   = "=" | "!=" | "<>" | "<" | "<=" | ">" | ">=" | "LIKE" | "ILIKE"
//	value      = text | number | "true" | "false"
//	key        = part { "." part }
//
// Keywords are read in any case. A text stands in single or double quotes, a part
// of a key that is no word in backticks; a quote inside is written twice. A filter
// is refused at the character where it is wrong, and when it is deeper or longer
// than a person would write it.
//
// Everything here is pure.
package filterquery

// Expression is a filter or a part of it: *All, *Any, *Not or *Comparison.
type Expression interface{ expression() }

// All holds when all of its parts do.
type All struct{ Of []Expression }

// Any holds when one of its parts does.
type Any struct{ Of []Expression }

// Not holds when its part does not.
type Not struct{ Of Expression }

// Op is a comparison.
type Op string

// The operators. Like matches % and _ as in SQL, ILike too but lets letters of
// either case match.
const (
	Equal        Op = "="
	NotEqual     Op = "<>"
	Less         Op = "<"
	LessEqual    Op = "<="
	Greater      Op = ">"
	GreaterEqual Op = ">="
	Like         Op = "LIKE"
	ILike        Op = "ILIKE"
	In           Op = "IN"
	NotIn        Op = "NOT IN"
)

// Comparison is one condition.
type Comparison struct {
	Key    []string // parts
	Op     Op
	Values []Value // one, or those of a list
	At     int     // where it begins, in bytes from 0
}

// Value is what a key is compared with.
type Value struct {
	Text   string // as it was written, without quotes
	Quoted bool   // whether it was in quotes
}

func (*All) expression()        {}
func (*Any) expression()        {}
func (*Not) expression()        {}
func (*Comparison) expression() {}
