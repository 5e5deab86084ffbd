package pyenv

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// touchEvery is how precise it is known when an environment was last used.
const touchEvery = time.Minute

// UsedEarly is how much earlier than it really was the last use of an
// environment may be said to have been.
const UsedEarly = touchEvery

// Stored is an environment in the cache, or what is left of one that was not
// finished or not wholly removed.
type Stored struct {
	Name  string
	Ready bool
	Holds string // what is installed in it, for people
	Bytes int64
	Used  time.Time // when it was last given out, early by no more than UsedEarly
}

// goneSuffix marks an environment that is being removed.
const goneSuffix = ".gone"

// use notes that an environment is given out, and reports whether it is ready.
// It is not removed meanwhile.
func (c *Cache) use(env Env) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(env.ready())
	if err != nil {
		return false
	}
	if now := time.Now(); now.Sub(info.ModTime()) >= touchEvery {
		_ = os.Chtimes(env.ready(), now, now) // a cache that cannot be written to is not cleaned up either
	}
	return true
}

// List returns what is in the cache, but for what is being built.
func (c *Cache) List() ([]Stored, error) {
	entries, err := os.ReadDir(c.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []Stored
	for _, entry := range entries {
		if !entry.IsDir() || c.building(entry.Name()) {
			continue
		}
		stored, err := c.inspect(entry.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has gone meanwhile
		}
		if err != nil {
			return nil, err
		}
		all = append(all, stored)
	}
	return all, nil
}

func (c *Cache) building(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, building := c.builds[name]
	return building
}

func (c *Cache) inspect(name string) (Stored, error) {
	dir := filepath.Join(c.dir, name)
	s := Stored{Name: name}
	info, err := os.Stat(filepath.Join(dir, "ready"))
	if s.Ready = err == nil && !strings.HasSuffix(name, goneSuffix); s.Ready {
		holds, err := os.ReadFile(filepath.Join(dir, "ready"))
		if err != nil {
			return s, err
		}
		s.Holds = strings.TrimSpace(string(holds))
	} else if info, err = os.Stat(dir); err != nil {
		return s, err
	}
	s.Used = info.ModTime()
	return s, filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			s.Bytes += info.Size()
		}
		return err
	})
}

// Remove removes an environment as List showed it, and reports whether it did:
// one that was given out or begun anew since then stays.
func (c *Cache) Remove(s Stored) (bool, error) {
	dir := filepath.Join(c.dir, s.Name)
	gone := strings.TrimSuffix(dir, goneSuffix) + goneSuffix
	if dir != gone {
		if err := os.RemoveAll(gone); err != nil { // of an earlier time
			return false, err
		}
	}
	if taken, err := c.take(s, dir, gone); !taken || err != nil {
		return false, err
	}
	return true, os.RemoveAll(gone)
}

// take moves an environment out of the way of Ensure, unless it was used since.
func (c *Cache) take(s Stored, dir, gone string) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := dir
	if s.Ready {
		at = filepath.Join(dir, "ready")
	}
	info, err := os.Stat(at)
	switch _, building := c.builds[s.Name]; {
	case errors.Is(err, fs.ErrNotExist), building:
		return false, nil
	case err != nil:
		return false, err
	case info.ModTime().After(s.Used):
		return false, nil
	case dir == gone:
		return true, nil
	}
	return true, os.Rename(dir, gone)
}
