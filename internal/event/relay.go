package event

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

const (
	relayPrefix = "/kfmesh/relays/"
	relaySave   = time.Second // how often a position is stored, at most
	relayRetry  = time.Second // pause after the store or the bus failed
)

// Relay publishes what changes under a prefix of the store. Its position is
// stored, so that a relay that starts again goes on where the last one was:
// what was published but not yet stored as such has the same id and is dropped
// by the bus. Only changes the store has forgotten meanwhile are lost.
type Relay struct {
	Backend store.Backend
	Bus     Bus
	Name    string // of the position, such as "pipeline.runs"
	Prefix  string
	// Decode makes an event of a change, or says that there is none in it.
	Decode func(store.Change) (Event, bool)
	Log    *slog.Logger
}

// Run relays until ctx ends.
func (r *Relay) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := r.follow(ctx); err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "events are delayed; trying again", "relay", r.Name, "error", err)
		}
		select {
		case <-time.After(relayRetry):
		case <-ctx.Done():
		}
	}
}

// follow watches from the stored position until the watch is lost.
func (r *Relay) follow(ctx context.Context) error {
	position, err := r.position(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches, err := r.Backend.Watch(ctx, r.Prefix, position)
	if err != nil {
		return err
	}
	relayed, saved := position, position
	tick := time.NewTicker(relaySave)
	defer tick.Stop()
	for {
		select {
		case batch, ok := <-batches:
			if !ok {
				return r.lost(ctx, relayed)
			}
			if relayed, err = r.publish(ctx, batch); err != nil {
				return err
			}
		case <-tick.C:
			if relayed == saved {
				continue
			}
			if err := r.save(ctx, relayed); err != nil {
				return err
			}
			saved = relayed
		}
	}
}

func (r *Relay) publish(ctx context.Context, batch []store.Change) (int64, error) {
	var last int64
	for _, change := range batch {
		last = change.Revision
		e, ok := r.Decode(change)
		if !ok {
			continue
		}
		if err := r.Bus.Publish(ctx, e); err != nil {
			return 0, fmt.Errorf("publish %s: %w", e.ID, err)
		}
	}
	return last, nil
}

// lost moves the position to the present when the store no longer has the
// changes after it, which a watch that delivered nothing suggests.
func (r *Relay) lost(ctx context.Context, relayed int64) error {
	if ctx.Err() != nil {
		return nil
	}
	if stored, err := r.position(ctx); err != nil || stored != relayed {
		return err
	}
	_, now, err := r.Backend.List(ctx, relayPrefix+r.Name)
	if err != nil {
		return err
	}
	return r.save(ctx, now)
}

// position is the revision up to which all is published; for a new relay it is
// the present.
func (r *Relay) position(ctx context.Context) (int64, error) {
	e, err := r.Backend.Get(ctx, relayPrefix+r.Name)
	if fault.Is(err, fault.NotFound) {
		_, now, err := r.Backend.List(ctx, relayPrefix+r.Name)
		if err != nil {
			return 0, err
		}
		return now, r.save(ctx, now)
	}
	if err != nil {
		return 0, err
	}
	position, err := strconv.ParseInt(string(e.Value), 10, 64)
	if err != nil {
		return 0, fault.Internalf(err, "position of relay %s cannot be read", r.Name)
	}
	return position, nil
}

func (r *Relay) save(ctx context.Context, position int64) error {
	_, err := r.Backend.Commit(ctx, store.Op{
		Key: relayPrefix + r.Name, Value: strconv.AppendInt(nil, position, 10), Expect: store.AnyRevision,
	})
	return err
}
