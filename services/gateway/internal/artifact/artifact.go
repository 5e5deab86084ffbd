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
	key, ok := s.key(artifact.GetUri())
	if !ok {
		return fault.Preconditionf("artifact %d is at %q, outside the bucket of this kfmesh: read it there", id, artifact.GetUri())
	}
	if dir, ok := s.bucket.Local(); ok {
		return serveFile(w, r, dir, key)
	}
	return s.serveObject(r.Context(), w, key)
}

// key is the bucket's name of what is at a URI, and whether it has one.
func (s server) key(uri string) (string, bool) {
	key, ok := strings.CutPrefix(uri, s.bucket.URI(""))
	return key, ok && filepath.IsLocal(key)
}

// serveFile serves a file of a directory bucket, in parts when asked.
func serveFile(w http.ResponseWriter, r *http.Request, dir, key string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fault.Unavailablef("the bucket cannot be read").WithCause(err)
	}
	defer root.Close()
	file, err := root.Open(key)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.NotFoundf("there is no file at the artifact's place %s: it may have been deleted", key)
	}
	if err != nil {
		return fault.Preconditionf("the artifact's file %s cannot be read: it may be a link out of the bucket", key).WithCause(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return fault.Preconditionf("the artifact at %s is a directory, not a file: its files are artifacts only as a whole", key).WithCause(err)
	}
	describe(w, key)
	http.ServeContent(w, r, "", time.Time{}, file)
	return nil
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
