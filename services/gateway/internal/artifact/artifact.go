// Package artifact serves the content of artifacts that are files of the bucket.
//
// A URI is data that a step wrote, so it is not trusted: only what is under the
// bucket is served, links that lead out of it are not followed, and a browser is
// told to run nothing of it.
package artifact

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gateway/internal/rest"
)

// Register adds the handler to a mux.
func Register(mux *http.ServeMux, metadata metadatav1.MetadataServiceClient, bucket *blob.Bucket) {
	s := server{metadata: metadata, bucket: bucket}
	mux.HandleFunc("GET /kfmesh/v1/artifacts/{artifact_id}/content", func(w http.ResponseWriter, r *http.Request) {
		if err := s.serve(w, r); err != nil {
			rest.WriteError(w, err)
		}
	})
}

type server struct {
	metadata metadatav1.MetadataServiceClient
	bucket   *blob.Bucket
}

// serve writes the content of one artifact. An error comes before anything is
// written.
func (s server) serve(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(r.PathValue("artifact_id"), 10, 64)
	if err != nil {
		return fault.Invalidf("artifact_id", "%q is not the number of an artifact", r.PathValue("artifact_id"))
	}
	artifact, err := s.metadata.GetArtifact(r.Context(), &metadatav1.GetArtifactRequest{ArtifactId: id})
	if err != nil {
		return err
	}
	key, err := keyOf(s.bucket, artifact.GetUri())
	if err != nil {
		return err
	}
	if dir, ok := s.bucket.Local(); ok {
		return serveFile(w, r, dir, key)
	}
	return s.serveObject(r.Context(), w, key)
}

// Open returns the content of what is at a URI, which must be a file of the
// bucket. The caller closes it.
func Open(ctx context.Context, bucket *blob.Bucket, uri string) (io.ReadCloser, error) {
	key, err := keyOf(bucket, uri)
	if err != nil {
		return nil, err
	}
	if dir, ok := bucket.Local(); ok {
		return openFile(dir, key)
	}
	return bucket.Open(ctx, key)
}

// keyOf is the bucket's name of what is at a URI.
func keyOf(bucket *blob.Bucket, uri string) (string, error) {
	key, ok := strings.CutPrefix(uri, bucket.URI(""))
	if !ok || !filepath.IsLocal(key) {
		return "", fault.Preconditionf("the artifact is at %q, outside the bucket of this kfmesh: read it there", uri)
	}
	return key, nil
}

// serveFile serves a file of a directory bucket, in parts when asked.
func serveFile(w http.ResponseWriter, r *http.Request, dir, key string) error {
	file, err := openFile(dir, key)
	if err != nil {
		return err
	}
	defer file.Close()
	describe(w, key)
	http.ServeContent(w, r, "", time.Time{}, file)
	return nil
}

// openFile opens a file of a directory bucket.
func openFile(dir, key string) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fault.Unavailablef("the bucket cannot be read").WithCause(err)
	}
	defer root.Close()
	file, err := root.Open(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.NotFoundf("there is no file at the artifact's place %s: it may have been deleted", key)
	}
	if err != nil {
		return nil, fault.Preconditionf("the artifact's file %s cannot be read: it may be a link out of the bucket", key).WithCause(err)
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(
			fault.Preconditionf("the artifact at %s is a directory, not a file: its files are artifacts only as a whole", key).WithCause(err),
			file.Close())
	}
	return file, nil
}

// serveObject serves an object of any other bucket.
func (s server) serveObject(ctx context.Context, w http.ResponseWriter, key string) error {
	content, err := s.bucket.Open(ctx, key)
	if err != nil {
		return err
	}
	defer content.Close()
	describe(w, key)
	_, _ = io.Copy(w, content) // the answer has begun: a reader sees that it ends early
	return nil
}

// describe writes the header of content with a name.
func describe(w http.ResponseWriter, key string) {
	contentType := mime.TypeByExtension(path.Ext(key))
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": path.Base(key)}))
	h.Set("Content-Security-Policy", "sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
}
