// Package jetstream is the event bus on NATS JetStream, embedded or not.
//
// All events are in the stream KFMESH, under the subjects kfmesh.>. A message is
// a CloudEvent in binary mode: its attributes are headers (ce-id, ce-source,
// ...), its payload the data as JSON. The stream drops a message whose id it
// has seen within the last minutes. A durable subscription is a consumer that
// gives out one message at a time, so order is kept when a handler fails and
// when several subscribers share the position.
package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/fault"
)

const (
	streamName = "KFMESH"
	subjects   = "kfmesh.>"

	// How long and how much the stream keeps; subscribers that were away
	// longer read the resources instead.
	keepFor   = 7 * 24 * time.Hour
	keepBytes = 512 << 20

	// dropFor is how long ids are remembered. A relay that starts after a
	// crash repeats about a second.
	dropFor = 2 * time.Minute

	// ackWait is how long a subscriber may be silent about an event before
	// another gets it; redelivery the pause after a failure.
	ackWait    = 30 * time.Second
	redelivery = 50 * time.Millisecond
)

// Bus is an event.Bus on JetStream. It is safe for concurrent use.
type Bus struct {
	js  jetstream.JetStream
	log *slog.Logger
}

// New returns a bus on a connection, which stays its owner's to close, and
// makes the stream with as many replicas when it does not exist.
func New(ctx context.Context, conn *nats.Conn, replicas int, log *slog.Logger) (*Bus, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	_, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:       streamName,
		Subjects:   []string{subjects},
		Storage:    jetstream.FileStorage,
		Retention:  jetstream.LimitsPolicy,
		Discard:    jetstream.DiscardOld,
		MaxAge:     keepFor,
		MaxBytes:   keepBytes,
		Duplicates: dropFor,
		Replicas:   max(replicas, 1),
	})
	if err != nil {
		return nil, failure(ctx, err, "the stream "+streamName+" cannot be made")
	}
	return &Bus{js: js, log: log}, nil
}

// Publish implements event.Bus.
func (b *Bus) Publish(ctx context.Context, e event.Event) error {
	msg, err := encode(e)
	if err != nil {
		return err
	}
	if _, err := b.js.PublishMsg(ctx, msg); err != nil {
		return failure(ctx, err, "event "+e.ID+" could not be published")
	}
	return nil
}

// failure turns an error of the NATS client into a fault.
func failure(ctx context.Context, err error, what string) error {
	if ctx.Err() != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.New(fault.Canceled, "%s: the request was given up", what).WithCause(err)
	}
	return fault.Unavailablef("%s", what).WithCause(err)
}
