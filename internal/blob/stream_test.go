package blob_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func TestStoreAndView(t *testing.T) {
	t.Parallel()
	eachBucket(t, func(t *testing.T, b *blob.Bucket) {
		for _, content := range []string{"0123456789", "", "again"} {
			if err := b.Store(t.Context(), "a/b/c", strings.NewReader(content)); err != nil {
				t.Fatal(err)
			}
			object, err := b.View(t.Context(), "a/b/c")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := object.Seek(int64(len(content)/2), io.SeekStart); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(object)
			if err != nil || string(got) != content[len(content)/2:] || object.Bytes != int64(len(content)) ||
				time.Since(object.Modified) > time.Hour {
				t.Errorf("got %q of %+v, %v", got, object, err)
			}
			if err := object.Close(); err != nil {
				t.Error(err)
			}
		}
		for _, key := range []string{"a/none", "a/b/c/d"} {
			if _, err := b.View(t.Context(), key); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v", key, err)
			}
		}
	})
}

func TestStoreThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	lost := errors.New("lost")
	eachBucket(t, func(t *testing.T, b *blob.Bucket) {
		half := io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20)), iotest.ErrReader(lost))
		if err := b.Store(t.Context(), "new/folder/a", half); !errors.Is(err, lost) {
			t.Errorf("got %v", err)
		}
		ended, end := context.WithCancel(t.Context())
		end()
		if err := b.Store(ended, "new/folder/a", strings.NewReader("x")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		for child, err := range b.Children(t.Context(), "new") {
			t.Errorf("%v, %v is there", child, err)
		}
		if dir, ok := b.Local(); ok {
			if _, err := os.Stat(filepath.Join(dir, "new")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the folder is there: %v", err)
			}
			if left := files(t, dir); len(left) != 0 {
				t.Errorf("there are %v", left)
			}
		}
	})
}

func TestStoreKeepsWhatIsThereWhenItFails(t *testing.T) {
	t.Parallel()
	eachBucket(t, func(t *testing.T, b *blob.Bucket) {
		if err := b.Put(t.Context(), "a", []byte("old")); err != nil {
			t.Fatal(err)
		}
		if err := b.Store(t.Context(), "a", io.MultiReader(strings.NewReader("new"), iotest.ErrReader(io.ErrUnexpectedEOF))); err == nil {
			t.Error("half an object was stored")
		}
		if got, err := b.Get(t.Context(), "a"); err != nil || string(got) != "old" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestFilesAndFoldersOfOneName(t *testing.T) {
	t.Parallel()
	b := open(t, t.TempDir())
	if err := b.Store(t.Context(), "a/b", strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "a/b/c"} {
		if err := b.Store(t.Context(), key, strings.NewReader("")); !fault.Is(err, fault.Precondition) {
			t.Errorf("%s: %v", key, err)
		}
	}
	if _, err := b.View(t.Context(), "a"); !fault.Is(err, fault.Precondition) {
		t.Errorf("a folder was read: %v", err)
	}
	for child, err := range b.Children(t.Context(), "a/b") {
		t.Errorf("below a file is %v, %v", child, err)
	}
}

func TestWhatADeadProcessLeftIsRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old, young := filepath.Join(dir, ".incoming", "old"), filepath.Join(dir, ".incoming", "young")
	if err := os.Mkdir(filepath.Dir(old), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{old, young} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if left := files(t, dir); len(left) != 1 || left[0] != ".incoming/young" {
		t.Errorf("there are %v", left)
	}
}

func TestLinksOutOfADirectoryAreNotFollowed(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	b := open(t, dir)
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.View(t.Context(), "link/secret"); err == nil {
		t.Error("it was read")
	}
	if err := b.Store(t.Context(), "link/new", strings.NewReader("x")); err == nil {
		t.Error("it was written")
	}
	for child, err := range b.Children(t.Context(), "link") {
		if err == nil {
			t.Errorf("%v was listed", child)
		}
	}
}
