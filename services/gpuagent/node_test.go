package gpuagent_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/internal/rpc/rpctest"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent"
)

// patience is how long a test waits for anything.
const patience = 30 * time.Second

// supervisor is the supervisor as it is shipped.
var supervisor string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "gpuagent")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	supervisor = filepath.Join(dir, "kfmesh-supervisor")
	build := exec.Command("go", "build", "-o", supervisor, "../../cmd/kfmesh-supervisor")
	if out, err := build.CombinedOutput(); err != nil {
		panic(string(out))
	}
	status := m.Run()
	if err := goleak.Find(); err != nil && status == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return status
}

// node is what outlives an agent: the store, the objects and the disk.
type node struct {
	t     testing.TB
	dir   string
	store store.Backend
	bus   event.Bus
	blob  *blob.Bucket
	uv    string // for the agent to use; empty: whatever there is

	name   string   // of the node
	joins  *cluster // what it joins; nil: it is a head
	head   grpc.ClientConnInterface
	agents gpuagent.Agents // of nodes that join it

	configure func(*gpuagent.Config) // changes what the next agent is configured as
}

func newNode(t testing.TB) *node {
	t.Helper()
	dir := t.TempDir()
	bucket, err := blob.Open(t.Context(), filepath.Join(dir, "blob"))
	if err != nil {
		t.Fatal(err)
	}
	return &node{t: t, dir: dir, store: store.NewMemory(), bus: &recorder{Bus: event.NewMemory()}, blob: bucket, name: "n1", configure: func(*gpuagent.Config) {}}
}

// agent is one agent's time on a node.
type agent struct {
	gpuagentv1.WorkloadServiceClient
	nodes      gpuagentv1.NodeServiceClient
	secrets    gpuagentv1.SecretServiceClient
	configMaps gpuagentv1.ConfigMapServiceClient
	volumes    gpuagentv1.VolumeServiceClient
	queues     gpuagentv1.QueueServiceClient
	priorities gpuagentv1.PriorityClassServiceClient
	t          testing.TB
	end        func()
}

// start runs an agent until the test or end ends it. What it ran runs on.
func (n *node) start() *agent {
	n.t.Helper()
	cfg := gpuagent.DefaultConfig()
	cfg.AgentDir, cfg.NodeName, cfg.Supervisor = filepath.Join(n.dir, "agent"), n.name, supervisor
	cfg.UV, cfg.Runtime = n.uv, "process"
	n.configure(&cfg)
	log := slog.New(slog.NewTextHandler(n.t.Output(), nil))
	module, err := n.module(cfg, app.Deps{Store: n.store, Bus: n.bus, Blob: n.blob, Log: log, Version: "test"})
	if err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- module.Run(ctx) }()
	var mesh rpc.Mesh = rpctest.Serve(n.t, func(server grpc.ServiceRegistrar) { module.Register(server) })
	if n.joins != nil {
		n.joins.reach(n.name, mesh)
	}
	a := &agent{
		WorkloadServiceClient: gpuagentv1.NewWorkloadServiceClient(mesh.Conn("gpuagent")),
		nodes:                 gpuagentv1.NewNodeServiceClient(mesh.Conn("gpuagent")),
		secrets:               gpuagentv1.NewSecretServiceClient(mesh.Conn("gpuagent")),
		configMaps:            gpuagentv1.NewConfigMapServiceClient(mesh.Conn("gpuagent")),
		volumes:               gpuagentv1.NewVolumeServiceClient(mesh.Conn("gpuagent")),
		queues:                gpuagentv1.NewQueueServiceClient(mesh.Conn("gpuagent")),
		priorities:            gpuagentv1.NewPriorityClassServiceClient(mesh.Conn("gpuagent")),
		t:                     n.t,
	}
	ended := false
	a.end = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := <-done; err != nil {
			n.t.Errorf("agent ended with %v", err)
		}
	}
	n.t.Cleanup(a.end)
	eventually(n.t, "agent ready", func() bool { return module.Ready(ctx) == nil })
	return a
}

// module makes the agent in the role of the node.
func (n *node) module(cfg gpuagent.Config, deps app.Deps) (app.Module, error) {
	if n.joins != nil {
		return gpuagent.NewJoined(cfg, deps, gpuagent.Membership{Address: n.name + ":1", Head: n.head})
	}
	head, err := gpuagent.NewHead(cfg, deps, n.agents)
	if c, ok := n.agents.(*cluster); ok && err == nil {
		c.open(head)
	}
	return head, err
}

// eventually polls until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !holds(); {
		if time.Now().After(until) {
			t.Fatalf("never happened: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// shell is a workload of one replica that runs a script.
func shell(name, script string) *gpuagentv1.Workload {
	return &gpuagentv1.Workload{
		Metadata: &metav1.ObjectMeta{Name: name},
		Spec: &gpuagentv1.WorkloadSpec{
			GracePeriod: durationpb.New(5 * time.Second),
			Groups: []*gpuagentv1.ReplicaGroup{{
				Name: "main", Template: &gpuagentv1.Template{Command: []string{"sh", "-c", script}},
			}},
		},
	}
}

func (a *agent) submit(w *gpuagentv1.Workload) *gpuagentv1.Workload {
	a.t.Helper()
	created, err := a.SubmitWorkload(a.t.Context(), &gpuagentv1.SubmitWorkloadRequest{Workload: w})
	if err != nil {
		a.t.Fatalf("submit %s: %v", w.GetMetadata().GetName(), err)
	}
	return created
}

func (a *agent) get(name string) *gpuagentv1.Workload {
	a.t.Helper()
	w, err := a.GetWorkload(a.t.Context(), &gpuagentv1.GetWorkloadRequest{Name: name})
	if err != nil {
		a.t.Fatal(err)
	}
	return w
}

// await watches a workload until the condition holds.
func (a *agent) await(name string, holds func(*gpuagentv1.WorkloadStatus) bool) *gpuagentv1.Workload {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, err := a.WatchWorkloads(ctx, &gpuagentv1.WatchWorkloadsRequest{Name: name})
	if err != nil {
		a.t.Fatal(err)
	}
	var last *gpuagentv1.Workload
	for {
		e, err := stream.Recv()
		if err != nil {
			a.t.Fatalf("watch %s: %v; last status %v", name, err, last.GetStatus())
		}
		if last = e.GetWorkload(); last != nil && holds(last.GetStatus()) {
			return last
		}
	}
}

func inPhase(phase gpuagentv1.Phase) func(*gpuagentv1.WorkloadStatus) bool {
	return func(s *gpuagentv1.WorkloadStatus) bool { return s.GetPhase() == phase }
}

// awaitEnd returns a workload's status once it has ended.
func (a *agent) awaitEnd(name string) *gpuagentv1.WorkloadStatus {
	a.t.Helper()
	return a.await(name, func(s *gpuagentv1.WorkloadStatus) bool { return s.GetPhase() >= gpuagentv1.Phase_PHASE_SUCCEEDED }).GetStatus()
}

// logs reads all that Logs sends.
func (a *agent) logs(r *gpuagentv1.LogsRequest) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, err := a.Logs(ctx, r)
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return text.String(), nil
		}
		if err != nil {
			return text.String(), err
		}
		text.Write(chunk.GetData())
	}
}

// awaitFile waits for a file that a workload writes, and returns its content.
func awaitFile(t testing.TB, path string) string {
	t.Helper()
	var data []byte
	eventually(t, path, func() bool {
		var err error
		data, err = os.ReadFile(path)
		return err == nil && len(data) > 0
	})
	return string(data)
}
