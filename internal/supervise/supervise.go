// Package supervise keeps commands alive, apart from whoever asked for them, and
// leaves on disk how they ended.
//
// An agent has a Pool of supervisors: tiny processes in sessions of their own,
// each of which runs up to attemptsEach commands at a time. It hands a
// supervisor a Spec over a socket. The supervisor starts the command as the leader of a
// new session, appends its output to a log file, enforces deadline and grace
// period, and tells the agent how it ended. When its agent is gone a supervisor
// takes no more commands and ends after its last one.
//
// What a supervisor knows it appends to journals, one file for each epoch, which is
// an attempt at running a command. The journal's lines say who owns the epoch, the
// command's process id, that it is to stop, and how it ended. The journal is
// all that another agent needs to take up an epoch: the socket only makes
// things fast.
//
// Invariants:
//
//   - An epoch has one owner for ever: a supervisor, or an agent that gave the
//     epoch up. Whoever locks the journal and finds no owner in it writes itself
//     down as the owner, before anything is started. So a command is started at
//     most once an epoch, whatever is killed when.
//   - A supervisor holds the lock on a journal until the end of its epoch is
//     written. The kernel lets go of it however the supervisor ends, so "does it
//     run" is answered without trusting process ids.
//   - An epoch that Seal took was never started. One that is not locked and has no
//     word on how the command ended is lost: nobody knows how far it got.
//   - Each line is one write and counts only with its line feed, so it is there
//     whole or not at all. Journals outlive every process; they are not synced. A
//     machine that loses power may lose the end of an epoch, or all of its journal:
//     then nothing tells that the epoch was begun.
//   - Nothing of a command outlives its epoch. It dies with its supervisor
//     (PR_SET_PDEATHSIG); what it left behind is handed to the supervisor
//     (PR_SET_CHILD_SUBREAPER) and known by its session or by EpochVariable in its
//     environment. Who finds an epoch lost ends what is left of it by the same signs.
//
// A command may have a control group (package cgroup). It is in it before its program
// starts; what is in it is killed with the command, wherever it has gone, and then the
// group is removed. Who finds an epoch lost removes its group too.
//
// A supervisor is one thread that polls: no goroutine, timer or thread is added
// for a command. The package uses the standard library, x/sys and packages cgroup and
// boottime only, because a supervisor should be small and start quickly.
package supervise

import (
	"time"

	"github.com/kfmesh/kfmesh/internal/boottime"
	"github.com/kfmesh/kfmesh/internal/cgroup"
)

// EpochVariable is the environment variable by which the processes of a command
// are known. Its value is the path of the epoch's journal.
const EpochVariable = "KFMESH_EPOCH"

// Spec is what a supervisor is to run.
type Spec struct {
	// Journal is the path of the epoch's journal; its directory exists.
	Journal string
	// Args are the program and its arguments. A program without a slash is
	// looked up in the PATH of Env.
	Args []string
	// Env is the whole environment, as NAME=value; later entries win.
	// EpochVariable is added to it.
	Env []string
	// WorkDir is the working directory; it exists.
	WorkDir string
	// Isolate starts the command in a user and a mount namespace of its own, as the
	// same user, with the right to mount there.
	Isolate bool `json:",omitempty"`
	// Fork, when set, is a quicker way to the same, which the supervisor may go
	// unless Isolate is set.
	Fork *Fork `json:",omitempty"`
	// Log is the file that standard output and standard error are appended to.
	Log string
	// Deadline, when set, is when the command is stopped. It is of the clock that nobody
	// sets: a command runs for as long as it may, whatever becomes of the wall clock.
	Deadline boottime.Instant `json:",omitempty"`
	// Grace is the time between SIGTERM and SIGKILL.
	Grace time.Duration
	// Lease, when set, is the path of the Lease under which the command runs, and Term
	// the one of its terms that it belongs to: it is killed, without grace, when that ends.
	Lease string `json:",omitempty"`
	Term  string `json:",omitempty"`
	// Group, when set, is the control group that is made for the command. With one of
	// version 1 the program of Args has to enter it: only those of version 2 can be
	// started in.
	Group *cgroup.Group `json:",omitempty"`
}

// Cause says why a command ended, as far as its supervisor had a part in it.
type Cause string

// The causes.
const (
	Ended       Cause = ""              // by itself
	Stopped     Cause = "stopped"       // a stop was asked for
	Deadline    Cause = "deadline"      // the deadline had passed
	Fenced      Cause = "fenced"        // its lease had ended
	Unstarted   Cause = "unstarted"     // it could not be started; Message says why
	OutOfMemory Cause = "out of memory" // its control group had none left; Memory tells
)

// Exit is how a command ended.
type Exit struct {
	// Code is the exit status; 128 + signal when a signal ended it; 126 or 127
	// when it could not be started, as shells have it.
	Code int
	// Signal that ended it, or 0.
	Signal int `json:",omitempty"`
	// Cause of the end.
	Cause Cause `json:",omitempty"`
	// Message for people; only with Unstarted.
	Message string `json:",omitempty"`
	// Memory is what it used, when that was limited.
	Memory *Memory `json:",omitempty"`
	// Start and Finish of the command.
	Start, Finish time.Time
}

// Memory is what a command with a limit used.
type Memory struct {
	LimitBytes int64
	PeakBytes  int64 `json:",omitempty"` // 0 where the kernel does not tell
	Kills      int64 `json:",omitempty"` // processes that the kernel killed for want of it
}

// order is what an agent tells a supervisor, one JSON value a line.
type order struct {
	ID   uint64 // by which the report names it
	Spec Spec
}

// report is what a supervisor answers to an order, one JSON value a line.
type report struct {
	ID      uint64
	Exit    *Exit  `json:",omitempty"` // how the command ended; the journal has it too
	Problem string `json:",omitempty"` // why the epoch could not be claimed; with neither, the journal tells
}
