package platform

import (
	"io"
	"net"
	"net/http"
	"testing"
)

func TestMetricsAreServedUntilTheEnd(t *testing.T) {
	probe, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := probe.Addr().String()
	if err := probe.Close(); err != nil {
		t.Fatal(err)
	}
	page, err := serveMetrics(t.Context(), address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "up 1\n") // the client would see it
	}))
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0, ""
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
	if status, body := get("/metrics"); status != http.StatusOK || body != "up 1\n" {
		t.Errorf("answered %d %q", status, body)
	}
	if status, _ := get("/other"); status != http.StatusNotFound {
		t.Errorf("another path answered %d", status)
	}
	if err := page.close(); err != nil {
		t.Error(err)
	}
	if status, _ := get("/metrics"); status != 0 {
		t.Errorf("answered %d after the end", status)
	}
}

func TestNoAddressServesNothing(t *testing.T) {
	page, err := serveMetrics(t.Context(), "", http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	if err := page.close(); err != nil {
		t.Error(err)
	}
}
