// Package event carries CloudEvents between services over a bus.
//
// Events say that something happened to a resource; whoever needs more reads
// the resource. They are published from the store's watch (Relay), never by a
// second write beside the first, with the id key@revision, so that a bus that
// drops duplicate ids delivers each at least once and almost always once.
// Two buses pass the same conformance suite (eventtest): Memory here and the
// JetStream one in event/jetstream.
package event

import (
	"context"
	"time"

	eventv1 "github.com/kfmesh/kfmesh/gen/kfmesh/event/v1"
)

// Event is a CloudEvent 1.0 whose data is a ResourceChanged.
type Event struct {
	ID      string // key@revision
	Source  string // "/kfmesh/<service>"
	Type    string // "dev.kfmesh.<service>.<kind>.<what>"
	Subject Subject
	Time    time.Time
	Data    *eventv1.ResourceChanged
}

// Subject is the bus address of an event: kfmesh.<service>.<kind>.<namespace>.<name>.<what>.
type Subject struct {
	Service, Kind, Namespace, Name, What string
}

// Bus publishes and delivers events. Implementations are safe for concurrent use.
type Bus interface {
	// Publish stores the event; it returns once the event is durable.
	Publish(ctx context.Context, e Event) error
	// Subscribe calls handle with every matching event, one at a time and in
	// order, until ctx ends, and returns ctx's error. An event whose handle
	// fails is delivered again, before any later one, unless the subscription
	// asks for several at once.
	Subscribe(ctx context.Context, sub Subscription, handle func(context.Context, Event) error) error
}

// Subscription selects events.
type Subscription struct {
	// Pattern is a subject with "*" for any one token and a trailing ">" for
	// any rest, such as "kfmesh.pipeline.run.>".
	Pattern string
	// Durable names a position that survives the subscriber and that all
	// subscribers of the name share, each event going to one of them; a name
	// is used with one pattern only. A new one begins at the oldest event the
	// bus still has. Empty means: only events from now on.
	Durable string
	// AtOnce is how many events may be handled at the same time, by a handler that
	// is safe for that and for events in any order. 0 means one after the other,
	// in order.
	AtOnce int
}
