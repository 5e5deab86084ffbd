package blob_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// grove is a bucket with a file and a tree below one key.
func grove(t *testing.T, b *blob.Bucket) {
	t.Helper()
	for key, content := range map[string]string{"a/one": "1", "a/tree/x": "22", "a/tree/deep/y": "333", "ab": "4"} {
		if err := b.Put(t.Context(), key, []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestChildren(t *testing.T) {
	t.Parallel()
	eachBucket(t, func(t *testing.T, b *blob.Bucket) {
		grove(t, b)
		var got []string
		for child, err := range b.Children(t.Context(), "a") {
			if err != nil {
				t.Fatal(err)
			}
			if child.Folder {
				child.Name += "/"
			} else if child.Bytes != 1 || time.Since(child.Modified) > time.Hour {
				t.Errorf("child %+v", child)
			}
			got = append(got, child.Name)
		}
		slices.Sort(got)
		if !slices.Equal(got, []string{"one", "tree/"}) {
			t.Errorf("children %v", got)
		}
		for child, err := range b.Children(t.Context(), "absent") {
			t.Errorf("below nothing is %v, %v", child, err)
		}
	})
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	eachBucket(t, func(t *testing.T, b *blob.Bucket) {
		grove(t, b)
		for key, want := range map[string]blob.Usage{"a": {Files: 3, Bytes: 6}, "a/tree": {Files: 2, Bytes: 5}, "a/one": {Files: 1, Bytes: 1}} {
			got, err := b.Measure(t.Context(), b.URI(key))
			if err != nil || got.Files != want.Files || got.Bytes != want.Bytes || time.Since(got.Newest) > time.Hour {
				t.Errorf("%s takes %+v, %v; want %+v", key, got, err, want)
			}
		}
		if _, err := b.Measure(t.Context(), b.URI("absent")); !fault.Is(err, fault.NotFound) {
			t.Errorf("what is not there was measured: %v", err)
		}
	})
}

func TestFits(t *testing.T) {
	t.Parallel()
	eachBucket(t, func(t *testing.T, b *blob.Bucket) {
		grove(t, b)
		for most, want := range map[blob.Usage]bool{{Files: 3, Bytes: 6}: true, {Files: 2, Bytes: 6}: false, {Files: 3, Bytes: 5}: false} {
			if got, err := b.Fits(t.Context(), b.URI("a"), most); err != nil || got != want {
				t.Errorf("fits %+v: %v, %v", most, got, err)
			}
		}
		if _, err := b.Fits(t.Context(), b.URI("absent"), blob.Usage{}); !fault.Is(err, fault.NotFound) {
			t.Errorf("what is not there fits: %v", err)
		}
	})
}

func TestHoldsAndRemoveTree(t *testing.T) {
	t.Parallel()
	eachBucket(t, func(t *testing.T, b *blob.Bucket) {
		grove(t, b)
		holds := func(key string) bool {
			there, err := b.Holds(t.Context(), b.URI(key))
			if err != nil {
				t.Errorf("%s: %v", key, err)
			}
			return there
		}
		if !holds("a/one") || !holds("a/tree") || holds("a/tre") || holds("a/none") {
			t.Error("a file or a tree is not seen, or what is none")
		}
		for range 2 {
			for _, key := range []string{"a/tree", "a/one"} {
				if err := b.RemoveTree(t.Context(), key); err != nil {
					t.Errorf("remove %s: %v", key, err)
				}
			}
		}
		if holds("a/tree") || holds("a/one") || !holds("ab") {
			t.Error("too little was removed, or too much")
		}
		if err := b.RemoveTree(t.Context(), "../outside"); !fault.Is(err, fault.Invalid) {
			t.Errorf("a key that leaves the bucket: %v", err)
		}
	})
}

func TestStampTellsStatesApart(t *testing.T) {
	t.Parallel()
	eachBucket(t, func(t *testing.T, b *blob.Bucket) {
		grove(t, b)
		stamp := func() string {
			s, content, err := b.Stamp(t.Context(), b.URI("a/tree"))
			if knows := strings.HasPrefix(b.Base(), "mem:"); err != nil || content != knows {
				t.Errorf("stamp %q, of the content: %v, %v", s, content, err)
			}
			return s
		}
		before := stamp()
		if stamp() != before {
			t.Error("nothing was written, and the stamp is another")
		}
		if err := b.Put(t.Context(), "a/tree/x", []byte("2222")); err != nil {
			t.Fatal(err)
		}
		if stamp() == before {
			t.Error("other content has the same stamp")
		}
	})
}

// TestPutDigestKeepsFresh: whoever writes what is there, and old, is about to
// refer to it, and those who clean up must see that.
func TestPutDigestKeepsFresh(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir)
	digest, err := b.PutDigest(t.Context(), "specs/", []byte("spec"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "specs", strings.TrimPrefix(digest, "sha256:"))
	long := time.Now().Add(-2 * blob.Fresh)
	if err := os.Chtimes(file, long, long); err != nil {
		t.Fatal(err)
	}
	if _, err := b.PutDigest(t.Context(), "specs/", []byte("spec")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || time.Since(info.ModTime()) > blob.Fresh {
		t.Errorf("the object is as old as it was: %v", err)
	}
}
