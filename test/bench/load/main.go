// Command track-load sends an MLflow server one kind of request again and again,
// from clients that keep their connections, and prints what came of it as JSON. It
// costs little next to what it measures: bodies are built by appending to a buffer
// and answers are read and dropped. What it can send at most, to a server that does
// nothing, is what it prints for the kind "ceiling".
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "track-load:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run() error {
	url := flag.String("url", "http://127.0.0.1:8080", "where the server is")
	kind := flag.String("kind", "log-metric", "what to send: "+kinds())
	experiment := flag.String("experiment", "0", "experiment to create runs and search in")
	subject := flag.String("run", "", "run to read; what logs makes a run for each client")
	clients := flag.Int("clients", 1, "how many clients")
	count := flag.Int("count", 0, "how many requests in all; 0 means as many as there is time for")
	lasts := flag.Duration("for", 3*time.Second, "how long to send, where no count is given")
	size := flag.Int("size", 0, "points of a batch, runs of a page, or bytes of an artifact")
	flag.Parse()

	if *kind == "ceiling" {
		idle := httptest.NewServer(http.HandlerFunc(idleServer))
		defer idle.Close()
		*url, *kind = idle.URL, "log-metric"
	}
	target := &target{base: *url, experiment: *experiment, run: *subject, size: *size}
	found, err := drive(target, *kind, *clients, *count, *lasts)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

// idleServer answers every request at once, with what a run's creation needs.
func idleServer(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"run":{"info":{"run_id":"0"}}}`)
}
