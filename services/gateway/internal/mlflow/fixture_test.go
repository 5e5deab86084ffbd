package mlflow

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// fixture is the API before services that are fakes, reached as the real ones are.
type fixture struct {
	handler  http.Handler
	bucket   *blob.Bucket
	tracking *fakeTracking
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{tracking: &fakeTracking{}}
	log := slog.New(slog.DiscardHandler)
	server := rpc.NewServer(log)
	mesh, err := rpc.NewInMemory(server)
	if err != nil {
		t.Fatal(err)
	}
	metadatav1.RegisterTrackingServiceServer(server, f.tracking)
	served := make(chan error, 1)
	go func() { served <- mesh.Serve() }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Errorf("the services ended with %v", err)
		}
	})
	if f.bucket, err = blob.Open(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	f.handler = Wrap(http.NotFoundHandler(), Deps{
		Tracking: metadatav1.NewTrackingServiceClient(mesh.Conn("metadata")),
		Bucket:   f.bucket,
		Log:      log,
	})
	return f
}

// send sends a request and returns its status and what was answered. The headers
// are pairs of a name and a value.
func (f *fixture) send(t *testing.T, method, target, body string, headers ...string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	content, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(content)
}

// fakeTracking answers every call with what answer makes of it.
type fakeTracking struct {
	metadatav1.UnimplementedTrackingServiceServer
	mu     sync.Mutex
	seen   []proto.Message                            // guarded by mu; the requests
	answer func(proto.Message) (proto.Message, error) // set before the first call; nil answers with nothing
	breaks error                                      // set before the first call; what ends a stream after its first piece
}

// last returns the last request.
func (f *fakeTracking) last() proto.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.seen) == 0 {
		return nil
	}
	return f.seen[len(f.seen)-1]
}

// answered notes a request and answers it.
func answered[T any, P interface {
	*T
	proto.Message
}](f *fakeTracking, request proto.Message) (P, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen[:0], request) // the last is all that tests look at
	if f.answer == nil {
		return new(T), nil
	}
	m, err := f.answer(request)
	if err != nil {
		return nil, err
	}
	if got, ok := m.(P); ok {
		return got, nil
	}
	return new(T), nil
}
