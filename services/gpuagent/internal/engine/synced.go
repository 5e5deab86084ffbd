package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// version tells states of one file on one machine apart: its size and when it was last
// written to, by that machine's clock. It says nothing about which is later, and is never
// compared with one of another machine, whose clock may say anything.
type version string

func versionOf(bytes int64, written time.Time) version {
	return version(fmt.Sprintf("%d@%d", bytes, written.UnixNano()))
}

// pair is one content of a file: as it was in the node's directory, and as it is in the
// object store.
type pair struct{ Here, There version }

// synced is what a node knows to be in the object store of a directory that follows its
// workload, by name. It is kept beside the directory.
type synced map[string]pair

func syncedPath(keep string) string { return filepath.Join(keep, checkpointsName+".json") }

// recallSynced reads it; empty when there is none that can be read.
func recallSynced(keep string) synced {
	known := synced{}
	text, err := os.ReadFile(syncedPath(keep))
	if err != nil || json.Unmarshal(text, &known) != nil {
		return synced{}
	}
	return known
}

// keep writes it down, as a whole.
func (s synced) keep(keep string) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	next := syncedPath(keep) + ".next"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		if errors.Is(err, fs.ErrNotExist) { // the workload was deleted meanwhile
			return nil
		}
		return err
	}
	return os.Rename(next, syncedPath(keep))
}
