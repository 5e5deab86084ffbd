package spare

import (
	"os"
	"path/filepath"
	"testing"
)

func opened(t *testing.T) (*Dirs, string) {
	t.Helper()
	dir := t.TempDir()
	d := New(filepath.Join(dir, "spare"), 0o755)
	if err := d.Open(); err != nil {
		t.Fatal(err)
	}
	return d, dir
}

func inode(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsRemovedIsMadeAgain(t *testing.T) {
	d, dir := opened(t)
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	must(t, d.Make(a))
	first := inode(t, a)
	must(t, d.Remove(a))
	if _, err := os.Lstat(a); !os.IsNotExist(err) {
		t.Errorf("a is still there: %v", err)
	}
	must(t, d.Make(b))
	if !os.SameFile(first, inode(t, b)) {
		t.Error("b is not the directory that was to spare")
	}
}

func TestOnlyWhatIsLikeNewIsKept(t *testing.T) {
	spoil := map[string]func(path string) error{
		"not empty":  func(path string) error { return os.WriteFile(filepath.Join(path, "f"), nil, 0o600) },
		"other mode": func(path string) error { return os.Chmod(path, 0o700) },
		"a link": func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Symlink(filepath.Dir(path), path)
		},
	}
	for name, spoil := range spoil {
		t.Run(name, func(t *testing.T) {
			d, dir := opened(t)
			path := filepath.Join(dir, "a")
			must(t, d.Make(path))
			must(t, spoil(path))
			must(t, d.Remove(path))
			if _, err := os.Lstat(path); !os.IsNotExist(err) {
				t.Errorf("it is still there: %v", err)
			}
			if len(d.spare) != 0 {
				t.Errorf("%v were kept", d.spare)
			}
		})
	}
}

func TestMakeLeavesWhatIsThere(t *testing.T) {
	d, dir := opened(t)
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	must(t, d.Make(a))
	must(t, d.Make(b))
	must(t, d.Remove(b))
	must(t, os.WriteFile(filepath.Join(a, "f"), nil, 0o600))
	must(t, d.Make(a))
	inode(t, filepath.Join(a, "f"))
}

func TestNothingIsKeptOnceClosed(t *testing.T) {
	d, dir := opened(t)
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	must(t, d.Make(a))
	must(t, d.Make(b))
	must(t, d.Remove(a))
	must(t, d.Close())
	must(t, d.Remove(b))
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("%v, %v are left", entries, err)
	}
}
