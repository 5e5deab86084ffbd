package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/kfmesh/kfmesh/internal/pod"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func answers(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-A") != "b" || r.Host != "named" {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	switch r.URL.Path {
	case "/moved":
		http.Redirect(w, r, "/nowhere", http.StatusFound)
	case "/slow":
		<-r.Context().Done()
	case "/bad":
		w.WriteHeader(http.StatusInternalServerError)
	case "/query":
		if r.URL.RawQuery != "x=1" {
			w.WriteHeader(http.StatusBadRequest)
		}
	}
}

func TestGet(t *testing.T) {
	plain, encrypted := httptest.NewServer(http.HandlerFunc(answers)), httptest.NewTLSServer(http.HandlerFunc(answers))
	defer plain.Close()
	defer encrypted.Close()
	for _, tls := range []bool{false, true} {
		address := plain.Listener.Addr().String()
		if tls {
			address = encrypted.Listener.Addr().String()
		}
		for path, want := range map[string]string{
			"/": "", "x": "", "/moved": "", "/query?x=1": "", "/bad": "GET /bad: status 500", "/slow": ErrTime.Error(),
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			if want == "" || strings.Contains(want, "status") {
				ctx, cancel = context.WithTimeout(t.Context(), 20*time.Second)
			}
			err := Ask(ctx, pod.Action{HTTP: &pod.Get{Address: address, TLS: tls, Path: path, Headers: map[string]string{"X-A": "b", "host": "named"}}}, nil)
			cancel()
			if (err == nil) != (want == "") || err != nil && err.Error() != want {
				t.Errorf("tls %t, %s: %v, want %q", tls, path, err, want)
			}
		}
	}
	err := Ask(t.Context(), pod.Action{HTTP: &pod.Get{Address: plain.Listener.Addr().String(), TLS: true, Path: "/"}}, nil)
	if err == nil {
		t.Error("a server without TLS passed for one with it")
	}
}

func TestHealth(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, state := grpc.NewServer(), health.NewServer()
	healthv1.RegisterHealthServer(server, state)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	state.SetServingStatus("down", healthv1.HealthCheckResponse_NOT_SERVING)
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	for service, want := range map[string]string{"": "", "down": "says NOT_SERVING", "unknown": "unknown service"} {
		err := Ask(t.Context(), pod.Action{GRPC: &pod.Health{Address: "elsewhere:" + port, Service: service}}, func(string) string { return "127.0.0.1" })
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", service, err, want)
		}
	}
}

func TestConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := Ask(t.Context(), pod.Action{TCP: address}, nil); err != nil {
		t.Error(err)
	}
	_ = listener.Close()
	if err := Ask(t.Context(), pod.Action{TCP: address}, nil); err == nil {
		t.Error("nothing listens")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := Ask(ctx, pod.Action{Sleep: time.Hour}, nil); !errors.Is(err, ErrTime) {
		t.Errorf("error %v", err)
	}
}

func TestProgram(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	action, err := json.Marshal(pod.Action{HTTP: &pod.Get{Address: server.Listener.Addr().String(), TLS: true, Path: "/x"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{string(action)}, 1, "GET /x: status 404\n"},
		{[]string{`{"Sleep":1}`}, 0, ""},
		{nil, 2, "kfmesh-probe wants an action, as JSON\n"},
		{[]string{"{"}, 2, "kfmesh-probe cannot read its action: unexpected end of JSON input\n"},
	} {
		var out bytes.Buffer
		if code := Main(tt.args, &out); code != tt.code || out.String() != tt.says {
			t.Errorf("%v: %d, %q", tt.args, code, out.String())
		}
	}
}
