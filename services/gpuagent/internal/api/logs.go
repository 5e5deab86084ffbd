package api

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/engine"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/logfile"
)

// Logs implements WorkloadService.
func (s *workloads) Logs(r *gpuagentv1.LogsRequest, stream grpc.ServerStreamingServer[gpuagentv1.LogChunk]) error {
	if r.GetContainer() != "" && !label.MatchString(r.GetContainer()) {
		return fault.Invalidf("container", "%q is no name of a container", r.GetContainer())
	}
	reader := &logReader{engine: s.engine, request: r, out: &sender{stream: stream}, cursors: map[string]*logfile.Cursor{}}
	if r.GetFollow() {
		return reader.follow(stream.Context())
	}
	_, err := reader.pass(stream.Context())
	return err
}

// logReader reads the logs that a request is for.
type logReader struct {
	engine  *engine.Engine
	request *gpuagentv1.LogsRequest
	out     *sender

	run     string                     // whose logs were read last
	cursors map[string]*logfile.Cursor // how far, by the names of replicas
	behind  map[string]bool            // whose cursors are still of an earlier run
}

// follow sends what is written until the workload has ended: in all its epochs, and by
// replicas that join it.
func (r *logReader) follow(ctx context.Context) error {
	for first := true; ; first = false {
		if err := r.engine.AwaitPlaced(ctx, r.request.GetNamespace(), r.request.GetName()); err != nil {
			return err
		}
		live, err := r.pass(ctx)
		if fault.Is(err, fault.NotFound) && !first { // it was deleted, and had written nothing
			return nil
		}
		if err != nil || !live {
			return err
		}
	}
}

// pass reads the logs as they are found: to their ends, or as long as nothing changes of
// where the workload is. It reports whether the workload was live.
func (r *logReader) pass(ctx context.Context) (live bool, err error) {
	logs, err := r.engine.Logs(ctx, r.request.GetNamespace(), r.request.GetName(), r.request.GetContainer())
	if err != nil {
		return false, err
	}
	defer logs.Close()
	files, err := logs.Select(r.request.GetGroup(), r.request.GetIndex())
	if err != nil {
		return false, err
	}
	r.turnTo(logs)
	if r.request.GetFollow() && logs.Live() {
		return true, r.followAll(ctx, logs, files)
	}
	for _, f := range files {
		if r.behind[f.Name()] {
			if _, err := r.catchUp(ctx, logs, f, r.cursor(f), nil); err != nil {
				return false, err
			}
		}
		if err := r.copy(ctx, f); err != nil {
			return false, err
		}
	}
	return false, nil
}

// turnTo notes whether the cursors are those of the workload's present epoch.
func (r *logReader) turnTo(logs *engine.Logs) {
	was := r.run
	if r.run = logs.Run(); was == "" || r.run == "" || was == r.run {
		return
	}
	r.behind = map[string]bool{}
	for name := range r.cursors {
		r.behind[name] = true
	}
}

// catchUp has a cursor be that of the present epoch, whose log begins with what was kept
// of those before: that is not sent again, and all of what comes after it is. It returns
// false if the workload is moved before it is known how much that is.
func (r *logReader) catchUp(ctx context.Context, logs *engine.Logs, f engine.Log, c *logfile.Cursor, moved <-chan struct{}) (bool, error) {
	kept, ok, err := logs.Begun(ctx, f, moved)
	if ok && (c.At < 0 || c.At > kept) {
		c.At = kept
	}
	return ok, err
}

// cursor is how far a log was read. Only one goroutine at a time asks.
func (r *logReader) cursor(f engine.Log) *logfile.Cursor {
	c := r.cursors[f.Name()]
	if c == nil {
		c = logfile.Begin(r.request.GetTailLines())
		r.cursors[f.Name()] = c
	}
	return c
}

// copy sends what was written so far and was not sent.
func (r *logReader) copy(ctx context.Context, f engine.Log) error {
	_, followed := r.cursors[f.Name()]
	c := r.cursor(f)
	switch {
	case f.Node != "":
		return r.relay(ctx, f, c, false)
	case followed && c.At < 0: // by another node, to its end
		return nil
	}
	return c.Copy(f.Path, r.out.from(f))
}

// followAll follows all files until the workload has moved and everything was sent.
func (r *logReader) followAll(ctx context.Context, logs *engine.Logs, files []engine.Log) error {
	moved := make(chan struct{})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(moved)
		return logs.WaitMoved(ctx)
	})
	caught := make([]bool, len(files))
	defer func() {
		for i, f := range files {
			if caught[i] {
				delete(r.behind, f.Name())
			}
		}
	}()
	for i, f := range files {
		c, behind := r.cursor(f), r.behind[f.Name()]
		group.Go(func() (err error) {
			if caught[i] = !behind; behind {
				if caught[i], err = r.catchUp(ctx, logs, f, c, moved); err != nil || !caught[i] {
					return err
				}
			}
			if f.Node != "" {
				return r.relayUntil(ctx, f, c, moved)
			}
			return c.Follow(ctx, f.Path, moved, r.out.from(f))
		})
	}
	return group.Wait()
}

// Pauses of relays.
const (
	relayAgain = 500 * time.Millisecond // after an agent could not be asked
	relayRest  = 2 * time.Second        // for an agent to send the rest when its workload has moved
)

// relayUntil follows what the agent of another node has until the workload has moved. An
// agent that does not answer may do so again, or its node be held for lost.
func (r *logReader) relayUntil(ctx context.Context, f engine.Log, c *logfile.Cursor, moved <-chan struct{}) error {
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // which ends with following
		select {
		case <-moved:
			select {
			case <-time.After(relayRest):
			case <-following.Done():
			}
			cancel()
		case <-following.Done():
		}
	}()
	for {
		err := r.relay(following, f, c, true)
		if ctx.Err() != nil {
			return err
		}
		pause := time.After(relayAgain)
		if err == nil { // its end is about to be known here
			pause = nil
		}
		select {
		case <-moved:
			return nil
		case <-following.Done():
			return nil
		case <-pause:
		}
	}
}

// relay sends what the agent of another node has, but for what was sent.
func (r *logReader) relay(ctx context.Context, f engine.Log, c *logfile.Cursor, follow bool) error {
	agent, err := r.engine.AgentOf(f.Node)
	if err != nil {
		return err
	}
	ask := &gpuagentv1.LogsRequest{Namespace: r.request.GetNamespace(), Name: r.request.GetName(), Group: f.Group, Index: f.Index, Follow: follow, Container: f.Companion}
	if c.At < 0 {
		ask.TailLines = c.Lines
	}
	stream, err := agent.Logs(ctx, ask)
	if err != nil {
		return err
	}
	send, skip := r.out.from(f), max(0, c.At)
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		data := chunk.GetData()
		passed := min(skip, int64(len(data)))
		data, skip = data[passed:], skip-passed
		if ask.GetTailLines() == 0 {
			c.At = max(0, c.At) + int64(len(data))
		}
		if len(data) == 0 {
			continue
		}
		if err := send(data); err != nil {
			return err
		}
	}
}

// sender sends chunks of several replicas on one stream.
type sender struct {
	mu     sync.Mutex
	stream grpc.ServerStreamingServer[gpuagentv1.LogChunk] // guarded by mu: one Send at a time
}

// from returns what sends the output of one replica.
func (s *sender) from(f engine.Log) func([]byte) error {
	return func(data []byte) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.stream.Send(&gpuagentv1.LogChunk{Group: f.Group, Index: f.Index, Data: data})
	}
}
