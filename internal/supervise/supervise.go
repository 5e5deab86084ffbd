// Package supervise keeps one command alive, apart from whoever asked for it,
// and leaves on disk how it ended.
//
// An agent starts a supervisor, a tiny program in a session of its own, with a
// Spec on its standard input. The supervisor runs the command in a process group
// of its own, appends its output to a log file, enforces deadline and grace
// period, and outlives the agent. What it knows it appends to a journal,
// one file for each epoch, which is an attempt at running the command. The
// journal's lines say who owns the epoch, the command's process id, and how the
// command ended.
//
// Invariants:
//
//   - An epoch has one owner for ever: a supervisor, or an agent that gave the
//     epoch up. The journal is begun under another name, locked, and then linked
//     into place, which fails if there is one. So a command is started at most
//     once an epoch, whatever is killed when.
//   - A supervisor holds the lock on its journal for as long as it lives. The
//     kernel lets go of it however the supervisor ends, so "does it live" is
//     answered without trusting process ids.
//   - An epoch that Seal took was never started. One whose supervisor is gone
//     without a word on how the command ended is lost: nobody knows how far it got.
//   - Each line is one write and counts only with its line feed, so it is there
//     whole or not at all. Journals outlive every process; they are not synced. A
//     machine that loses power may lose the end of an epoch, or all of its journal:
//     then nothing tells that the epoch was begun.
//
// The command dies with its supervisor (PR_SET_PDEATHSIG), and who
// finds an epoch lost ends what is left of its session. The package uses the standard library and x/sys only:
// the start-up time of a step depends on it.
package supervise

import (
	"time"
)

// Spec is what a supervisor is told on its standard input, as JSON.
type Spec struct {
	// Journal is the path of the epoch's journal; its directory exists.
	Journal string
	// Args are the program and its arguments. A program without a slash is
	// looked up in the PATH of Env.
	Args []string
	// Env is the whole environment, as NAME=value; later entries win.
	Env []string
	// WorkDir is the working directory; it exists.
	WorkDir string
	// Isolate starts the command in a user and a mount namespace of its own, as the
	// same user, with the right to mount there.
	Isolate bool `json:",omitempty"`
	// Log is the file that standard output and standard error are appended to.
	Log string
	// Deadline, when set, is when the command is stopped.
	Deadline time.Time `json:",omitzero"`
	// Grace is the time between SIGTERM and SIGKILL.
	Grace time.Duration
}

// Cause says why a command ended, as far as its supervisor had a part in it.
type Cause string

// The causes.
const (
	Ended     Cause = ""          // by itself
	Stopped   Cause = "stopped"   // a stop was asked for
	Deadline  Cause = "deadline"  // the deadline had passed
	Unstarted Cause = "unstarted" // it could not be started; Message says why
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
	// Start and Finish of the command.
	Start, Finish time.Time
}

// record is a line of a journal, or all lines merged.
type record struct {
	Owner *owner `json:",omitempty"`
	PID   int    `json:",omitempty"` // of the command
	Exit  *Exit  `json:",omitempty"`
}

// owner says who took an epoch.
type owner struct {
	PID    int    // of the supervisor and so of its session; 0 for an agent that sealed the epoch
	BootID string // of the running kernel: process ids mean nothing across a restart
}
