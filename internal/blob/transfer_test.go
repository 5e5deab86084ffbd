package blob_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTransferOfAFile(t *testing.T) {
	t.Parallel()
	eachBucket(t, func(t *testing.T, b *blob.Bucket) {
		dir := t.TempDir()
		from, to := filepath.Join(dir, "from"), filepath.Join(dir, "deep", "to")
		write(t, from, "content")
		uri := b.URI("artifacts/file")
		if err := b.Upload(t.Context(), uri, from); err != nil {
			t.Fatal(err)
		}
		if got, err := b.Get(t.Context(), "artifacts/file"); err != nil || string(got) != "content" {
			t.Errorf("stored %q, %v", got, err)
		}
		if err := b.Download(t.Context(), uri, to); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(to); err != nil || string(got) != "content" {
			t.Errorf("fetched %q, %v", got, err)
		}
	})
}

func TestTransferOfATree(t *testing.T) {
	t.Parallel()
	eachBucket(t, func(t *testing.T, b *blob.Bucket) {
		from, to := t.TempDir(), filepath.Join(t.TempDir(), "to")
		write(t, filepath.Join(from, "a"), "1")
		write(t, filepath.Join(from, "b", "c"), "2")
		uri := b.URI("artifacts/tree")
		if err := b.Upload(t.Context(), uri, from); err != nil {
			t.Fatal(err)
		}
		if err := b.Download(t.Context(), uri, to); err != nil {
			t.Fatal(err)
		}
		if got := files(t, to); !slices.Equal(got, []string{"a", "b/c"}) {
			t.Errorf("fetched %v", got)
		}
		want := digest(t, b, from)
		for _, at := range []string{uri, to, "file://" + to} {
			if got := digest(t, b, at); got != want {
				t.Errorf("digest of %s is %s, want %s", at, got, want)
			}
		}
	})
}

func TestTransferOfNothing(t *testing.T) {
	t.Parallel()
	eachBucket(t, func(t *testing.T, b *blob.Bucket) {
		absent := filepath.Join(t.TempDir(), "absent")
		if err := b.Upload(t.Context(), b.URI("a"), absent); !fault.Is(err, fault.NotFound) {
			t.Errorf("upload: %v", err)
		}
		if err := b.Download(t.Context(), b.URI("absent"), absent); !fault.Is(err, fault.NotFound) {
			t.Errorf("download: %v", err)
		}
		for _, uri := range []string{"relative", "s3:nothing", "mem://host/../x"} {
			if err := b.Download(t.Context(), uri, absent); !fault.Is(err, fault.Invalid) {
				t.Errorf("download of %q: %v", uri, err)
			}
		}
	})
}

func TestArtifactsOfADirectoryStayInPlace(t *testing.T) {
	t.Parallel()
	b := open(t, t.TempDir())
	uri := b.URI("run/model")
	if err := b.Upload(t.Context(), uri, uri); err != nil {
		t.Errorf("nothing is to be copied, and yet: %v", err)
	}
}

func TestDigests(t *testing.T) {
	t.Parallel()
	eachBucket(t, func(t *testing.T, b *blob.Bucket) {
		const want = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // of "abc", FIPS 180-2
		for range 2 {
			got, err := b.PutDigest(t.Context(), "specs/", []byte("abc"))
			if err != nil || got != want {
				t.Errorf("got %s, %v", got, err)
			}
		}
		if got, err := b.GetDigest(t.Context(), "specs/", want); err != nil || string(got) != "abc" {
			t.Errorf("read back %q, %v", got, err)
		}
		if got := digest(t, b, b.URI("specs/"+want[len("sha256:"):])); got != want {
			t.Errorf("the object has digest %s", got)
		}
		if err := b.Put(t.Context(), "specs/"+want[len("sha256:"):], []byte("other")); err != nil {
			t.Fatal(err)
		}
		if _, err := b.GetDigest(t.Context(), "specs/", want); !fault.Is(err, fault.Internal) {
			t.Errorf("damage was read as %v", err)
		}
		if _, err := b.GetDigest(t.Context(), "specs/", "sha256:../x"); !fault.Is(err, fault.Invalid) {
			t.Errorf("a digest that is none: %v", err)
		}
	})
}

func TestDigestTellsTreesApart(t *testing.T) {
	t.Parallel()
	b := open(t, "mem://")
	one, two := t.TempDir(), t.TempDir()
	write(t, filepath.Join(one, "a"), "x")
	write(t, filepath.Join(two, "b"), "x")
	if digest(t, b, one) == digest(t, b, two) {
		t.Error("trees whose files have other names have the same digest")
	}
}

func digest(t *testing.T, b *blob.Bucket, uri string) string {
	t.Helper()
	d, err := b.Digest(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
