package platform

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// shelf is the least of an S3 server: whole objects by path.
type shelf struct{ objects sync.Map }

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPut:
		content, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		s.objects.Store(r.URL.Path, content)
	case http.MethodGet, http.MethodHead:
		content, ok := s.objects.Load(r.URL.Path)
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "<Error><Code>NoSuchKey</Code></Error>")
			return
		}
		_, _ = w.Write(content.([]byte))
	}
}

func TestS3Buckets(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	server := httptest.NewServer(&shelf{})
	t.Cleanup(server.Close)
	b, err := blob.Open(t.Context(), "s3://artifacts?region=eu-central-1&use_path_style=true&prefix=team/&endpoint="+url.QueryEscape(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })

	if uri := b.URI("run/model"); uri != "s3://artifacts/team/run/model" {
		t.Errorf("the URI is %s", uri)
	}
	if _, err := b.Get(t.Context(), "run/model"); !fault.Is(err, fault.NotFound) {
		t.Errorf("get before put: %v", err)
	}
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	if err := os.WriteFile(from, []byte("weights"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.Upload(t.Context(), b.URI("run/model"), from); err != nil {
		t.Fatal(err)
	}
	if err := b.Download(t.Context(), b.URI("run/model"), to); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(to); err != nil || string(got) != "weights" {
		t.Errorf("came back as %q, %v", got, err)
	}
}
