package follow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

const (
	busy = pipelinev1.RuntimeState_RUNNING
	done = pipelinev1.RuntimeState_SUCCEEDED
)

// script is a run service whose every watch goes as the next entry says.
type script struct {
	pipelinev1.UnimplementedRunServiceServer
	mu      sync.Mutex
	watches []func(send func(pipelinev1.RuntimeState)) error // guarded by mu
}

func (s *script) WatchRun(_ *pipelinev1.WatchRunRequest, stream pipelinev1.RunService_WatchRunServer) error {
	s.mu.Lock()
	next := s.watches[0]
	if len(s.watches) > 1 {
		s.watches = s.watches[1:]
	}
	s.mu.Unlock()
	var failed error
	err := next(func(state pipelinev1.RuntimeState) {
		failed = errors.Join(failed, stream.Send(&pipelinev1.Run{RunId: "r", DisplayName: "mine", State: state}))
	})
	return errors.Join(err, failed)
}

func (s *script) ListTasks(context.Context, *pipelinev1.ListTasksRequest) (*pipelinev1.ListTasksResponse, error) {
	return &pipelinev1.ListTasksResponse{Tasks: []*pipelinev1.Task{{
		Name: "train", Path: "train", Kind: pipelinev1.Task_KIND_CONTAINER,
		Detail: &pipelinev1.PipelineTaskDetail{TaskId: "t", State: busy, StartTime: timestamppb.New(now)},
	}}}, nil
}

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// trail is a view that remembers what it was told.
type trail struct {
	told   []string
	closed bool
}

func (v *trail) Show(s Snapshot) {
	v.told = append(v.told, fmt.Sprintf("%s %d", s.Run.GetState(), len(s.Tasks)))
}
func (v *trail) Tick()      {}
func (v *trail) Lost(error) { v.told = append(v.told, "lost") }
func (v *trail) Close()     { v.closed = true }

// follow follows a run of a scripted service.
func follow(ctx context.Context, t *testing.T, view View, watches ...func(func(pipelinev1.RuntimeState)) error) (Snapshot, error) {
	t.Helper()
	server := rpc.NewServer(slog.New(slog.DiscardHandler))
	pipelinev1.RegisterRunServiceServer(server, &script{watches: watches})
	mesh, err := rpc.NewInMemory(server)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := mesh.Serve(); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
	defer func() {
		server.Stop()
		if err := mesh.Close(); err != nil {
			t.Error(err)
		}
		serving.Wait()
	}()
	f := &Follower{Client: client.New(mesh), Frame: time.Millisecond, Pause: time.Millisecond, Patience: time.Minute}
	return f.Follow(ctx, "r", view)
}

func TestFollowToTheEnd(t *testing.T) {
	defer goleak.VerifyNone(t)
	view := &trail{}
	last, err := follow(t.Context(), t, view, func(send func(pipelinev1.RuntimeState)) error {
		send(busy)
		send(done)
		return nil
	})
	if err != nil || last.Run.GetState() != done || len(last.Tasks) != 1 {
		t.Errorf("ended with %v, %v", last, err)
	}
	if view.told[len(view.told)-1] != "SUCCEEDED 1" || !view.closed {
		t.Errorf("the view was told %v", view.told)
	}
}

// TestFollowRidesOutRestarts breaks the watch in every way a restart does.
func TestFollowRidesOutRestarts(t *testing.T) {
	defer goleak.VerifyNone(t)
	view := &trail{}
	last, err := follow(t.Context(), t, view,
		func(func(pipelinev1.RuntimeState)) error { return fault.Unavailablef("starting") }, // the connection may ride this out
		func(send func(pipelinev1.RuntimeState)) error { send(busy); return fault.Unavailablef("stopping") },
		func(send func(pipelinev1.RuntimeState)) error { send(busy); return nil }, // ended, although the run has not
		func(send func(pipelinev1.RuntimeState)) error { send(done); return nil },
	)
	if err != nil || last.Run.GetState() != done {
		t.Errorf("ended with %v, %v", last, err)
	}
	if got := strings.Count(strings.Join(view.told, ","), "lost"); got < 2 {
		t.Errorf("the view was told %v, want 2 losses at least", view.told)
	}
}

