package blob_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// list goes through all pages of a query.
func list(t *testing.T, b *blob.Bucket, q blob.Query) []string {
	t.Helper()
	var keys []string
	for {
		objects, next, err := b.Page(t.Context(), q)
		if err != nil || len(objects) > q.Most {
			t.Fatalf("a page of %d objects, %v", len(objects), err)
		}
		for _, o := range objects {
			keys = append(keys, o.Key)
		}
		if len(next) == 0 {
			return keys
		}
		q.After = next
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{"directory": t.TempDir(), "memory": "mem://"} {
		t.Run(name, func(t *testing.T) {
			b := open(t, address)
			for _, key := range []string{"a/x", "a-b", "a/y/1", "a/y/2", "a/z", "ab", "b", "a/y-1"} {
				if err := b.Put(t.Context(), key, []byte(key)); err != nil {
					t.Fatal(err)
				}
			}
			for _, most := range []int{1, 2, 3, 100} {
				for want, q := range map[string]blob.Query{
					"[a-b a/x a/y-1 a/y/1 a/y/2 a/z ab b]": {},
					"[a/x a/y-1 a/y/1 a/y/2 a/z]":          {Prefix: "a/"},
					"[a/x a/y-1 a/y/ a/z]":                 {Prefix: "a/", Shallow: true},
					"[a/y-1 a/y/]":                         {Prefix: "a/y", Shallow: true},
					"[a/y-1 a/y/1 a/y/2]":                  {Prefix: "a/y"},
					"[]":                                   {Prefix: "c/"},
				} {
					q.Most = most
					if got := fmt.Sprint(list(t, b, q)); got != want {
						t.Errorf("%+v: got %s, want %s", q, got, want)
					}
				}
			}
			if _, _, err := b.Page(t.Context(), blob.Query{Prefix: "../", Most: 1}); !fault.Is(err, fault.Invalid) {
				t.Errorf("a prefix that leaves the bucket: %v", err)
			}
		})
	}
}

func TestAnotherMachineDoesNotFollowLinksOutOfABucket(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "secret"), "hush")
	write(t, filepath.Join(dir, "tree", "a"), "a")
	for link, target := range map[string]string{
		"tree/file": filepath.Join(outside, "secret"), "tree/folder": outside, "tree/inside": "a", "tree/nowhere": "none",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	b := overTheWire(t, open(t, dir))
	into := t.TempDir()
	if err := b.Download(t.Context(), b.URI("tree"), into); err != nil {
		t.Fatal(err)
	}
	if got := files(t, into); !slices.Equal(got, []string{"a", "inside"}) {
		t.Errorf("got %v", got)
	}
	for _, key := range []string{"tree/file", "tree/folder/secret"} {
		if content, err := b.Get(t.Context(), key); err == nil {
			t.Errorf("%s gives %q", key, content)
		}
		if err := b.Store(t.Context(), "tree/folder/new", strings.NewReader("x")); err == nil {
			t.Error("wrote through a link")
		}
	}
	if got := files(t, outside); !slices.Equal(got, []string{"secret"}) {
		t.Errorf("outside lies %v", got)
	}
}
