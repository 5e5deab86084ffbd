package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// BusySince is when the oldest workload was started that runs on this node now,
// and zero when none does.
func (e *Engine) BusySince() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	var oldest time.Time
	for _, l := range e.lives {
		start := l.snapshot().GetStatus().GetStartTime()
		if start == nil {
			continue // it waits, and will be given what it needs when it starts
		}
		if at := start.AsTime(); oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	return oldest
}

// Leftover is a directory of a workload that is not known here.
type Leftover struct {
	Path    string
	Run     string
	Replica string
	// Ours tells that it is in the agent's own directory. Temporary directories may
	// be those of another agent's workloads.
	Ours bool
}

// Leftovers returns the directories of workloads that are not known. One whose
// submission is under way is known before it has a directory.
func (e *Engine) Leftovers() ([]Leftover, error) {
	if err := e.Ready(); err != nil {
		return nil, err
	}
	ours, err := leftovers(e.workloadsDir(), "")
	if err != nil {
		return nil, err
	}
	for i := range ours {
		ours[i].Ours = true
	}
	temporary, err := leftovers(os.TempDir(), tempPrefix)
	if err != nil {
		return nil, err
	}
	known := e.known()
	var unknown []Leftover
	for _, l := range append(ours, temporary...) {
		if !known[l.Run] {
			unknown = append(unknown, l)
		}
	}
	return unknown, nil
}

// leftovers are the directories named after workloads, and those that logs were
// fetched to.
func leftovers(dir, prefix string) ([]Leftover, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var found []Leftover
	for _, entry := range entries {
		name, ok := strings.CutPrefix(entry.Name(), prefix)
		run, replica, _ := strings.Cut(name, ".")
		fetched := prefix == tempPrefix && strings.HasPrefix(run, fetchedPrefix)
		if ok && entry.IsDir() && (fetched || uuid.Validate(run) == nil) {
			found = append(found, Leftover{Path: filepath.Join(dir, entry.Name()), Run: run, Replica: replica})
		}
	}
	return found, nil
}

// known are the runs of the workloads that are stored or being submitted.
func (e *Engine) known() map[string]bool {
	known := map[string]bool{}
	e.mu.Lock()
	for _, l := range e.lives {
		known[l.run] = true
	}
	e.mu.Unlock()
	for _, w := range e.board.List(func(*gpuagentv1.Workload) bool { return true }) {
		known[state.RunOf(w)] = true
	}
	if e.Joined {
		for _, order := range e.orders.List("") {
			known[order.Key] = true
		}
	}
	return known
}

// RemoveLeftover stops what may still run of it and removes it, with what there is
// of it elsewhere.
func (e *Engine) RemoveLeftover(ctx context.Context, l Leftover) error {
	if !l.Ours {
		return os.RemoveAll(l.Path)
	}
	places := []runtime.Place{e.placeOf(l.Run, l.Replica)}
	e.stopOrphans(ctx, places)
	e.removePlaces(ctx, places)
	return ctx.Err()
}
