package jetstream

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/kfmesh/kfmesh/internal/event"
)

// Subscribe implements event.Bus.
func (b *Bus) Subscribe(ctx context.Context, sub event.Subscription, handle func(context.Context, event.Event) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	consumer, err := b.consumer(ctx, sub)
	if err != nil {
		return b.ended(ctx, err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(pullAhead(sub)))
	if err != nil {
		return b.ended(ctx, err)
	}
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	defer messages.Stop()
	for ctx.Err() == nil {
		msg, err := messages.Next()
		switch {
		case err == nil:
			b.deliver(ctx, sub, msg, handle)
		case errors.Is(err, jetstream.ErrMsgIteratorClosed):
			return b.ended(ctx, err)
		default:
			b.log.Warn("event subscription interrupted", slog.String("pattern", sub.Pattern), slog.Any("error", err))
		}
	}
	return ctx.Err()
}

// ended returns why a subscription ended.
func (b *Bus) ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return failure(ctx, err, "events cannot be received")
}

// pullAhead is how many messages may wait in this process: of a shared
// position none, or another subscriber would wait for them.
func pullAhead(sub event.Subscription) int {
	if sub.Durable != "" {
		return 1
	}
	return 100
}

// consumer returns the consumer behind a subscription.
func (b *Bus) consumer(ctx context.Context, sub event.Subscription) (jetstream.Consumer, error) {
	if sub.Durable == "" {
		return b.js.OrderedConsumer(ctx, streamName, jetstream.OrderedConsumerConfig{
			FilterSubjects: []string{sub.Pattern},
			DeliverPolicy:  jetstream.DeliverNewPolicy,
		})
	}
	return b.js.CreateOrUpdateConsumer(ctx, streamName, jetstream.ConsumerConfig{
		Durable:       consumerName(sub.Durable),
		FilterSubject: sub.Pattern,
		DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       ackWait,
		MaxAckPending: 1,
	})
}

// consumerName makes a durable name one that a consumer may have.
func consumerName(durable string) string {
	return strings.NewReplacer(".", "_", "*", "_", ">", "_", " ", "_", "/", "_", "\\", "_").Replace(durable)
}

// deliver hands an event to its handler until that succeeds or ctx ends.
func (b *Bus) deliver(ctx context.Context, sub event.Subscription, msg jetstream.Msg, handle func(context.Context, event.Event) error) {
	e, err := decode(msg.Subject(), msg.Headers(), msg.Data())
	if err != nil {
		b.log.Error("event dropped", slog.String("subject", msg.Subject()), slog.Any("error", err))
		b.settle(sub, msg.Term)
		return
	}
	for {
		err := handle(ctx, e)
		if err == nil {
			b.settle(sub, msg.Ack)
			return
		}
		b.log.Warn("event will be delivered again", slog.String("id", e.ID), slog.Any("error", err))
		b.settle(sub, msg.InProgress)
		select {
		case <-time.After(redelivery):
		case <-ctx.Done():
			b.settle(sub, msg.Nak)
			return
		}
	}
}

// settle tells the server what became of a message. When that fails the
// server delivers it again.
func (b *Bus) settle(sub event.Subscription, tell func() error) {
	if sub.Durable == "" {
		return
	}
	if err := tell(); err != nil {
		b.log.Warn("event not settled", slog.String("durable", sub.Durable), slog.Any("error", err))
	}
}
