package engine

import (
	"context"
	"math"
	"path"
	"strings"

	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

// noContent is the digest of an artifact of which the step wrote no content,
// such as metrics, which may be metadata alone.
const noContent = "none"

// maxFiles is how many files of an artifact are looked at to tell its content or
// its state.
const maxFiles = 100_000

// digest returns the digest of an artifact that is kept on this host and not
// too large, noContent where there is nothing, and "" for any other: whether it
// has one must not depend on luck, for cache keys are made of it.
func (e *Engine) digest(ctx context.Context, uri string) string {
	if _, local := e.deps.Bucket.Local(); !local || !path.IsAbs(uri) {
		return e.absence(ctx, uri)
	}
	fits, err := e.deps.Bucket.Fits(ctx, uri, blob.Usage{Files: maxFiles, Bytes: e.cfg.MaxDigestBytes})
	switch {
	case fault.Is(err, fault.NotFound):
		return noContent
	case err != nil || !fits:
		return ""
	}
	digest, err := e.deps.Bucket.Digest(ctx, uri)
	if err != nil {
		return ""
	}
	return digest
}

// absence is the digest of what is not on this host: noContent when it is in our
// bucket and there is nothing, otherwise unknown.
func (e *Engine) absence(ctx context.Context, uri string) string {
	if !e.ours(uri) {
		return ""
	}
	if there, err := e.deps.Bucket.Holds(ctx, uri); there || err != nil {
		return ""
	}
	return noContent
}

// intact reports whether an artifact still is what its task made: by its content
// where the digest is known, otherwise by its being there. What this program
// cannot look into is believed to be.
func (e *Engine) intact(ctx context.Context, a ir.Artifact) (bool, error) {
	switch {
	case a.Digest == noContent:
		return true, nil
	case a.Digest != "" && path.IsAbs(a.URI):
		return e.digest(ctx, a.URI) == a.Digest, nil
	case path.IsAbs(a.URI), e.ours(a.URI):
		return e.deps.Bucket.Holds(ctx, a.URI)
	case blob.InBucket(a.URI): // somebody else's, who may let steps in and not us
		there, err := e.deps.Bucket.Holds(ctx, a.URI)
		return there || err != nil, nil
	}
	return true, nil
}

// ours reports whether a URI is that of an object in our bucket.
func (e *Engine) ours(uri string) bool { return strings.HasPrefix(uri, e.deps.Bucket.URI("")) }

// stamps are the states of the input artifacts without a digest: those that are
// large, or not on this host.
func (e *Engine) stamps(ctx context.Context, inputs ir.Values) map[string]string {
	stamps := map[string]string{}
	for _, artifacts := range inputs.Artifacts {
		for _, a := range artifacts {
			if a.Digest != "" || !path.IsAbs(a.URI) && !e.ours(a.URI) && !blob.InBucket(a.URI) {
				continue
			}
			if stamp, err := e.stamp(ctx, a.URI); err == nil && stamp != "" {
				stamps[a.URI] = stamp
			}
		}
	}
	return stamps
}

// stamp is the state of one artifact, and "" of one with too many files.
func (e *Engine) stamp(ctx context.Context, uri string) (string, error) {
	few, err := e.deps.Bucket.Fits(ctx, uri, blob.Usage{Files: maxFiles, Bytes: math.MaxInt64})
	if err != nil || !few {
		return "", err
	}
	stamp, content, err := e.deps.Bucket.Stamp(ctx, uri)
	if content {
		stamp = launch.ContentStamp + stamp
	}
	return stamp, err
}