func TestFollowGivesUpOnWhatDoesNotPass(t *testing.T) {
	defer goleak.VerifyNone(t)
	view := &trail{}
	_, err := follow(t.Context(), t, view, func(func(pipelinev1.RuntimeState)) error { return fault.NotFoundf("no run r") })
	if !fault.Is(err, fault.NotFound) || !view.closed {
		t.Errorf("ended with %v", err)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := follow(ctx, t, &trail{}, func(send func(pipelinev1.RuntimeState)) error {
		send(busy)
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func screen(height int) (*Screen, *bytes.Buffer) {
	var out bytes.Buffer
	term := output.Captured(&out, &out, func() time.Time { return now })
	term.Live = true
	term.Size = func() (int, int) { return 60, height }
	return NewScreen(term), &out
}

func TestScreenDrawsOverItself(t *testing.T) {
	s, out := screen(24)
	s.Show(snapshot(3, busy))
	out.Reset()
	s.Tick()
	drawn := out.String()
	if !strings.HasPrefix(drawn, "\x1b[4A") || strings.Count(drawn, "\n") != 4 {
		t.Errorf("a headline and 3 tasks are drawn as %q", drawn)
	}
}

func TestScreenStaysWithinTheTerminal(t *testing.T) {
	s, out := screen(10)
	s.Show(snapshot(100, busy))
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"+clearBelow), "\n")
	if len(lines) >= 10 || !strings.Contains(lines[len(lines)-1], "… and 94 running") {
		t.Errorf("100 tasks are drawn as %q", lines)
	}
	for _, line := range lines {
		if text := strings.TrimPrefix(line, "\r"+clearLine); len([]rune(text)) > 60 {
			t.Errorf("line is wider than the terminal: %q", text)
		}
	}
}

func TestScreenLeavesTheTreeBehind(t *testing.T) {
	s, out := screen(24)
	s.Show(snapshot(2, done))
	out.Reset()
	s.Close()
	if text := out.String(); strings.Contains(text, "mine") || strings.Count(text, "✓") != 2 {
		t.Errorf("what is left is %q", text)
	}
}

func snapshot(tasks int, state pipelinev1.RuntimeState) Snapshot {
	s := Snapshot{Run: &pipelinev1.Run{RunId: "r", DisplayName: "mine", State: state, CreatedAt: timestamppb.New(now)}}
	for i := range tasks {
		s.Tasks = append(s.Tasks, &pipelinev1.Task{
			Name: fmt.Sprint("task-", i), Path: fmt.Sprint("task-", i), Kind: pipelinev1.Task_KIND_CONTAINER, Message: strings.Repeat("long ", 30),
			Detail: &pipelinev1.PipelineTaskDetail{TaskId: fmt.Sprint(i), State: state, StartTime: timestamppb.New(now)},
		})
	}
	return s
}

func TestLinesSayWhatIsNews(t *testing.T) {
	var out bytes.Buffer
	view := NewLines(output.Captured(&out, &out, func() time.Time { return now }))
	shown := snapshot(1, busy)
	task := shown.Tasks[0]
	for _, message := range []string{"installing numpy", "installing numpy (1 s)", "installing numpy (2 s)", ""} {
		task.Message = message
		view.Show(shown)
	}
	view.Lost(errors.New("gone"))
	view.Lost(errors.New("gone"))
	task.Detail.State, task.Detail.EndTime = done, timestamppb.New(now.Add(1500*time.Millisecond))
	view.Show(shown)
	const want = `12:00:00 run r RUNNING
12:00:00 task-0 RUNNING: installing numpy
12:00:00 task-0 RUNNING
12:00:00 server out of reach, trying again
12:00:00 server is back
12:00:00 task-0 SUCCEEDED in 1.50s
`
	if out.String() != want {
		t.Errorf("printed\n%s", out.String())
	}
}
