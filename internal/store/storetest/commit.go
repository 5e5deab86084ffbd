package storetest

import (
	"bytes"
	"fmt"
	"strconv"
	"sync"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

func getMissing(s *suite) { s.absent("a") }

func createThenGet(s *suite) {
	rev := s.commit(s.put("a", "1", 0))
	e := s.holds("a", "1")
	if e.Key != s.key("a") || e.Revision != rev || e.CreateRevision != rev {
		s.Errorf("got %+v, want key %s created and written at %d", e, s.key("a"), rev)
	}
}

func createTwice(s *suite) {
	s.commit(s.put("a", "1", 0))
	s.refused(fault.AlreadyExists, s.put("a", "2", 0))
	s.holds("a", "1")
}

func updateAtRevision(s *suite) {
	created := s.commit(s.put("a", "1", 0))
	updated := s.commit(s.put("a", "2", created))
	if updated <= created {
		s.Errorf("update at revision %d, not after the creation at %d", updated, created)
	}
	s.refused(fault.Conflict, s.put("a", "3", created))
	e := s.holds("a", "2")
	if e.CreateRevision != created || e.Revision != updated {
		s.Errorf("got %+v, want created at %d, written at %d", e, created, updated)
	}
	s.commit(s.put("a", "4", store.AnyRevision))
	s.holds("a", "4")
}

func updateMissing(s *suite) {
	s.refused(fault.Conflict, s.put("a", "1", 1))
	s.commit(s.put("a", "1", store.AnyRevision))
	s.holds("a", "1")
}

func deleteAtRevision(s *suite) {
	created := s.commit(s.put("a", "1", 0))
	updated := s.commit(s.put("a", "2", created))
	s.refused(fault.Conflict, store.Op{Key: s.key("a"), Delete: true, Expect: created})
	s.commit(store.Op{Key: s.key("a"), Delete: true, Expect: updated})
	s.absent("a")
	again := s.commit(s.put("a", "3", 0))
	if e := s.holds("a", "3"); e.CreateRevision != again {
		s.Errorf("created at %d, want %d", e.CreateRevision, again)
	}
}

func deleteMissing(s *suite) {
	s.commit(store.Op{Key: s.key("a"), Delete: true, Expect: store.AnyRevision})
	s.refused(fault.Conflict, store.Op{Key: s.key("a"), Delete: true, Expect: 1})
}

func listInOrder(s *suite) {
	for _, name := range []string{"b/2", "a", "b/10", "b/1", "c"} {
		s.commit(s.put(name, name, 0))
	}
	last := s.commit(s.put("b", "b", 0))
	for prefix, want := range map[string][]string{
		"":    {"a", "b", "b/1", "b/10", "b/2", "c"},
		"b/":  {"b/1", "b/10", "b/2"},
		"b/1": {"b/1", "b/10"},
		"d":   nil,
	} {
		entries, rev, err := s.List(s.ctx, s.key(prefix))
		if err != nil {
			s.Fatalf("list %s: %v", prefix, err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, e.Key[len(s.prefix):])
			if string(e.Value) != e.Key[len(s.prefix):] || e.Revision > rev {
				s.Errorf("listed %+v at %d", e, rev)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			s.Errorf("list %q: got %v, want %v", prefix, got, want)
		}
		if rev < last {
			s.Errorf("list %q is of revision %d, before the last write at %d", prefix, rev, last)
		}
	}
}

func pagesInOrder(s *suite) {
	for _, name := range []string{"b/2", "a", "b/10", "b/1", "c"} {
		s.commit(s.put(name, name, 0))
	}
	last := s.commit(s.put("b", "b", 0))
	for _, tt := range []struct {
		prefix, after string
		limit         int
		want          []string
	}{
		{"", "", 2, []string{"a", "b"}},
		{"", "b", 2, []string{"b/1", "b/10"}},
		{"", "b/10", 10, []string{"b/2", "c"}},
		{"b/", "", 10, []string{"b/1", "b/10", "b/2"}},
		{"b/", "a", 1, []string{"b/1"}},
		{"b/", "b/11", 10, []string{"b/2"}}, // a key that is not there
		{"b/", "b/2", 10, nil},
		{"b/", "c", 10, nil},
		{"d", "", 10, nil},
	} {
		entries, rev, err := s.Page(s.ctx, s.key(tt.prefix), s.key(tt.after), tt.limit)
		if err != nil {
			s.Fatalf("page of %s behind %s: %v", tt.prefix, tt.after, err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, string(e.Value))
		}
		if fmt.Sprint(got) != fmt.Sprint(tt.want) || rev < last {
			s.Errorf("%d of %q behind %q: got %v at %d, want %v", tt.limit, tt.prefix, tt.after, got, rev, tt.want)
		}
	}
}

func commitAllOrNothing(s *suite) {
	s.commit(s.put("a", "1", 0))
	s.refused(fault.AlreadyExists, s.put("b", "1", 0), s.put("a", "2", 0))
	s.refused(fault.Conflict, s.put("b", "1", 0), store.Op{Key: s.key("c"), Delete: true, Expect: 1})
	s.absent("b")
	s.holds("a", "1")
}

func commitIsOneRevision(s *suite) {
	created := s.commit(s.put("a", "1", 0))
	rev := s.commit(s.put("b", "1", 0), store.Op{Key: s.key("a"), Delete: true, Expect: created}, s.put("c", "1", store.AnyRevision))
	s.absent("a")
	for _, name := range []string{"b", "c"} {
		if e := s.holds(name, "1"); e.Revision != rev {
			s.Errorf("%s is at revision %d, want %d", name, e.Revision, rev)
		}
	}
}

func refusedCommits(s *suite) {
	s.refused(fault.Invalid)
	s.refused(fault.Invalid, s.put("a", "1", 0), s.put("a", "2", 0))
	s.refused(fault.Invalid, store.Op{Value: []byte("no key")})
	many := make([]store.Op, store.MaxOps+1)
	for i := range many {
		many[i] = s.put("many"+strconv.Itoa(i), "1", 0)
	}
	s.refused(fault.Invalid, many...)
	s.commit(many[1:]...)

	large := bytes.Repeat([]byte("x"), store.MaxValueBytes+1)
	s.refused(fault.Exhausted, store.Op{Key: s.key("large"), Value: large})
	s.commit(store.Op{Key: s.key("large"), Value: large[1:]})
}

func emptyValue(s *suite) {
	s.commit(s.put("a", "", 0))
	s.holds("a", "")
	s.refused(fault.AlreadyExists, s.put("a", "", 0))
}

func manyWritersOneCounter(s *suite) {
	const writers, each = 4, 10
	s.commit(s.put("n", "0", 0))
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range each {
				s.increment("n")
			}
		})
	}
	group.Wait()
	s.holds("n", strconv.Itoa(writers*each))
}

// increment adds one to a number, as often as it takes.
func (s *suite) increment(name string) {
	for {
		e, err := s.Get(s.ctx, s.key(name))
		if err != nil {
			s.Errorf("get: %v", err)
			return
		}
		n, err := strconv.Atoi(string(e.Value))
		if err != nil {
			s.Errorf("read back %q: %v", e.Value, err)
			return
		}
		_, err = s.Commit(s.ctx, s.put(name, strconv.Itoa(n+1), e.Revision))
		if err == nil {
			return
		}
		if !fault.Is(err, fault.Conflict) {
			s.Errorf("commit: %v", err)
			return
		}
	}
}
