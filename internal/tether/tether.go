// Package tether runs the command of a container on a tether: it ends with a lease, and at
// its deadline, whatever becomes of the agent that started it and of the engine that runs it.
//
// A container engine knows neither leases nor deadlines, and a watchman outside the
// container can be killed, or find an engine that does not answer. So the watch is in the
// container: this program is bind-mounted into it and started in the command's place, as
//
//	kfmesh-supervisor tether PLAN COMMAND [ARG ...]
//
// where PLAN is a Plan as JSON. It is process 1 there, starts the command as its child,
// passes signals on, reaps what the command leaves behind, and ends with the command's exit
// status. When process 1 of a container ends, the kernel kills everything in it.
//
//   - A lease that has ended kills the container at once, and one that has ended before
//     the command starts lets nothing start: so an engine may serve a request to start as late
//     as it likes.
//   - A deadline that has passed sends SIGTERM, and ends the container when grace is over.
//   - Plan.End tells why, for whoever reads how the container ended.
//
// The lease is told by the clock that counts from the machine's start. An engine that runs
// containers in a machine of their own has another such clock, so the command is not started where
// the kernel is not the one that the lease was written under.
//
// Like package supervise it uses the standard library and x/sys only, and not package net:
// it is in the container for as long as the command is.
package tether

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/kfmesh/kfmesh/internal/supervise"
)

// Verb is the argument by which the program knows what to do.
const Verb = "tether"

// PauseVerb is the argument by which it does nothing until it is told to end: in a
// container that holds what those of a pod share.
const PauseVerb = "pause"

// Pause waits for SIGTERM or SIGINT.
func Pause() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, syscall.SIGINT)
	<-told
}

// Plan says what the command's life is tied to. Its paths are those in the container.
type Plan struct {
	// Lease, when set, is the path of a supervise.Lease, and Term the one of its terms that
	// the command belongs to. What renews it
	// replaces the file, so its directory has to be mounted, and not the file alone.
	Lease string `json:",omitempty"`
	Term  string `json:",omitempty"`
	// Machine is what boottime.ID said where the lease is written.
	Machine string `json:",omitempty"`
	// Deadline, when set, is when the command is stopped.
	Deadline time.Time `json:",omitzero"`
	// Grace is the time between SIGTERM and the end.
	Grace time.Duration
	// End is a file that is there and may be written.
	End string
}

// End is why a container ended, when that was not its command's own doing.
type End struct {
	Cause   supervise.Cause // Fenced, Deadline or Unstarted
	Message string          `json:",omitempty"` // for people; only with Unstarted
}

// ReadEnd returns what was written to Plan.End; nil when nothing was.
func ReadEnd(path string) (*End, error) {
	data, err := os.ReadFile(path)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	var e End
	return &e, json.Unmarshal(data, &e)
}

// Insists reports whether a program is known to do its work as process 1 and not
// otherwise: the init systems that some images start.
func Insists(program string) bool {
	return slices.Contains([]string{"/init", "init", "s6-svscan", "systemd", "runit-init"}, program) ||
		filepath.IsAbs(program) && slices.Contains([]string{"init", "s6-svscan", "systemd", "runit-init"}, filepath.Base(program))
}

// Exit statuses.
const (
	codeUsage  = 2
	codeKilled = 128 + int(syscall.SIGKILL)
)

// Main runs the command that args name after the plan, and returns the status to exit with.
func Main(args []string, errOut io.Writer) int {
	var plan Plan
	if len(args) < 2 {
		_, _ = fmt.Fprintln(errOut, "kfmesh-supervisor: tether wants a plan and a command")
		return codeUsage
	}
	if err := json.Unmarshal([]byte(args[0]), &plan); err != nil {
		_, _ = fmt.Fprintf(errOut, "kfmesh-supervisor: tether cannot read its plan: %v\n", err)
		return codeUsage
	}
	t := &tether{plan: plan, errOut: errOut, signals: make(chan os.Signal, 16)}
	signal.Notify(t.signals) // before the command is there: none is to be missed
	return t.run(args[1:])
}
