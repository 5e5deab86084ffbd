package container

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/kfmesh/kfmesh/internal/pod"
	"github.com/kfmesh/kfmesh/internal/supervise"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// verdictPath is where it is said why a pod failed.
func verdictPath(journal string) string { return journal + ".verdict" }

// waitPod leads the life of a pod from where it is, and returns how it ended.
func (a *attempt) waitPod(ctx context.Context, e *engine, rec record) (runtime.Exit, error) {
	if rec.Stopped != nil {
		a.stopOnce.Do(func() { close(a.stopping) })
	}
	h := &host{attempt: a, engine: e, claim: *rec.Claim, taken: map[string]bool{}}
	living, end := context.WithCancel(ctx)
	defer h.wait.Wait()
	defer end()
	h.ctx = living
	if err := h.openNetwork(); err != nil && ctx.Err() == nil {
		return notStarted(err), nil
	}
	code := pod.Run(h, rec.Claim.Pod.Plan, h.stop())
	if ctx.Err() != nil {
		return runtime.Exit{}, ctx.Err()
	}
	h.closeNetwork()
	return h.exit(code), nil
}

// stop is closed when the pod is to end, and when the agent ends: then the life does too.
func (h *host) stop() <-chan struct{} {
	stop := make(chan struct{})
	h.wait.Go(func() {
		defer close(stop)
		select {
		case <-h.attempt.stopping:
		case <-h.ctx.Done():
		}
	})
	return stop
}

// host runs the containers of one attempt at a pod in an engine. Once its context has
// ended it does nothing any more, and all containers seem to have ended: so the life
// comes to its end, and the pod runs on.
type host struct {
	ctx     context.Context
	attempt *attempt
	engine  *engine
	claim   claim
	wait    sync.WaitGroup

	mu    sync.Mutex
	taken map[string]bool // guarded by mu; the containers that this life has begun or taken up, by their names in the engine
	lost  string          // guarded by mu; the container that somebody else has removed
}

var _ pod.Host = (*host)(nil)

// inspect asks how a container is until the engine answers. The error is of the
// context, or that there is none.
func (h *host) inspect(name string) (container.InspectResponse, error) {
	for {
		found, err := h.engine.ContainerInspect(h.ctx, name, client.ContainerInspectOptions{})
		switch {
		case h.ctx.Err() != nil:
			return found.Container, h.ctx.Err()
		case cerrdefs.IsNotFound(err), err == nil && found.Container.State != nil:
			return found.Container, err
		}
		pause(h.ctx, retryEvery)
	}
}

// Begun implements pod.Host.
func (h *host) Begun(c pod.Container) bool {
	found, err := h.inspect(engineName(c))
	return err == nil && !neverStarted(found.State)
}

// errGone is why nothing is started any more.
var errGone = errors.New("the agent ends")

// Start implements pod.Host.
func (h *host) Start(c pod.Container) (_ pod.Process, code int, why string) {
	name := engineName(c)
	found, err := h.inspect(name)
	switch {
	case h.ctx.Err() != nil:
		return nil, codeNotExecutable, errGone.Error()
	case err != nil:
		h.lose(name)
		return nil, codeNotExecutable, fmt.Sprintf("its container %s is gone, removed by somebody else", name)
	}
	again := h.take(name)
	never := neverStarted(found.State)
	if never && !h.attempt.fresh && h.settles(name) {
		never = false
	}
	m := &contained{host: h, of: c, name: name, ended: make(chan struct{}), copy: h.log(c, never)}
	m.sub = newAttempt(h.attempt.runtime, h.attempt.journal)
	switch {
	case never && found.State.Error != "":
		return nil, codeNotExecutable, found.State.Error
	case never, again && !found.State.Running:
		if err := h.start(name); err != nil {
			return nil, codeNotExecutable, err.Error()
		}
	}
	h.wait.Go(m.follow)
	return m, 0, ""
}

// settles waits for as long as a request of another agent to start a container may be on its
// way, and reports whether it has come.
func (h *host) settles(name string) bool {
	for until := time.Now().Add(settle); time.Now().Before(until) && pause(h.ctx, settlePoll); {
		if found, err := h.inspect(name); err != nil || !neverStarted(found.State) {
			return true // whoever follows it sees what it is
		}
	}
	return false
}

// start has the engine start a container, unless the pod is to stop.
func (h *host) start(name string) error {
	h.attempt.starting.Lock()
	defer h.attempt.starting.Unlock()
	if rec, _, err := h.attempt.load(); err != nil || rec.Stopped != nil {
		return errors.Join(err, errors.New("the pod is to stop"))
	}
	return h.engine.start(h.ctx, name)
}

// take notes that this life has a container, and reports whether it had it before.
func (h *host) take(name string) (again bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	again = h.taken[name]
	h.taken[name] = true
	return again
}

func (h *host) lose(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lost = name
}

