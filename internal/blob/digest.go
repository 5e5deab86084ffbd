package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"gocloud.dev/gcerrors"

	"github.com/kfmesh/kfmesh/internal/fault"
)

const digestPrefix = "sha256:"

// Fresh is how long after it was written PutDigest leaves an object as it is.
// Whoever removes objects that nothing refers to spares the fresh ones: somebody
// may be about to refer to them.
const Fresh = time.Hour

// PutDigest writes content under prefix and the hex of its digest, unless it is
// there and fresh, and returns the digest, "sha256:<hex>".
func (b *Bucket) PutDigest(ctx context.Context, prefix string, content []byte) (string, error) {
	digest := DigestOf(content)
	key, err := DigestKey(prefix, digest)
	if err != nil {
		return "", err
	}
	attributes, err := b.bucket.Attributes(ctx, key)
	switch {
	case err == nil && time.Since(attributes.ModTime) < Fresh:
		return digest, nil
	case err != nil && gcerrors.Code(err) != gcerrors.NotFound:
		return "", failure(err, "looked up", key)
	}
	return digest, b.Put(ctx, key, content)
}

// GetDigest reads what PutDigest wrote under prefix, and checks it.
func (b *Bucket) GetDigest(ctx context.Context, prefix, digest string) ([]byte, error) {
	key, err := DigestKey(prefix, digest)
	if err != nil {
		return nil, err
	}
	content, err := b.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	if got := DigestOf(content); got != digest {
		return nil, fault.Internalf(fmt.Errorf("content has digest %s", got), "object %s is damaged", key)
	}
	return content, nil
}

// DigestOf returns the digest of content, "sha256:<hex>".
func DigestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return digestPrefix + hex.EncodeToString(sum[:])
}

// DigestKey returns the key that PutDigest gives content of a digest under a
// prefix, which ends in a slash or is empty.
func DigestKey(prefix, digest string) (string, error) {
	sum, ok := strings.CutPrefix(digest, digestPrefix)
	if _, err := hex.DecodeString(sum); !ok || err != nil || len(sum) != 2*sha256.Size {
		return "", fault.Invalidf("digest", "%q is not sha256: and %d hex digits", digest, 2*sha256.Size)
	}
	return prefix + sum, nil
}

// Digest returns the digest of the file or tree at a URI: of a file, of its
// content; of a tree, of the digests and relative names of its files in order.
func (b *Bucket) Digest(ctx context.Context, uri string) (string, error) {
	at, err := b.locate(ctx, uri)
	if err != nil {
		return "", err
	}
	defer at.close()
	files, err := filesOf(ctx, at)
	if err != nil {
		return "", err
	}
	if len(files) == 1 && files[0].name == "" {
		return digestFile(ctx, at, "")
	}
	tree := sha256.New()
	for _, f := range files {
		digest, err := digestFile(ctx, at, f.name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(tree, "%s %s\n", digest, f.name)
	}
	return digestPrefix + hex.EncodeToString(tree.Sum(nil)), nil
}

func digestFile(ctx context.Context, at place, name string) (string, error) {
	r, _, err := at.open(ctx, name)
	if err != nil {
		return "", err
	}
	defer r.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return "", failure(err, "read", name)
	}
	return digestPrefix + hex.EncodeToString(sum.Sum(nil)), nil
}
