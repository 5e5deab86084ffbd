package store

import (
	"slices"
	"strings"
)

// keySet is a set of keys in order. An insertion moves what follows it, which
// for the live set, some ten thousand keys, is cheaper than a tree.
type keySet []string

func (s *keySet) add(key string) {
	if i, found := slices.BinarySearch(*s, key); !found {
		*s = slices.Insert(*s, i, key)
	}
}

func (s *keySet) remove(key string) {
	if i, found := slices.BinarySearch(*s, key); found {
		*s = slices.Delete(*s, i, i+1)
	}
}

// under returns the keys that start with prefix, as a view that the next
// change invalidates.
func (s keySet) under(prefix string) []string {
	from, _ := slices.BinarySearch(s, prefix)
	rest := s[from:]
	n := len(rest)
	if i := slices.IndexFunc(rest, func(k string) bool { return !strings.HasPrefix(k, prefix) }); i >= 0 {
		n = i
	}
	return rest[:n]
}
