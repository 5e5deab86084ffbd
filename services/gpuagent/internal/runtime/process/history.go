package process

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kfmesh/kfmesh/internal/supervise"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// epochPrefix begins the names of journals.
const epochPrefix = "epoch."

func journal(at runtime.Place, n int) string {
	return filepath.Join(at.Dir, epochPrefix+strconv.Itoa(n))
}

// History reads the journals. An attempt whose supervisor has not come so far as to
// begin its journal is made again under the same number: only one of the two
// gets the journal.
func (*Runtime) History(at runtime.Place) (runtime.History, error) {
	entries, err := os.ReadDir(at.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return runtime.History{}, err
	}
	h := runtime.History{Next: 1}
	for _, n := range epochNumbers(entries) {
		state, _, err := supervise.Inspect(journal(at, n))
		if err != nil {
			return h, err
		}
		if state == supervise.Free {
			h.Next, h.Open = n, false
			continue
		}
		h.Attempts = append(h.Attempts, n)
		h.Next, h.Open = n+1, state != supervise.Sealed
		if h.Open {
			h.Begun++
		}
	}
	return h, nil
}

func epochNumbers(entries []os.DirEntry) []int {
	var numbers []int
	for _, entry := range entries {
		number, ok := strings.CutPrefix(entry.Name(), epochPrefix)
		if n, err := strconv.Atoi(number); ok && err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers
}
