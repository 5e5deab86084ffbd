package list

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Field reads one field of an item; exactly one of the two is set.
type Field[T any] struct {
	Text func(T) string
	Time func(T) *timestamppb.Timestamp
}

// Fields is what items of a type may be filtered and sorted by.
type Fields[T any] struct {
	ID  func(T) string
	Key map[string]Field[T]
}

// value is a field's value; only the part that the field's kind uses is set.
type value struct {
	text string
	time time.Time
}

func (f Field[T]) isTime() bool { return f.Time != nil }

func (f Field[T]) of(item T) value {
	if f.isTime() {
		return value{time: f.Time(item).AsTime()}
	}
	return value{text: f.Text(item)}
}

// parse reads a value as String wrote it.
func (f Field[T]) parse(text string) (value, error) {
	if !f.isTime() {
		return value{text: text}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return value{time: t}, err
}

// format writes a value as a position holds it: times in RFC 3339, UTC.
func (f Field[T]) format(v value) string {
	if f.isTime() {
		return v.time.UTC().Format(time.RFC3339Nano)
	}
	return v.text
}

func (v value) compare(w value) int {
	return cmp.Or(v.time.Compare(w.time), strings.Compare(v.text, w.text))
}

// field finds a key, or says which there are.
func (f Fields[T]) field(path, key string) (Field[T], error) {
	if field, ok := f.Key[key]; ok {
		return field, nil
	}
	known := slices.Sorted(maps.Keys(f.Key))
	return Field[T]{}, fault.Invalidf(path, "%q is not a key here; want one of %s", key, strings.Join(known, ", "))
}
