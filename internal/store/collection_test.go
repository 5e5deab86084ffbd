package store_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kfmesh/kfmesh/internal/store"
)

// TestPagesAreTheList walks all pages of the even numbers below a prefix, of any size.
func TestPagesAreTheList(t *testing.T) {
	c := store.NewCollection[*wrapperspb.Int32Value](store.NewMemory(), "/numbers/")
	put := func(key string, n int32) {
		if _, err := c.Create(t.Context(), key, wrapperspb.Int32(n)); err != nil {
			t.Fatal(err)
		}
	}
	var want []string
	for n := range int32(10) {
		key := fmt.Sprintf("a/%d", n)
		put(key, n)
		if n%2 == 0 {
			want = append(want, key)
		}
	}
	put("b/0", 0)
	even := func(v *wrapperspb.Int32Value) bool { return v.GetValue()%2 == 0 }
	for size := range 7 {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			var got []string
			for after, more := "", true; more; after = got[len(got)-1] {
				items, rest, revision, err := c.Page(t.Context(), "a/", after, size, even)
				if err != nil || revision == 0 || size > 0 && len(items) > size {
					t.Fatalf("%d items at revision %d, %v", len(items), revision, err)
				}
				for _, item := range items {
					got = append(got, item.Key)
				}
				more = rest
			}
			if !slices.Equal(got, want) {
				t.Errorf("pages of %d: %v, want %v", size, got, want)
			}
		})
	}
	items, more, _, err := c.Page(t.Context(), "a/", "a/44", 2, even) // a key that has gone
	if err != nil || more || len(items) != 2 || items[0].Key != "a/6" {
		t.Errorf("behind a key that has gone: %v, more %v, %v", items, more, err)
	}
}
