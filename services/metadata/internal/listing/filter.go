package listing

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// What one filter may hold, so that no request makes a statement too long.
const (
	maxPredicates = 64
	maxListed     = 1000
)

var comparisons = map[metav1.Predicate_Operation]string{
	metav1.Predicate_EQUALS:              "=",
	metav1.Predicate_NOT_EQUALS:          "<>",
	metav1.Predicate_GREATER_THAN:        ">",
	metav1.Predicate_GREATER_THAN_EQUALS: ">=",
	metav1.Predicate_LESS_THAN:           "<",
	metav1.Predicate_LESS_THAN_EQUALS:    "<=",
}

// Where is the condition that a filter puts on a row, or nil for a filter that
// lets everything pass. Text is compared byte by byte; a missing time counts as
// 1970-01-01T00:00:00Z. Errors name the predicate by its path.
func (t Table) Where(dialect sqlstore.Dialect, filter *metav1.Filter) (*sqlstore.Query, error) {
	predicates := filter.GetPredicates()
	if len(predicates) == 0 {
		return nil, nil
	}
	if len(predicates) > maxPredicates {
		return nil, fault.Invalidf("filter.predicates", "there are %d predicates; at most %d are allowed", len(predicates), maxPredicates)
	}
	where := new(sqlstore.Query)
	for i, predicate := range predicates {
		if i > 0 {
			where.Add("AND")
		}
		if err := t.condition(where, dialect, fmt.Sprintf("filter.predicates[%d]", i), predicate); err != nil {
			return nil, err
		}
	}
	return where, nil
}

// condition appends one predicate.
func (t Table) condition(where *sqlstore.Query, dialect sqlstore.Dialect, path string, predicate *metav1.Predicate) error {
	column, err := t.column(path+".key", predicate.GetKey())
	if err != nil {
		return err
	}
	switch operation := predicate.GetOperation(); operation {
	case metav1.Predicate_IN:
		return oneOf(where, column, path, predicate)
	case metav1.Predicate_IS_SUBSTRING:
		return contains(where, dialect, column, path, predicate)
	default:
		comparison, ok := comparisons[operation]
		if !ok {
			return fault.Invalidf(path+".operation", "%s is not an operation; want EQUALS, NOT_EQUALS, GREATER_THAN, "+
				"GREATER_THAN_EQUALS, LESS_THAN, LESS_THAN_EQUALS, IN or IS_SUBSTRING", operation)
		}
		value, err := column.value(path, predicate)
		if err != nil {
			return err
		}
		if operation == metav1.Predicate_EQUALS {
			column.begin(where, value)
		}
		where.Add(column.Name+" "+comparison+" ?", value)
		return nil
	}
}

// begin appends what an index of beginnings knows of texts that are one of values:
// their own beginnings. It decides nothing that the predicate does not.
func (c Column) begin(where *sqlstore.Query, values ...any) {
	if !c.Begins {
		return
	}
	beginnings := make([]any, len(values))
	for i, value := range values {
		text, _ := value.(string)
		beginnings[i] = FirstRunes(text, IndexedRunes)
	}
	where.Add("substr(" + c.Name + ", 1, 256)")
	if len(values) == 1 {
		where.Add("= ? AND", beginnings...)
		return
	}
	where.Add("IN").List(beginnings...).Add("AND")
}

// FirstRunes is the beginning of a text.
func FirstRunes(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}

// value reads the one value of a predicate as the column stores it.
func (c Column) value(path string, predicate *metav1.Predicate) (any, error) {
	switch value := predicate.GetValue().(type) {
	case *metav1.Predicate_StringValue:
		return c.text(path+".string_value", value.StringValue)
	case *metav1.Predicate_TimestampValue:
		if c.Kind != Time {
			return nil, fault.Invalidf(path+".timestamp_value", "%s is text; want string_value", predicate.GetKey())
		}
		return sqlstore.Nanos(value.TimestampValue), nil
	}
	if c.Kind == Time {
		return nil, fault.Invalidf(path+".value", "%s is a time; want timestamp_value", predicate.GetKey())
	}
	return nil, fault.Invalidf(path+".value", "%s is text; want string_value", predicate.GetKey())
}

// text reads a text value: itself, or a time in RFC 3339 where a time is wanted.
func (c Column) text(path, value string) (any, error) {
	if c.Kind == Text {
		return value, nil
	}
	t, err := time.Parse(time.RFC3339Nano, value)
	if err != nil {
		return nil, fault.Invalidf(path, "%q is not a time; want RFC 3339, such as 2026-01-31T12:00:00Z", value)
	}
	return nanos(t), nil
}

// oneOf appends an IN predicate. Nothing is in an empty list.
func oneOf(where *sqlstore.Query, column Column, path string, predicate *metav1.Predicate) error {
	list, ok := predicate.GetValue().(*metav1.Predicate_StringValues_)
	if !ok {
		return fault.Invalidf(path+".value", "IN on %s wants string_values", predicate.GetKey())
	}
	values := list.StringValues.GetValues()
	switch {
	case len(values) == 0:
		where.Add("1 = 0")
		return nil
	case len(values) > maxListed:
		return fault.Invalidf(path+".string_values", "there are %d values; at most %d are allowed", len(values), maxListed)
	}
	bound := make([]any, len(values))
	for i, value := range values {
		var err error
		if bound[i], err = column.text(fmt.Sprintf("%s.string_values.values[%d]", path, i), value); err != nil {
			return err
		}
	}
	column.begin(where, bound...)
	where.Add(column.Name + " IN").List(bound...)
	return nil
}

// contains appends an IS_SUBSTRING predicate.
func contains(where *sqlstore.Query, dialect sqlstore.Dialect, column Column, path string, predicate *metav1.Predicate) error {
	value, ok := predicate.GetValue().(*metav1.Predicate_StringValue)
	if !ok || column.Kind != Text {
		return fault.Invalidf(path, "IS_SUBSTRING wants a key that is text and a string_value")
	}
	condition, bound := dialect.Contains(column.Name, value.StringValue)
	where.Add(condition, bound)
	return nil
}

// nanos is a time as a column stores it.
func nanos(t time.Time) int64 { return sqlstore.Nanos(timestamppb.New(t)) }
