package agent

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/up"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	meshv1 "github.com/kfmesh/kfmesh/gen/kfmesh/mesh/v1"
	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// patience is how long starting may take on a machine that is busy.
const patience = 2 * time.Minute

// output is what a process says.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// background runs something until the test ends or stop is called, and returns once
// it has said that it is ready.
func background(t *testing.T, run func(context.Context, io.Writer) error) (said string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	out, ended := &output{}, make(chan error, 1)
	go func() { ended <- run(ctx, out) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("ended with %v", err)
		}
	})
	for begun := time.Now(); !strings.Contains(out.String(), "ready"); <-time.After(5 * time.Millisecond) {
		if time.Since(begun) > patience {
			t.Fatalf("not ready; it said %q", out)
		}
		select {
		case err := <-ended:
			ended <- nil
			t.Fatalf("ended with %v", err)
		default:
		}
	}
	return out.String(), stop
}

// head runs a head with a door, and returns clients of it and the door's address.
func head(t *testing.T) (c *client.Client, door string) {
	t.Helper()
	cfg := up.DefaultConfig()
	cfg.DataDir = filepath.Join(t.TempDir(), "head")
	cfg.Agent.NodeName = "head"
	cfg.Gateway.HTTPAddr, cfg.Gateway.GRPCAddr, cfg.Door.MeshAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	said, _ := background(t, func(ctx context.Context, out io.Writer) error {
		return up.Run(ctx, up.Options{Config: cfg, Version: "v0.0.0-test", Out: out, Log: t.Output()})
	})
	address := func(what string) string {
		return regexp.MustCompile(`(?m)^ +` + what + ` +(\S+)`).FindStringSubmatch(said)[1]
	}
	mesh, err := rpc.NewDialed(map[string]string{"gpuagent": address("gRPC"), "mesh": address("gRPC")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mesh.Close() })
	return client.New(mesh), address("mesh")
}

// node waits until a head knows, or no longer knows, of a node.
func node(t *testing.T, c *client.Client, name string, there bool) {
	t.Helper()
	for begun := time.Now(); ; <-time.After(20 * time.Millisecond) {
		all, err := c.Nodes.ListNodes(t.Context(), &gpuagentv1.ListNodesRequest{})
		found := slices.ContainsFunc(all.GetNodes(), func(n *gpuagentv1.Node) bool { return n.GetMetadata().GetName() == name })
		if err == nil && found == there {
			return
		}
		if time.Since(begun) > patience {
			t.Fatalf("the head knows of %s: %v, %v", name, found, err)
		}
	}
}

func TestAMachineJoinsAndComesBack(t *testing.T) {
	c, door := head(t)
	made, err := c.Tokens.CreateToken(t.Context(), &meshv1.CreateTokenRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(made.GetAddresses(), door) {
		t.Errorf("the door is at %s, and machines are sent to %v", door, made.GetAddresses())
	}
	cfg := DefaultConfig()
	cfg.Agent.AgentDir, cfg.Agent.NodeName, cfg.Listen = filepath.Join(t.TempDir(), "agent"), "far", "127.0.0.1:0"
	run := func(ctx context.Context, out io.Writer) error {
		return Run(ctx, Options{Config: cfg, Version: "v0.0.0-test", Out: out, Log: t.Output()})
	}
	cfg.Mesh.Join, cfg.Mesh.Token = door, config.Secret(made.GetSecret())
	said, stop := background(t, run)
	if !strings.Contains(said, "far, of the mesh at "+door) {
		t.Errorf("it says\n%s", said)
	}
	node(t, c, "far", true)
	if err := run(t.Context(), io.Discard); !fault.Is(err, fault.Precondition) || !strings.Contains(err.Error(), cfg.Agent.AgentDir) {
		t.Errorf("a second agent of the directory: %v", err)
	}
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
	node(t, c, "far", false)

	cfg.Mesh.Join, cfg.Mesh.Token, cfg.Agent.NodeName = "", "", DefaultConfig().Agent.NodeName
	background(t, run)
	node(t, c, "far", true)

	cfg.Agent.AgentDir, cfg.Agent.NodeName = filepath.Join(t.TempDir(), "other"), "head"
	if made, err = c.Tokens.CreateToken(t.Context(), &meshv1.CreateTokenRequest{}); err != nil {
		t.Fatal(err)
	}
	cfg.Mesh.Join, cfg.Mesh.Token = door, config.Secret(made.GetSecret())
	if err := run(t.Context(), io.Discard); !fault.Is(err, fault.Precondition) || !strings.Contains(err.Error(), "another --node-name") {
		t.Errorf("the name of the head: %v", err)
	}
}
