// Package query reads MLflow's search language: filters, which are comparisons
// joined by AND, and order_by clauses.
//
//	filter     = { comparison | "AND" }
//	comparison = identifier operator value
//	           | identifier [ "NOT" ] "IN" "(" text { "," text } ")"
//	           | identifier "IS" [ "NOT" ] "NULL"
//	identifier = [ entity "." ] key
//	value      = number | text
//	order      = identifier [ "ASC" | "DESC" ]
//
// Keywords are read in any case; a key that holds spaces, quotes, operators,
// parentheses, commas or semicolons stands in backticks or double quotes, a text
// in single or double quotes. A quote inside is written twice. A backslash is a
// character like any other. An AND too many or missing between two comparisons
// is no error, because it is none in MLflow.
//
// What a Kind of thing may be searched by is in its table: other keys,
// operators and values are refused here, so that whoever compiles a Filter meets
// only what it can express. Keys are canonical: "Created" has become
// "start_time", "attr" Attribute.
//
// Errors are Invalid faults that begin with MLflow's own sentence, which its
// clients look for, and end with the character at which the filter is wrong.
//
// Everything here is pure: statements are made here and run elsewhere.
package query

// Kind is what is searched.
type Kind int

// The kinds.
const (
	Runs Kind = iota
	Experiments
	LoggedModels
	RegisteredModels
	ModelVersions
)

// Entity is where a key is looked up.
type Entity int

// The entities.
const (
	Attribute Entity = iota // of the thing itself
	Metric
	Param
	Tag
	Dataset // that a run reads: name, digest or context
)

// String is the word that MLflow's messages use.
func (e Entity) String() string {
	return [...]string{"attribute", "metric", "parameter", "tag", "dataset"}[e]
}

// Op is a comparison.
type Op int

// The operators. Like matches % and _ as in SQL, ILike too but takes the letters
// A to Z of either case for the same; neither has a way to escape them.
const (
	Equal Op = iota
	NotEqual
	Less
	LessEqual
	Greater
	GreaterEqual
	Like
	ILike
	In
	NotIn
	IsNull
	IsNotNull
)

// opWords are the operators as filters have them.
var opWords = [...]string{"=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL"}

// String is the operator as filters have it.
func (o Op) String() string { return opWords[o] }

// Value is what a key is compared with: Text, Number, Whole or List; nil for
// IsNull and IsNotNull.
type Value interface{ value() }

// Text is a text.
type Text string

// Number is a number; an infinity where the filter holds one that is too large.
// Metrics are compared with nothing else.
type Number float64

// Whole is a whole number, which only attributes are compared with.
type Whole int64

// List is the texts of IN and NOT IN, at least one.
type List []string

func (Text) value()   {}
func (Number) value() {}
func (Whole) value()  {}
func (List) value()   {}

// Comparison is one condition.
type Comparison struct {
	Entity Entity
	Key    string
	Op     Op
	Value  Value
}

// Filter is conditions that hold together; none lets everything pass.
type Filter []Comparison

// Order is one thing to sort by.
type Order struct {
	Entity     Entity
	Key        string
	Descending bool
}
