package list

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// maxPredicates bounds the work of one list.
const maxPredicates = 64

// ParseFilter reads a filter parameter: JSON of metav1.Filter, which may still be
// URL-encoded. Operations may be names or numbers and keys camelCase or
// snake_case, as KFP's clients send both. The empty filter is nil.
func ParseFilter(text string) (*metav1.Filter, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	if !strings.HasPrefix(text, "{") {
		decoded, err := url.QueryUnescape(text)
		if err != nil {
			return nil, fault.Invalidf("filter", "is neither JSON nor URL-encoded JSON: %v", err)
		}
		text = decoded
	}
	filter := &metav1.Filter{}
	if err := protojson.Unmarshal([]byte(text), filter); err != nil {
		return nil, fault.Invalidf("filter", `is not a filter; want JSON such as `+
			`{"predicates":[{"operation":"EQUALS","key":"display_name","string_value":"x"}]}`).WithCause(err)
	}
	if n := len(filter.GetPredicates()); n > maxPredicates {
		return nil, fault.Invalidf("filter.predicates", "there are %d predicates; at most %d are allowed", n, maxPredicates)
	}
	return filter, nil
}

// test says whether an item meets a predicate.
type test[T any] func(item T) bool

// compile turns a filter into the tests an item must all pass. Errors name the
// predicate by its path.
func (f Fields[T]) compile(filter *metav1.Filter) ([]test[T], error) {
	var tests []test[T]
	for i, p := range filter.GetPredicates() {
		passes, err := f.predicate(fmt.Sprintf("filter.predicates[%d]", i), p)
		if err != nil {
			return nil, err
		}
		tests = append(tests, passes)
	}
	return tests, nil
}

func (f Fields[T]) predicate(path string, p *metav1.Predicate) (test[T], error) {
	field, err := f.field(path+".key", p.GetKey())
	if err != nil {
		return nil, err
	}
	switch op := p.GetOperation(); op {
	case metav1.Predicate_IN:
		return field.oneOf(path, p)
	case metav1.Predicate_IS_SUBSTRING:
		return field.contains(path, p)
	default:
		holds, ok := comparisons[op]
		if !ok {
			return nil, fault.Invalidf(path+".operation", "%s is not an operation; want EQUALS, NOT_EQUALS, GREATER_THAN, "+
				"GREATER_THAN_EQUALS, LESS_THAN, LESS_THAN_EQUALS, IN or IS_SUBSTRING", op)
		}
		want, err := field.wanted(path, p)
		return func(item T) bool { return holds(field.of(item).compare(want)) }, err
	}
}

var comparisons = map[metav1.Predicate_Operation]func(order int) bool{
	metav1.Predicate_EQUALS:              func(order int) bool { return order == 0 },
	metav1.Predicate_NOT_EQUALS:          func(order int) bool { return order != 0 },
	metav1.Predicate_GREATER_THAN:        func(order int) bool { return order > 0 },
	metav1.Predicate_GREATER_THAN_EQUALS: func(order int) bool { return order >= 0 },
	metav1.Predicate_LESS_THAN:           func(order int) bool { return order < 0 },
	metav1.Predicate_LESS_THAN_EQUALS:    func(order int) bool { return order <= 0 },
}

// wanted reads the one value of a predicate. A time may be given as text.
func (f Field[T]) wanted(path string, p *metav1.Predicate) (value, error) {
	switch v := p.GetValue().(type) {
	case *metav1.Predicate_StringValue:
		return f.parseWanted(path+".string_value", v.StringValue)
	case *metav1.Predicate_TimestampValue:
		if f.isTime() {
			return value{time: v.TimestampValue.AsTime()}, nil
		}
	}
	if f.isTime() {
		return value{}, fault.Invalidf(path, "%s is a time; want timestamp_value", p.GetKey())
	}
	return value{}, fault.Invalidf(path, "%s is text; want string_value", p.GetKey())
}

func (f Field[T]) parseWanted(path, text string) (value, error) {
	v, err := f.parse(text)
	if err != nil {
		return value{}, fault.Invalidf(path, "%q is not a time; want RFC 3339, such as %s", text, time.Unix(0, 0).UTC().Format(time.RFC3339))
	}
	return v, nil
}

// oneOf is the test of an IN predicate.
func (f Field[T]) oneOf(path string, p *metav1.Predicate) (test[T], error) {
	list, ok := p.GetValue().(*metav1.Predicate_StringValues_)
	if !ok {
		return nil, fault.Invalidf(path, "IN on %s wants string_values", p.GetKey())
	}
	var wanted []value
	for i, text := range list.StringValues.GetValues() {
		v, err := f.parseWanted(fmt.Sprintf("%s.string_values.values[%d]", path, i), text)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, v)
	}
	return func(item T) bool {
		got := f.of(item)
		return slices.ContainsFunc(wanted, func(v value) bool { return got.compare(v) == 0 })
	}, nil
}

// contains is the test of an IS_SUBSTRING predicate.
func (f Field[T]) contains(path string, p *metav1.Predicate) (test[T], error) {
	part, ok := p.GetValue().(*metav1.Predicate_StringValue)
	if !ok || f.isTime() {
		return nil, fault.Invalidf(path, "IS_SUBSTRING wants a key that is text and a string_value")
	}
	return func(item T) bool { return strings.Contains(f.of(item).text, part.StringValue) }, nil
}
