package container

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moby/moby/client"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// shelf serves one image to whoever has the password; hold keeps its layer back.
type shelf struct {
	blobs    map[string][]byte // by digest
	manifest []byte
	hold     chan struct{}
	release  func() // closes hold
	pulls    atomic.Int32
}

// chunk is how much of a layer is sent at once.
const chunk = 128 << 10

const manifestType = "application/vnd.docker.distribution.manifest.v2+json"

func (g *shelf) add(content []byte) (digest string, size int) {
	sum := sha256.Sum256(content)
	digest = "sha256:" + hex.EncodeToString(sum[:])
	g.blobs[digest] = content
	return digest, len(content)
}

// newRegistry holds an image of one layer: /app with a file of 4 MiB.
func newRegistry(t *testing.T) (g *shelf, address string) {
	t.Helper()
	g = &shelf{blobs: map[string][]byte{}, hold: make(chan struct{})}
	var plain, packed bytes.Buffer
	w := tar.NewWriter(&plain)
	content := make([]byte, 4<<20)
	copy(content, t.Name()+time.Now().String()) // so that no engine has it
	if err := w.WriteHeader(&tar.Header{Name: "app/data", Mode: 0o644, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(plain.Bytes())
	z, err := gzip.NewWriterLevel(&packed, gzip.NoCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(plain.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	layer, layerSize := g.add(packed.Bytes())
	config, configSize := g.add(fmt.Appendf(nil, `{"architecture":"amd64","os":"linux","config":{"WorkingDir":"/app","Cmd":["none"]},`+
		`"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}`, hex.EncodeToString(sum[:])))
	g.manifest = fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":"%s",`+
		`"config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":"%s","size":%d},`+
		`"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","digest":"%s","size":%d}]}`,
		manifestType, config, configSize, layer, layerSize)
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	g.release = sync.OnceFunc(func() { close(g.hold) })
	t.Cleanup(g.release)
	return g, strings.TrimPrefix(server.URL, "http://")
}

// ServeHTTP is what of the registry API a pull needs.
func (g *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if user, password, _ := r.BasicAuth(); user != "someone" || password != "pass" {
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	_, name, _ := strings.Cut(r.URL.Path, "/blobs/")
	switch blob, ok := g.blobs[name]; {
	case r.URL.Path == "/v2/":
	case strings.Contains(r.URL.Path, "/manifests/"):
		g.pulls.Add(1)
		sum := sha256.Sum256(g.manifest)
		w.Header().Set("Content-Type", manifestType)
		w.Header().Set("Docker-Content-Digest", "sha256:"+hex.EncodeToString(sum[:]))
		_, _ = w.Write(g.manifest)
	case ok && len(blob) > 1<<20:
		w.Header().Set("Content-Length", fmt.Sprint(len(blob)))
		half := len(blob) / 2
		for at := 0; at < half; at += chunk { // engines tell of progress when they read, and not more often than so
			_, _ = w.Write(blob[at:min(half, at+chunk)])
			w.(http.Flusher).Flush()
			<-time.After(30 * time.Millisecond)
		}
		<-g.hold
		_, _ = w.Write(blob[half:])
	case ok:
		_, _ = w.Write(blob)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// auths is a config.json for the registry.
func auths(t *testing.T, address, password string) []byte {
	t.Helper()
	data, err := json.Marshal(map[string]any{"auths": map[string]any{
		address: map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte("someone:" + password))},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestPull(t *testing.T) {
	b := newBench(t, "")
	server, address := newRegistry(t)
	image := address + "/team/app:1"
	b.order.Template.Image = image
	engine := b.engine()
	t.Cleanup(func() {
		_, _ = engine.ImageRemove(context.Background(), image, client.ImageRemoveOptions{Force: true})
	})
	agent := b.agent()
	if err := agent.Open(b.at).Prepare(t.Context(), b.order); err == nil || !strings.Contains(err.Error(), "pull "+image) {
		t.Fatalf("without credentials: error %v", err)
	}
	b.order.PullSecrets = [][]byte{auths(t, "elsewhere.example", "x"), auths(t, address, "pass")}
	b.told.says = nil
	done := make(chan error, 1)
	go func() { done <- agent.Open(b.at).Prepare(t.Context(), b.order) }()
	b.await("half of it", func() bool {
		agent.pulls.mu.Lock()
		defer agent.pulls.mu.Unlock()
		for _, p := range agent.pulls.now {
			return p.percent.Load() > 20
		}
		return false
	})
	second := make(chan error, 1)
	other := b.order
	other.Tell = &told{}
	go func() { second <- agent.Open(b.at).Prepare(t.Context(), other) }()
	b.await("another that waits for it", func() bool {
		agent.pulls.mu.Lock()
		defer agent.pulls.mu.Unlock()
		for _, p := range agent.pulls.now {
			return p.users == 2
		}
		return false
	})
	server.release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	if got := b.told.says[0](time.Second); !strings.HasPrefix(got, "pulling "+image+" (") || !strings.HasSuffix(got, " %)") {
		t.Errorf("said %q", got)
	}
	seen := server.pulls.Load()
	if err := agent.Open(b.at).Prepare(t.Context(), b.order); err != nil || server.pulls.Load() != seen {
		t.Errorf("what is there was pulled again: %v", err)
	}
	b.order.Template.ImagePullPolicy = gpuagentv1.PullPolicy_PULL_POLICY_ALWAYS
	if err := agent.Open(b.at).Prepare(t.Context(), b.order); err != nil || server.pulls.Load() == seen {
		t.Errorf("it was not pulled anew: %v", err)
	}
}

func TestAPullThatNobodyWantsAnyMore(t *testing.T) {
	b := newBench(t, "")
	server, address := newRegistry(t)
	b.order.Template.Image = address + "/team/app:1"
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, auths(t, address, "pass"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.changes = func(o *Options) { o.Registries = file }
	agent := b.agent()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- agent.Open(b.at).Prepare(ctx, b.order) }()
	b.await("the pull", func() bool { return server.pulls.Load() > 0 })
	cancel()
	if err := <-done; err == nil {
		t.Error("a pull that was given up succeeded")
	}
	agent.Close() // returns once nothing goes on
	agent.pulls.mu.Lock()
	defer agent.pulls.mu.Unlock()
	if len(agent.pulls.now) != 0 {
		t.Errorf("%d pulls go on", len(agent.pulls.now))
	}
}
