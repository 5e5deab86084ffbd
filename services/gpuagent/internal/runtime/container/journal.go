package container

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// record is a line of a journal, or all lines merged.
type record struct {
	Claim   *claim     `json:",omitempty"`
	Started *time.Time `json:",omitempty"` // when the start was about to be asked for
	Stopped *time.Time `json:",omitempty"` // when the first stop was about to be asked for

	// Of a pod:

	// Writers are where in the log what a container writes begins, those that write to the
	// replica's own log, in order: all but the last have written all they have.
	Writers []writer `json:",omitempty"`
	// Ready are the containers that have started, by their hooks and probes: their names in the engine,
	// each with when it was started.
	Ready map[string]string `json:",omitempty"`
}

// writer is a container that writes to the replica's log.
type writer struct {
	Name   string // in the engine
	Offset int64
}

// claim is what one must know to take up an attempt.
type claim struct {
	Host      string        // of the engine
	Name      string        // of the container
	Log       string        // path of the log
	LogOffset int64         // where in it the attempt begins
	Grace     time.Duration // between SIGTERM and SIGKILL
	Deadline  time.Time     `json:",omitzero"`
	Pod       *podClaim     `json:",omitempty"` // of a container that has others around it
}

// journalPrefix begins the names of journals.
const journalPrefix = "container."

func journalPath(at runtime.Place, n int) string {
	return filepath.Join(at.Dir, journalPrefix+strconv.Itoa(n))
}

// journals returns the numbers of the journals at a place, in order.
func journals(at runtime.Place) ([]int, error) {
	entries, err := os.ReadDir(at.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var numbers []int
	for _, entry := range entries {
		number, ok := strings.CutPrefix(entry.Name(), journalPrefix)
		if n, err := strconv.Atoi(number); ok && err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// History implements runtime.Runtime. An attempt that was claimed and not started is made
// again under the same number.
func (*Runtime) History(at runtime.Place) (runtime.History, error) {
	h := runtime.History{Next: 1}
	numbers, err := journals(at)
	if err != nil {
		return h, err
	}
	for _, n := range numbers {
		rec, err := readJournal(journalPath(at, n))
		if err != nil {
			return h, err
		}
		if h.Open = rec.Started != nil; h.Open {
			h.Attempts, h.Begun, h.Next = append(h.Attempts, n), h.Begun+1, n+1
		}
	}
	return h, nil
}

// begin writes the first line of a journal, and forgets an earlier claim that came to nothing.
func begin(path string, c claim) error {
	return write(path, os.O_CREATE|os.O_TRUNC, record{Claim: &c})
}

// note adds a line to a journal.
func note(path string, r record) error { return write(path, os.O_APPEND, r) }

// write is on disk when it returns.
func write(path string, flags int, r record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, flags|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

// readJournal merges the lines of a journal. What comes after its last line feed
// was cut short and does not count.
func readJournal(path string) (record, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return record{}, err
	}
	merged := record{}
	for line := range bytes.Lines(data) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			return record{}, fmt.Errorf("journal %s: %w", path, err)
		}
		merged = merged.and(r)
	}
	return merged, nil
}

// and returns what two records say; what was said first counts.
func (r record) and(later record) record {
	if r.Claim == nil {
		r.Claim = later.Claim
	}
	if r.Started == nil {
		r.Started = later.Started
	}
	if r.Stopped == nil {
		r.Stopped = later.Stopped
	}
	r.Writers = append(r.Writers, later.Writers...)
	for name, started := range later.Ready {
		if r.Ready == nil {
			r.Ready = map[string]string{}
		}
		r.Ready[name] = started // the last counts: it may have been started again
	}
	return r
}
