package store

import (
	"context"
	"time"

	"github.com/kfmesh/kfmesh/internal/boottime"
)

// Lessor is a Backend whose leases can be renewed by hand, for who keeps them on
// behalf of holders elsewhere. A lease that was lent outlives the process that
// lent it; it ends when it is recalled, or was not renewed for as long as it lives.
type Lessor interface {
	Backend
	// Lend returns the id of a new lease and how long it lives from now, which is
	// ttl or a little longer.
	Lend(ctx context.Context, ttl time.Duration) (id int64, lives time.Duration, err error)
	// Renew has a lease live as long again from now; the fault of ErrLeaseEnded when
	// it has ended.
	Renew(ctx context.Context, id int64) (lives time.Duration, err error)
	// Recall ends a lease and deletes its keys. One that has ended is not an error.
	Recall(ctx context.Context, id int64) error
}

// Expiring is a Lease whose holder knows how long it lives even if the store is
// never heard of again. Done is closed when that is over, at the latest.
type Expiring interface {
	Lease
	// Held is when it was asked for, or to be renewed, the last time that it was, and when
	// it ends unless it is renewed before. That never comes after the moment at which the
	// store deletes the lease's keys, as long as the clocks of both machines run alike.
	Held() (from, to boottime.Instant)
}
