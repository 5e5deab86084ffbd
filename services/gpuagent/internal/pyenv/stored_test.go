package pyenv

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// stock puts a ready environment into a cache that was last used some time ago.
func stock(t *testing.T, c *Cache, name string, unused time.Duration) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(c.dir, name, "venv"), 0o755); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-unused)
	for file, content := range map[string]string{"venv/lib": "12345", "ready": "kfp==2\n"} {
		path := filepath.Join(c.dir, name, file)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

func stored(t *testing.T, c *Cache) map[string]Stored {
	t.Helper()
	all, err := c.List()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Stored{}
	for _, s := range all {
		byName[s.Name] = s
	}
	return byName
}

func TestListAndRemove(t *testing.T) {
	t.Parallel()
	c := NewCache(filepath.Join(t.TempDir(), "envs"), "", nil)
	if len(stored(t, c)) != 0 {
		t.Error("a cache that does not exist holds something")
	}
	stock(t, c, "a", time.Hour)
	stock(t, c, "half", time.Hour)
	if err := os.Remove(filepath.Join(c.dir, "half", "ready")); err != nil {
		t.Fatal(err)
	}
	stock(t, c, "b"+goneSuffix, time.Hour)
	all := stored(t, c)
	if a := all["a"]; !a.Ready || a.Holds != "kfp==2" || a.Bytes != 12 || time.Since(a.Used) < time.Hour {
		t.Errorf("listed %+v", a)
	}
	if all["half"].Ready || all["b"+goneSuffix].Ready {
		t.Errorf("listed %+v", all)
	}
	for name, s := range all {
		for range 2 { // the second time it is not there
			if _, err := c.Remove(s); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if left, err := os.ReadDir(c.dir); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

// TestUsedSinceStays: an environment that is given out after it was looked at
// is not removed, and says so from then on.
func TestUsedSinceStays(t *testing.T) {
	t.Parallel()
	c := NewCache(t.TempDir(), "", nil)
	stock(t, c, "a", time.Hour)
	seen := stored(t, c)["a"]
	if !c.use(Env{dir: filepath.Join(c.dir, "a")}) {
		t.Fatal("it is not ready")
	}
	if removed, err := c.Remove(seen); removed || err != nil {
		t.Errorf("removed: %v, %v", removed, err)
	}
	if now := stored(t, c)["a"]; time.Since(now.Used) > time.Minute {
		t.Errorf("it was last used at %s", now.Used)
	}
	if c.use(Env{dir: filepath.Join(c.dir, "absent")}) {
		t.Error("what is not there is ready")
	}
}

// TestBeingBuiltStays: nobody else touches an environment in the making.
func TestBeingBuiltStays(t *testing.T) {
	t.Parallel()
	c := NewCache(t.TempDir(), "", nil)
	stock(t, c, "a", time.Hour)
	seen := stored(t, c)["a"]
	b, mine := c.join("a")
	if !mine {
		t.Fatal("somebody else builds it")
	}
	if len(stored(t, c)) != 0 {
		t.Error("it is listed")
	}
	if removed, err := c.Remove(seen); removed || err != nil {
		t.Errorf("removed: %v, %v", removed, err)
	}
	c.leave("a", b)
	if names := []string{stored(t, c)["a"].Name}; !slices.Equal(names, []string{"a"}) {
		t.Errorf("listed %v", names)
	}
}
