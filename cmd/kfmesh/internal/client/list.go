package client

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
)

// maxPage is the largest page that list calls give.
const maxPage = 200

// Collect calls fetch page by page until limit items are there or no more
// follow. A limit of 0 means all.
func Collect[T any](limit int, fetch func(size int32, token string) (items []T, next string, err error)) ([]T, error) {
	var all []T
	token := ""
	for {
		size := maxPage
		if limit > 0 {
			size = min(size, limit-len(all))
		}
		items, next, err := fetch(int32(size), token)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		if limit > 0 && len(all) >= limit {
			return all[:limit], nil
		}
		if next == "" {
			return all, nil
		}
		token = next
	}
}

// Where joins predicates into a filter; it is nil for none, which holds always.
func Where(predicates ...*metav1.Predicate) *metav1.Filter {
	if len(predicates) == 0 {
		return nil
	}
	return &metav1.Filter{Predicates: predicates}
}

// Equals holds when the field is the value.
func Equals(key, value string) *metav1.Predicate {
	return compare(metav1.Predicate_EQUALS, key, value)
}

// Contains holds when the value is part of the field.
func Contains(key, value string) *metav1.Predicate {
	return compare(metav1.Predicate_IS_SUBSTRING, key, value)
}

func compare(op metav1.Predicate_Operation, key, value string) *metav1.Predicate {
	return &metav1.Predicate{
		Operation: op,
		Key:       key,
		Value:     &metav1.Predicate_StringValue{StringValue: value},
	}
}

// Encode writes a filter as list calls take it: JSON.
func Encode(filter *metav1.Filter) (string, error) {
	if filter == nil {
		return "", nil
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(filter)
	if err != nil {
		return "", fmt.Errorf("encode filter: %w", err)
	}
	return string(text), nil
}
