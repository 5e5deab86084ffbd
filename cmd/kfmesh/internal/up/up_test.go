package up

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// startTime is how long starting may take on a machine that is busy.
const startTime = 60 * time.Second

// announcement is an output that tells when everything has been said.
type announcement struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
	said chan struct{}
}

func (a *announcement) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, err := a.text.Write(p)
	if strings.Contains(a.text.String(), "ready in") {
		close(a.said)
	}
	return n, err
}

func local(t *testing.T) Config {
	t.Helper()
	cfg := DefaultConfig()
	cfg.DataDir = filepath.Join(t.TempDir(), "data")
	cfg.Gateway.HTTPAddr, cfg.Gateway.GRPCAddr = "127.0.0.1:0", "127.0.0.1:0"
	return cfg
}

// serve runs everything until the test ends, and returns what was announced.
func serve(t *testing.T, cfg Config) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out := &announcement{said: make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, Options{Config: cfg, Version: "v0.0.0-test", Out: out, Log: io.Discard}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
	select {
	case <-out.said:
	case err := <-ended:
		ended <- nil
		t.Fatalf("ended with %v", err)
	case <-time.After(startTime):
		t.Fatalf("not ready within %s", startTime)
	}
	return out.text.String()
}

func TestUpServesWhatItSays(t *testing.T) {
	cfg := local(t)
	said := serve(t, cfg)
	for _, text := range []string{"v0.0.0-test", "http://127.0.0.1:", cfg.DataDir} {
		if !strings.Contains(said, text) {
			t.Errorf("announcement lacks %q:\n%s", text, said)
		}
	}
	address := regexp.MustCompile(`gRPC\s+(\S+)`).FindStringSubmatch(said)[1]
	if err := client.Probe(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	mesh, err := rpc.NewDialed(map[string]string{"pipeline": address, "metadata": address, "gpuagent": address})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := mesh.Close(); err != nil {
			t.Error(err)
		}
	}()
	runs, err := client.New(mesh).Runs.ListRuns(t.Context(), &pipelinev1.ListRunsRequest{})
	if err != nil || len(runs.GetRuns()) != 0 {
		t.Errorf("a new kfmesh lists %v, %v", runs, err)
	}
	_, err = client.New(mesh).Runs.GetRun(t.Context(), &pipelinev1.GetRunRequest{RunId: "none"})
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("a run that does not exist gives %v", err)
	}

	t.Run("alone on its data directory", func(t *testing.T) {
		second := local(t)
		second.DataDir = cfg.DataDir
		err := Run(t.Context(), Options{Config: second, Out: io.Discard, Log: io.Discard})
		if !fault.Is(err, fault.Precondition) || !strings.Contains(err.Error(), cfg.DataDir) {
			t.Errorf("a second instance gives %v", err)
		}
	})
	t.Run("alone on its ports", func(t *testing.T) {
		second := local(t)
		second.Gateway.GRPCAddr = address
		err := Run(t.Context(), Options{Config: second, Out: io.Discard, Log: io.Discard})
		if err == nil || !strings.Contains(err.Error(), address) {
			t.Errorf("a second instance gives %v", err)
		}
	})
}

func TestConfig(t *testing.T) {
	tests := []struct {
		name string
		args []string
		env  []string
		says string // of the refusal; empty when it is taken
		dir  string
	}{
		{name: "flag", args: []string{"--data-dir=/a"}, env: []string{"KFMESH_DATA_DIR=/b"}, dir: "/a"},
		{name: "variable", env: []string{"KFMESH_DATA_DIR=/b"}, dir: "/b"},
		{name: "empty", args: []string{"--data-dir="}, says: "data-dir"},
		{name: "address", args: []string{"--http-addr=nonsense"}, says: "http-addr"},
		{name: "level", args: []string{"--log-level=loud"}, says: "log-level"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := DefaultConfig()
			flags := pflag.NewFlagSet("up", pflag.ContinueOnError)
			config.Bind(flags, &cfg)
			if err := flags.Parse(tt.args); err != nil {
				t.Fatal(err)
			}
			err := config.Load(flags, &cfg, tt.env)
			switch {
			case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)):
				t.Errorf("gives %v, want %q", err, tt.says)
			case tt.says == "" && (err != nil || cfg.DataDir != tt.dir):
				t.Errorf("data directory is %q, %v", cfg.DataDir, err)
			}
		})
	}
}

func TestAgentLivesInTheDataDirectory(t *testing.T) {
	cfg := DefaultConfig()
	cfg.DataDir = "relative"
	resolved, err := cfg.resolved()
	if err != nil || !filepath.IsAbs(resolved.DataDir) || resolved.Agent.AgentDir != filepath.Join(resolved.DataDir, "agent") {
		t.Errorf("resolved to %q and %q, %v", resolved.DataDir, resolved.Agent.AgentDir, err)
	}
}
