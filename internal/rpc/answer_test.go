package rpc

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
)

func TestLevelOf(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]slog.Level{
		nil:                            slog.LevelDebug,
		errors.New("x"):                slog.LevelError,
		fault.Unavailablef("no store"): slog.LevelWarn,
		fault.Unavailablef("is being stopped").WithReason(ReasonStopping): slog.LevelDebug,
		fault.NotFoundf("none"): slog.LevelDebug,
	} {
		if got := levelOf(Status(err).Code(), err); got != want {
			t.Errorf("%v: %v, want %v", err, got, want)
		}
	}
}
