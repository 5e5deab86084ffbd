// Package jetstream is the event bus on NATS JetStream, embedded or a cluster.
//
// Events are CloudEvents in binary content mode on the stream KFMESH, which
// takes every subject below "kfmesh." and drops what it has seen by id in the
// last minutes.
package jetstream

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/fault"
)

const (
	streamName    = "KFMESH"
	subjects      = "kfmesh.>"
	keep          = 7 * 24 * time.Hour
	keepBytes     = 512 << 20
	dedupeWindow  = 5 * time.Minute
	redeliverWait = 100 * time.Millisecond // pause before a failed event is delivered again
	// maxFailedPulls, one each redeliverWait, is when a subscription gives up.
	maxFailedPulls = 100
	ackWait        = 30 * time.Second // a handler that takes longer sees its event again
)

// Bus is an event.Bus on a NATS connection, which it does not own.
type Bus struct {
	js     jetstream.JetStream
	stream jetstream.Stream
}

// New makes the stream if need be and returns the bus.
func New(ctx context.Context, conn *nats.Conn) (*Bus, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fault.Internalf(err, "JetStream client cannot be made")
	}
	stream, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:        streamName,
		Description: "what happened to kfmesh resources, as CloudEvents",
		Subjects:    []string{subjects},
		MaxAge:      keep,
		MaxBytes:    keepBytes,
		Duplicates:  dedupeWindow,
		Storage:     jetstream.FileStorage,
	})
	if err != nil {
		return nil, fault.Unavailablef("NATS JetStream is not ready: %v", err).WithCause(err)
	}
	return &Bus{js: js, stream: stream}, nil
}

// Publish implements event.Bus.
func (b *Bus) Publish(ctx context.Context, e event.Event) error {
	headers, data, err := event.Encode(e)
	if err != nil {
		return err
	}
	msg := &nats.Msg{Subject: e.Subject.String(), Header: nats.Header{}, Data: data}
	for name, value := range headers {
		msg.Header[name] = []string{value}
	}
	if _, err := b.js.PublishMsg(ctx, msg, jetstream.WithMsgID(e.ID)); err != nil {
		return failure(ctx, err, "NATS took no event")
	}
	return nil
}

// Subscribe implements event.Bus.
func (b *Bus) Subscribe(ctx context.Context, sub event.Subscription, handle func(context.Context, event.Event) error) error {
	consumer, err := b.stream.CreateOrUpdateConsumer(ctx, consumerConfig(sub))
	if err != nil {
		return failure(ctx, err, "NATS takes no subscription to %s: %v", sub.Pattern, err)
	}
	group, ctx := errgroup.WithContext(ctx)
	for range max(1, sub.AtOnce) {
		group.Go(func() error { return follow(ctx, consumer, sub, handle) })
	}
	return group.Wait()
}

// follow handles the events of a subscription, one after the other.
func follow(ctx context.Context, consumer jetstream.Consumer, sub event.Subscription, handle func(context.Context, event.Event) error) error {
	failed := 0 // pulls in a row
	for ctx.Err() == nil {
		msg, err := consumer.Next(jetstream.FetchContext(ctx))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, nats.ErrTimeout), errors.Is(err, jetstream.ErrNoMessages):
			continue
		case err != nil:
			// A pull ends early when another subscriber of the name arrives, or the
			// server restarts: what it waited for comes with the next.
			if failed++; failed > maxFailedPulls {
				return failure(ctx, err, "NATS ended the subscription to %s", sub.Pattern)
			}
			pause(ctx, redeliverWait)
			continue
		}
		failed = 0
		if err := settle(ctx, msg, handle); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// pause waits, at most until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// settle handles one message and tells JetStream how that went. A message that
// is no event of ours is dropped: it would never become one.
func settle(ctx context.Context, msg jetstream.Msg, handle func(context.Context, event.Event) error) error {
	e, err := event.Decode(func(name string) string { return first(msg.Headers()[name]) }, msg.Data())
	switch {
	case err != nil:
		err = msg.Term()
	case handle(ctx, e) != nil:
		err = msg.NakWithDelay(redeliverWait)
	default:
		err = msg.Ack()
	}
	if err != nil {
		return fault.Unavailablef("NATS took no acknowledgement").WithCause(err)
	}
	return nil
}

func consumerConfig(sub event.Subscription) jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		FilterSubject: sub.Pattern,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       ackWait,
		MaxAckPending: max(1, sub.AtOnce), // one at a time is what keeps the order when one fails
		DeliverPolicy: jetstream.DeliverAllPolicy,
	}
	if sub.Durable == "" {
		c.DeliverPolicy = jetstream.DeliverNewPolicy
		c.InactiveThreshold = time.Minute
		return c
	}
	c.Durable = strings.NewReplacer(".", "_", " ", "_", "*", "_", ">", "_", "/", "_").Replace(sub.Durable)
	return c
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// failure is Canceled when ctx has ended, and otherwise Unavailable.
func failure(ctx context.Context, err error, format string, args ...any) error {
	if ctx.Err() != nil {
		return fault.New(fault.Canceled, "the request was given up").WithCause(err)
	}
	return fault.Unavailablef(format, args...).WithCause(err)
}
