package up

import (
	"context"
	"io"
)

// Run serves until ctx ends.
func Run(ctx context.Context, cfg Config, version string, out io.Writer) error { return nil }
