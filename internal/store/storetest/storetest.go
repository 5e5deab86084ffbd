// Package storetest is the conformance suite of store backends: what the rest
// of kfmesh may rely on, written as tests. Every backend runs all of it.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// patience is how long a test waits for what should come at once.
const patience = 10 * time.Second

// Run runs the suite. open returns a store that no other test writes to under
// the prefix it returns beside it, which ends in a slash.
func Run(t *testing.T, open func(t *testing.T) (backend store.Backend, prefix string)) {
	t.Helper()
	for name, test := range map[string]func(*suite){
		"GetMissing":            getMissing,
		"CreateThenGet":         createThenGet,
		"CreateTwice":           createTwice,
		"UpdateAtRevision":      updateAtRevision,
		"UpdateMissing":         updateMissing,
		"DeleteAtRevision":      deleteAtRevision,
		"DeleteMissing":         deleteMissing,
		"ListInOrder":           listInOrder,
		"PagesInOrder":          pagesInOrder,
		"CommitAllOrNothing":    commitAllOrNothing,
		"CommitIsOneRevision":   commitIsOneRevision,
		"RefusedCommits":        refusedCommits,
		"EmptyValue":            emptyValue,
		"WatchFromThePast":      watchFromThePast,
		"WatchNow":              watchNow,
		"WatchEndsWithContext":  watchEndsWithContext,
		"WatchKeepsOrder":       watchKeepsOrder,
		"ManyWritersOneCounter": manyWritersOneCounter,
		"LeaseRevoked":          leaseRevoked,
		"LeaseEndsWithContext":  leaseEndsWithContext,
		"LeaseGone":             leaseGone,
		"LeaseGivenUpByWrite":   leaseGivenUpByWrite,
		"EndedContext":          endedContext,
		"CacheFollows":          cacheFollows,
		"CacheLeavesOut":        cacheLeavesOut,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
			defer cancel()
			backend, prefix := open(t)
			test(&suite{T: t, ctx: ctx, Backend: backend, prefix: prefix})
		})
	}
}

// suite is one test with its store.
type suite struct {
	*testing.T
	store.Backend
	ctx    context.Context //nolint:containedctx // lives as long as the test
	prefix string
}

func (s *suite) key(name string) string { return s.prefix + name }

// put is an op that writes name under an expectation.
func (s *suite) put(name, value string, expect int64) store.Op {
	return store.Op{Key: s.key(name), Value: []byte(value), Expect: expect}
}

// commit commits and fails the test when that fails.
func (s *suite) commit(ops ...store.Op) int64 {
	s.Helper()
	rev, err := s.Commit(s.ctx, ops...)
	if err != nil {
		s.Fatalf("commit: %v", err)
	}
	return rev
}

// refused fails the test unless the commit fails with the kind.
func (s *suite) refused(kind fault.Kind, ops ...store.Op) {
	s.Helper()
	if _, err := s.Commit(s.ctx, ops...); !fault.Is(err, kind) {
		s.Errorf("commit: got %v, want a fault of kind %q", err, kind)
	}
}

// holds fails the test unless name holds value, and returns the entry.
func (s *suite) holds(name, value string) store.Entry {
	s.Helper()
	e, err := s.Get(s.ctx, s.key(name))
	if err != nil {
		s.Fatalf("get %s: %v", name, err)
	}
	if string(e.Value) != value {
		s.Errorf("%s holds %q, want %q", name, e.Value, value)
	}
	return e
}

// absent fails the test unless there is no name.
func (s *suite) absent(name string) {
	s.Helper()
	if e, err := s.Get(s.ctx, s.key(name)); !fault.Is(err, fault.NotFound) {
		s.Errorf("get %s: got %q and %v, want not found", name, e.Value, err)
	}
}

// goes waits until there is no name any more.
func (s *suite) goes(name string) {
	s.Helper()
	e, err := s.Get(s.ctx, s.key(name))
	if fault.Is(err, fault.NotFound) {
		return
	}
	if err != nil {
		s.Fatalf("get %s: %v", name, err)
	}
	changes, err := s.Watch(s.ctx, s.key(name), e.Revision)
	if err != nil {
		s.Fatalf("watch %s: %v", name, err)
	}
	for {
		batch := s.next(changes)
		if batch[len(batch)-1].Deleted {
			return
		}
	}
}

// next returns the next batch of a watch.
func (s *suite) next(changes <-chan []store.Change) []store.Change {
	s.Helper()
	select {
	case batch, open := <-changes:
		if !open {
			s.Fatal("the watch ended")
		}
		return batch
	case <-time.After(patience):
		s.Fatal("no change arrived")
	}
	return nil
}

// collect returns the next n changes of a watch, in however many batches.
func (s *suite) collect(changes <-chan []store.Change, n int) []store.Change {
	s.Helper()
	var all []store.Change
	for len(all) < n {
		all = append(all, s.next(changes)...)
	}
	if len(all) != n {
		s.Fatalf("got %d changes, want %d: %v", len(all), n, all)
	}
	return all
}
