package event

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// saveEvery is how often a relay notes how far it has come. What it published
// after that is published again after a crash, and dropped by its ids.
const saveEvery = time.Second

// The pause before a relay tries again what could not be reached.
const (
	shortestRetry = 20 * time.Millisecond
	longestRetry  = 5 * time.Second
)

// mostRefusals is how often an event may be refused, by a bus that can be reached,
// before it is left out: one event must not hold up all that follow.
const mostRefusals = 5

// Relay makes events of the changes in a store.
type Relay struct {
	Backend store.Backend
	Prefix  string                           // of the keys whose changes count
	Decode  func(store.Change) (Event, bool) // makes an event of a change, or of none
	Bus     Bus
	Log     *slog.Logger
}

// Run publishes an event for every change that Decode makes one of, in order,
// until ctx ends, and returns ctx's error. It sets the event's ID, and its Time
// where there is none. How far it came is kept under /kfmesh/relay, so a new relay
// goes on where the last one ended; if the changes since are no longer kept, it
// publishes what the changed keys hold now. Whatever fails is tried again.
func (c Relay) Run(ctx context.Context) error {
	r := &relay{Relay: c, key: "/kfmesh/relay/" + strings.Trim(c.Prefix, "/")}
	pause := shortestRetry
	for {
		before := r.done
		err := r.follow(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.Log.WarnContext(ctx, "events are not published; trying again", "prefix", r.Prefix, "error", err)
		}
		if r.done != before {
			pause = shortestRetry
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause = min(2*pause, longestRetry)
	}
}

// relay is a relay at work, in one goroutine.
type relay struct {
	Relay
	key string

	done     int64  // everything up to this revision is published
	saved    int64  // done as it is in the store
	lost     bool   // the watch ended: changes after done may no longer be kept
	refused  string // id of the event that was refused last
	refusals int    // of that event, one after the other
}

// follow catches up and then publishes what the watch brings, until it is lost.
func (r *relay) follow(ctx context.Context) error {
	if err := r.load(ctx); err != nil {
		return err
	}
	if r.done == 0 || r.lost {
		if err := r.catchUp(ctx); err != nil {
			return err
		}
	}
	watchCtx, stop := context.WithCancel(ctx)
	defer stop()
	changes, err := r.Backend.Watch(watchCtx, r.Prefix, r.done)
	if err != nil {
		return err
	}
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case batch, open := <-changes:
			if !open {
				r.lost = true
				return nil
			}
			if err := r.publish(ctx, batch); err != nil {
				return err
			}
		case <-tick.C:
			if err := r.save(ctx); err != nil {
				return err
			}
		}
	}
}

// load reads how far the last relay came, unless this one knows better.
func (r *relay) load(ctx context.Context) error {
	if r.done > 0 {
		return nil
	}
	entry, err := r.Backend.Get(ctx, r.key)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	r.done, err = strconv.ParseInt(string(entry.Value), 10, 64)
	if err != nil {
		r.Log.ErrorContext(ctx, "how far events were published cannot be read; publishing what there is", "key", r.key, "error", err)
		r.done = 0
	}
	r.saved = r.done
	return nil
}

// catchUp publishes what changed since, by what the store says now.
func (r *relay) catchUp(ctx context.Context) error {
	entries, revision, err := r.Backend.List(ctx, r.Prefix)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Revision <= r.done {
			continue
		}
		if err := r.send(ctx, store.Change{Entry: entry}); err != nil {
			return err
		}
	}
	r.done, r.lost = max(r.done, revision), false
	return r.save(ctx)
}

func (r *relay) publish(ctx context.Context, batch []store.Change) error {
	for _, change := range batch {
		if err := r.send(ctx, change); err != nil {
			return err
		}
	}
	// Only now: the changes of one commit share their revision.
	r.done = batch[len(batch)-1].Revision
	return nil
}

func (r *relay) send(ctx context.Context, change store.Change) error {
	e, wanted := r.Decode(change)
	if !wanted {
		return nil
	}
	e.ID = fmt.Sprintf("%s@%d", change.Key, change.Revision)
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	err := r.Bus.Publish(ctx, e)
	if err == nil || fault.Is(err, fault.Unavailable) || ctx.Err() != nil {
		return err
	}
	if r.refused != e.ID {
		r.refused, r.refusals = e.ID, 0
	}
	if r.refusals++; r.refusals < mostRefusals {
		return fmt.Errorf("publish event %s: %w", e.ID, err)
	}
	r.Log.ErrorContext(ctx, "an event is left out: it was refused again and again", "event", e.ID, "error", err)
	return nil
}

// save notes how far the relay has come.
func (r *relay) save(ctx context.Context) error {
	if r.saved == r.done {
		return nil
	}
	value := []byte(strconv.FormatInt(r.done, 10))
	if _, err := r.Backend.Commit(ctx, store.Op{Key: r.key, Value: value, Expect: store.AnyRevision}); err != nil {
		return err
	}
	r.saved = r.done
	return nil
}
