package cli

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
)

// watch shows the list again and again until ctx ends: in place on a live
// terminal, otherwise only the resources that have changed.
func (s *Session) watch(ctx context.Context, o *getOptions, k *kind.Kind, look func() ([]proto.Message, error)) error {
	ticker := time.NewTicker(o.interval)
	defer ticker.Stop()
	seen := map[string]proto.Message{}
	for {
		found, err := look()
		if err != nil {
			return err
		}
		if s.Term.Live {
			err = s.redraw(o.format, k, found)
		} else {
			err = s.showChanged(o.format, k, found, seen)
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// redraw clears the terminal and prints the list with the time.
func (s *Session) redraw(format output.Format, k *kind.Kind, found []proto.Message) error {
	var page bytes.Buffer
	const home = "\x1b[H\x1b[2J"
	fmt.Fprintf(&page, "%s%s  %s\n\n", home, output.Clock(s.Term.Now(), s.Term.Now()), output.Count(len(found), k.Singular))
	drawn := *s
	term := *s.Term
	term.Out, term.Err = &page, &page
	drawn.Term = &term
	if _, height := term.Size(); len(found) > height-4 {
		found = found[:max(height-4, 1)]
	}
	if err := drawn.show(format, k, found, true); err != nil {
		return err
	}
	_, err := s.Term.Out.Write(page.Bytes())
	return err
}

// showChanged prints what is new or different since the last look.
func (s *Session) showChanged(format output.Format, k *kind.Kind, found []proto.Message, seen map[string]proto.Message) error {
	var changed []proto.Message
	for _, m := range found {
		if before, ok := seen[k.ID(m)]; !ok || !proto.Equal(before, m) {
			changed = append(changed, m)
			seen[k.ID(m)] = m
		}
	}
	if len(changed) == 0 {
		return nil
	}
	return s.show(format, k, changed, true)
}