// log is where what a container writes goes: to the log of the replica if it is the one that counts or
// comes before, and otherwise to one of its own.
func (h *host) log(c pod.Container, never bool) *logCopy {
	name := engineName(c)
	made := &logCopy{engine: h.engine, name: name, log: h.claim.Log, logger: h.attempt.runtime.Log}
	if offset, own := h.claim.Pod.Offsets[c.Name]; own && !h.inline(name) {
		made.log, made.offset = companionLog(h.claim.Log, c.Name), offset
		return made
	}
	rec, _, err := h.attempt.load()
	if err != nil {
		made.over = true
		return made
	}
	at := slices.IndexFunc(rec.Writers, func(w writer) bool { return w.Name == name })
	switch {
	case at >= 0:
		made.offset, made.over = rec.Writers[at].Offset, at < len(rec.Writers)-1
	case never:
		made.offset = size(h.claim.Log)
		made.over = h.note(record{Writers: []writer{{Name: name, Offset: made.offset}}}) != nil
	}
	return made
}

// inline reports whether a container is an init container that ends before the next begins.
func (h *host) inline(name string) bool {
	return slices.ContainsFunc(h.claim.Pod.Plan.Init, func(c pod.Container) bool { return engineName(c) == name && c.Restart != pod.Always })
}

func (h *host) note(r record) error {
	if h.ctx.Err() != nil {
		return h.ctx.Err()
	}
	return note(h.attempt.journal, r)
}

// Ready implements pod.Host.
func (h *host) Ready(c pod.Container, ready bool) {
	if engineName(c) == h.claim.Name {
		h.attempt.ready.Store(ready)
	}
}

// Say implements pod.Host.
func (h *host) Say(container, sentence string) {
	if h.ctx.Err() == nil {
		h.attempt.runtime.Log.InfoContext(h.ctx, "a container of a pod", "pod", h.claim.Name, "container", container, "says", sentence)
	}
}

// Judge implements pod.Host.
func (h *host) Judge(v pod.Verdict) error {
	if h.ctx.Err() != nil {
		return h.ctx.Err()
	}
	return pod.WriteVerdict(verdictPath(h.attempt.journal), v)
}

// exit is how the pod ended, whose life has ended with a status.
func (h *host) exit(code int) runtime.Exit {
	rec, _, err := h.attempt.load()
	if err != nil {
		return lost("how it ended cannot be read: %v", err)
	}
	main, err := h.inspect(h.claim.Name)
	if err != nil || h.lost != "" {
		return lost("its container %s is gone, removed by somebody else, so how it ended is not known", orName(h.lost, h.claim.Name))
	}
	if neverStarted(main.State) { // an init container was the last
		main.State.FinishedAt, main.State.OOMKilled = time.Now().Format(time.RFC3339Nano), false
	}
	main.State.ExitCode = code
	exit := exitOf(main, rec)
	for _, name := range append([]string{""}, h.inlineNames()...) {
		if end := h.attempt.end(h.ctx, name); end != nil && (name == "" || end.Cause != supervise.Unstarted) {
			exit = cut(exit, end)
		}
	}
	return judged(exit, verdictPath(h.attempt.journal))
}

func orName(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return name
}

func (h *host) inlineNames() []string {
	var names []string
	for _, c := range h.claim.Pod.Plan.Init {
		if c.Restart != pod.Always {
			names = append(names, c.Name)
		}
	}
	return names
}

// judged says of a pod that failed why that was.
func judged(exit runtime.Exit, path string) runtime.Exit {
	if exit.Cause != runtime.Ended {
		return exit
	}
	verdict, err := pod.ReadVerdict(path)
	if errors.Is(err, fs.ErrNotExist) {
		return exit
	}
	if exit.Code == 0 { // the agent was killed between the verdict and the end
		exit.Code = pod.CodeStopped
	}
	exit.Cause, exit.Reason, exit.Message = runtime.Failed, verdict.Reason, verdict.Message
	if err != nil {
		exit.Reason, exit.Message = runtime.ReasonStart, fmt.Sprintf("why it failed cannot be read from %s: %v", filepath.Base(path), err)
	}
	return exit
}

// openNetwork has the container run that holds the network of the pod, if it has one of its own.
func (h *host) openNetwork() error {
	if h.claim.Pod.Network == "" {
		return nil
	}
	found, err := h.inspect(h.claim.Pod.Network)
	if err != nil || !neverStarted(found.State) {
		return err
	}
	return h.start(h.claim.Pod.Network)
}

func (h *host) closeNetwork() {
	if h.claim.Pod.Network == "" {
		return
	}
	if err := h.engine.stop(h.ctx, h.claim.Pod.Network, 0); err != nil {
		h.attempt.runtime.Log.WarnContext(h.ctx, "the container that holds a pod's network runs on", "container", h.claim.Pod.Network, "error", err)
	}
}
