package container

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/client"

	"github.com/kfmesh/kfmesh/internal/pod"
	"github.com/kfmesh/kfmesh/internal/probe"
)

// Do implements pod.Host.
func (h *host) Do(a pod.Action, of pod.Container, within time.Duration) error {
	ctx, cancel := h.ctx, context.CancelFunc(func() {})
	if within > 0 {
		ctx, cancel = context.WithTimeout(ctx, within)
	}
	defer cancel()
	if len(a.Exec) > 0 {
		err := h.exec(ctx, a.Exec, engineName(of))
		if err != nil && h.ended(of) {
			return pod.ErrEnded
		}
		if ctx.Err() != nil && h.ctx.Err() == nil {
			err = fmt.Errorf("%s: %w", strings.Join(a.Exec, " "), probe.ErrTime)
		}
		return err
	}
	return probe.Ask(ctx, a, h.reach)
}

// ended reports whether a container has ended, or the agent has.
func (h *host) ended(c pod.Container) bool {
	found, err := h.inspect(engineName(c))
	return err != nil || !found.State.Running && !neverStarted(found.State)
}

// execPoll is how often it is looked whether a command has ended.
const execPoll = 20 * time.Millisecond

// exec runs a command in a container.
func (h *host) exec(ctx context.Context, command []string, name string) error {
	made, err := h.engine.ExecCreate(ctx, name, client.ExecCreateOptions{Cmd: command})
	if err != nil {
		return err
	}
	if _, err := h.engine.ExecStart(ctx, made.ID, client.ExecStartOptions{Detach: true}); err != nil {
		return err
	}
	for {
		found, err := h.engine.ExecInspect(ctx, made.ID, client.ExecInspectOptions{})
		switch {
		case ctx.Err() != nil:
			h.abandon(made.ID)
			return ctx.Err()
		case err != nil:
			return err
		case !found.Running && found.ExitCode != 0:
			return fmt.Errorf("%s: exit status %d", strings.Join(command, " "), found.ExitCode)
		case !found.Running:
			return nil
		}
		pause(ctx, execPoll)
	}
}

// abandon kills a command that has taken too long, where this agent may: engines have no
// call for that.
func (h *host) abandon(id string) {
	if h.ctx.Err() != nil {
		return
	}
	found, err := h.engine.ExecInspect(h.ctx, id, client.ExecInspectOptions{})
	if err != nil || !found.Running || found.PID <= 0 {
		return
	}
	if err := syscall.Kill(found.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		h.attempt.runtime.Log.DebugContext(h.ctx, "a probe that has taken too long runs on", "pod", h.claim.Name, "error", err)
	}
}

// reach is the host at which what an action asks for is found: where the pod has a network of its
// own, its address there.
func (h *host) reach(asked string) string {
	if h.claim.Pod.Network == "" || asked != "127.0.0.1" {
		return asked
	}
	found, err := h.inspect(h.claim.Pod.Network)
	if err != nil || found.NetworkSettings == nil {
		return asked
	}
	for _, network := range found.NetworkSettings.Networks {
		if network.IPAddress.IsValid() {
			return network.IPAddress.String()
		}
	}
	return asked
}
