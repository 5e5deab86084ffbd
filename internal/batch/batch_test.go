package batch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// crowd has all items served by callers of their own that come while another is
// being served, and returns the answers by item.
func crowd(t *testing.T, q *Queue[int], items []int) map[int]error {
	t.Helper()
	answers := map[int]error{}
	var mu sync.Mutex
	var callers sync.WaitGroup
	q.turn <- struct{}{} // somebody is being served
	for _, item := range items {
		callers.Go(func() {
			err := q.Do(t.Context(), item)
			mu.Lock()
			defer mu.Unlock()
			answers[item] = err
		})
		synctest.Wait() // so that they come in order
	}
	<-q.turn
	callers.Wait()
	return answers
}

func upTo(n int) []int {
	items := make([]int, n)
	for i := range items {
		items[i] = i + 1
	}
	return items
}

func TestThoseWhoWaitAreServedTogether(t *testing.T) {
	cases := map[string]struct {
		options Options[int]
		want    []int // sizes of batches
	}{
		"all at once":         {Options[int]{Items: 100}, []int{10}},
		"by number":           {Options[int]{Items: 4}, []int{4, 4, 2}},
		"by size":             {Options[int]{Items: 100, Bytes: 15, Size: func(i int) int { return i }}, []int{5, 3, 2}},
		"one that is too big": {Options[int]{Items: 100, Bytes: 1, Size: func(int) int { return 9 }}, slices.Repeat([]int{1}, 10)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var batches []int
				var served []int
				q := New(c.options, func(_ context.Context, items []int) []error {
					batches = append(batches, len(items))
					served = append(served, items...)
					return nil
				})
				for item, err := range crowd(t, q, upTo(10)) {
					if err != nil {
						t.Errorf("%d: %v", item, err)
					}
				}
				if !slices.Equal(batches, c.want) || !slices.Equal(served, upTo(10)) {
					t.Errorf("batches of %v with %v, want %v in order", batches, served, c.want)
				}
			})
		})
	}
}

func TestEachGetsItsOwnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		odd := errors.New("odd")
		q := New(Options[int]{Items: 3}, func(_ context.Context, items []int) []error {
			answers := make([]error, len(items))
			for i, item := range items {
				if item%2 == 1 {
					answers[i] = odd
				}
			}
			return answers
		})
		for item, err := range crowd(t, q, upTo(7)) {
			if errors.Is(err, odd) != (item%2 == 1) {
				t.Errorf("%d: %v", item, err)
			}
		}
	})
}

func TestWhoGivesUpIsForgotten(t *testing.T) {
	served := 0
	q := New(Options[int]{Items: 9}, func(_ context.Context, items []int) []error {
		served += len(items)
		return nil
	})
	q.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Do(ctx, 1); !fault.Is(err, fault.Canceled) {
		t.Errorf("answer %v, want canceled", err)
	}
	<-q.turn
	if err := q.Do(t.Context(), 2); err != nil || served != 1 {
		t.Errorf("%d were served (%v), want 1", served, err)
	}
}

func TestABatchOutlivesTheCallerThatServesIt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	q := New(Options[int]{Items: 9}, func(ctx context.Context, _ []int) []error {
		cancel()
		return []error{ctx.Err()}
	})
	if err := q.Do(ctx, 1); err != nil {
		t.Errorf("answer %v, want none", err)
	}
}

func TestAPanicIsToldToAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Options[int]{Items: 9}, func(context.Context, []int) []error { panic("broken") })
		var callers sync.WaitGroup
		panics := make(chan any, 2)
		q.turn <- struct{}{}
		for range 2 {
			callers.Go(func() {
				defer func() { panics <- recover() }()
				if err := q.Do(t.Context(), 1); !fault.Is(err, fault.Internal) {
					t.Errorf("answer %v, want internal", err)
				}
			})
		}
		synctest.Wait()
		<-q.turn
		callers.Wait()
		if first, second := <-panics, <-panics; (first == nil) == (second == nil) {
			t.Errorf("panics %v and %v, want one", first, second)
		}
	})
}
