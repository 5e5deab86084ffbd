package mlflow

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// TestSlowClientKeepsNobodyOut: who waits for its client gives the place up, and has
// it again before it goes on.
func TestSlowClientKeepsNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		places := make(room, 1)
		if err := places.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		read := make(chan struct{})
		slow := make(chan bool)
		go func() { slow <- places.outside(patience, func() { <-read }) }()
		if err := places.enter(t.Context()); err != nil { // which the test's clock grants after patience
			t.Fatal(err)
		}
		close(read)
		synctest.Wait()
		select {
		case <-slow:
			t.Error("two are inside")
		default:
		}
		places.leave()
		if !<-slow {
			t.Error("a client that let others wait is not known as slow")
		}
		if places.outside(patience, func() {}) {
			t.Error("a client that reads at once is taken for slow")
		}
	})
}

func TestWhoGivesUpDoesNotEnter(t *testing.T) {
	t.Parallel()
	places := make(room, 1)
	if err := places.enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := places.enter(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("entering gave %v", err)
	}
}
