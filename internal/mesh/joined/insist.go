package joined

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/identity"
)

// The pause before what the head did not answer is tried again, and how long a try
// may take.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 5 * time.Second
	tryTime      = 15 * time.Second
)

// insist tries until the head answers, or ctx ends. It says when it has to wait,
// and for what, and when that is over.
func (m *Membership) insist(ctx context.Context, what string, try func(context.Context) error) error {
	said := ""
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := bounded(ctx, try)
		if ctx.Err() != nil && err != nil {
			return ctx.Err()
		}
		if foreign(err) {
			return fault.New(fault.Unauthenticated, "%s; the token was not sent: give the address and the token of one kfmesh token create", identity.HeadForeign).
				WithReason("HEAD_FOREIGN").WithCause(err)
		}
		if !fault.Is(err, fault.Unavailable) && !fault.Is(err, fault.Canceled) {
			if err == nil && said != "" {
				m.log.InfoContext(ctx, "the head answers", slog.String("head", m.Head))
			}
			return err
		}
		if why := err.Error(); why != said {
			said = why
			m.log.WarnContext(ctx, "the head does not answer; trying again", slog.String("head", m.Head), slog.String("to", what), slog.Any("error", err))
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func bounded(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	return try(ctx)
}

// foreign reports whether a call failed because who answers is not the head of this
// mesh: gRPC says so in words alone, and waiting would not help.
func foreign(err error) bool {
	failure, ok := errors.AsType[*fault.Error](err)
	return ok && failure.Kind == fault.Unavailable && strings.Contains(failure.Message, identity.HeadForeign)
}
