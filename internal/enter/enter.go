// Package enter puts a command into a file system of its own making before it
// starts: mounts at any path, a user, a working directory.
//
// A supervisor starts this program in the command's place, as
//
//	kfmesh-supervisor enter PLAN COMMAND [ARG ...]
//
// where PLAN is a file with a Plan. It moves into a mount namespace of its own, which
// ends with its last process, makes the mounts there, and becomes the command.
// Nothing it mounts can be seen from outside, and no directory is made outside but in
// the replica's own and in what was mounted for writing.
//
// A mount point that does not exist is made as sandboxes make it: the nearest
// directory above that exists is covered by a file system in memory, which has
// the same entries, each bound to the old one, and the mount point besides. What the
// command creates in that one directory is in memory; everything below
// it is as it was. For a mount point such as /data that directory is the root.
//
// A command with a control group of version 1 enters it here, before anything else.
//
// What cannot be done is written to Plan.Refusal, for whoever reads how the command
// ended, and the command is not started.
//
// Like package supervise, whose Exec it ends with, it uses the standard library and
// x/sys only: a step waits for it.
package enter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/kfmesh/kfmesh/internal/cgroup"
	"github.com/kfmesh/kfmesh/internal/supervise"
)

// Verb is the argument by which the program knows what to do.
const Verb = "enter"

// Plan says what a command sees and who it is.
type Plan struct {
	// Mounts are made in order of their targets, those above before those below.
	Mounts []Mount `json:",omitempty"`
	// Passages are opened before the mounts are made, in order. What is mounted may
	// lie in what they hide.
	Passages []Passage `json:",omitempty"`
	// Limits is a control group that has been made for it.
	Limits *cgroup.Group `json:",omitempty"`
	// Unshare has the mount namespace made here. Otherwise the program is started in one,
	// as it must be by who is not root (supervise.Spec.Isolate).
	Unshare bool `json:",omitempty"`
	// Own is the directory in which mount points may be made for real.
	Own string
	// Scratch is a directory to build a root in. It is made when that is needed.
	Scratch string
	// WorkDir is the working directory of the command.
	WorkDir string
	// User and Group are who the command runs as, unless they are nil.
	User, Group *int `json:",omitempty"`
	// Refusal is the file that says why the command was not started. It is empty
	// while there is no such reason.
	Refusal string
}

// Mount is a file or directory at a path of the command's file system.
type Mount struct {
	// Source is an absolute path without links in it.
	Source string
	// Target is an absolute path.
	Target string
	// ReadOnly refuses writing.
	ReadOnly bool `json:",omitempty"`
	// Optional tells that the command can do without: where nothing but what is optional
	// is to be mounted, and mounting is forbidden, the command starts all the same.
	Optional bool `json:",omitempty"`
}

// Passage is a directory that the command's user may not pass, and has to. It is
// covered by one that anybody may, with nothing in it but what is needed.
type Passage struct {
	Dir   string
	Names []string
}

// Refusal says why a command was not started.
type Refusal struct {
	// Code is an exit status as shells have it.
	Code int
	// Mount tells that a mount could not be made.
	Mount bool
	// Message for people.
	Message string
}

// Main becomes the command of args, PLAN COMMAND [ARG ...]. It returns, with the
// status to exit with, only when that cannot be. It must be called from the main
// goroutine, whose thread the namespace belongs to.
func Main(args []string, errOut io.Writer) int {
	runtime.LockOSThread()
	if len(args) < 2 {
		_, _ = fmt.Fprintln(errOut, "kfmesh-supervisor: enter wants a plan and a command")
		return 2
	}
	plan, err := readPlan(args[0])
	if err != nil {
		_, _ = fmt.Fprintf(errOut, "kfmesh-supervisor: the plan cannot be read: %v\n", err)
		return 2
	}
	file, err := os.Create(plan.Refusal) // now, for whom the command runs as may not
	if err != nil {
		_, _ = fmt.Fprintf(errOut, "kfmesh-supervisor: %v\n", err)
		return 2
	}
	refusal := become(plan, args[1:])
	if err := json.NewEncoder(file).Encode(refusal); err != nil {
		_, _ = fmt.Fprintf(errOut, "kfmesh-supervisor: %s (%v)\n", refusal.Message, err)
	}
	return refusal.Code
}

// become returns why it did not.
func become(plan Plan, command []string) Refusal {
	if plan.Limits != nil {
		if err := plan.Limits.Enter(); err != nil {
			return Refusal{Code: 126, Message: fmt.Sprintf("its limits cannot be set: %v", err)}
		}
	}
	if err := makeMounts(plan); err != nil && !dispensable(plan) {
		return Refusal{Code: 126, Mount: true, Message: err.Error()}
	}
	if err := takeOn(plan); err != nil {
		return Refusal{Code: 126, Message: err.Error()}
	}
	if err := os.Chdir(plan.WorkDir); err != nil {
		return Refusal{Code: 126, Message: fmt.Sprintf("its working directory cannot be entered: %v", err)}
	}
	code, message := supervise.Exec(supervise.Spec{Args: command, Env: os.Environ(), WorkDir: plan.WorkDir})
	if plan.User != nil {
		message += fmt.Sprintf(", for user %d, as whom it runs", *plan.User)
	}
	return Refusal{Code: code, Message: message}
}

// takeOn changes who the process is, for good.
func takeOn(plan Plan) error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("rights cannot be given up: %w", err)
	}
	if plan.User == nil && plan.Group == nil {
		return nil
	}
	parent := unix.Getppid()
	if err := changeUser(plan); err != nil {
		return err
	}
	// The kernel forgets whose end was to be this one's when a process becomes another user.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("it cannot be tied to its supervisor: %w", err)
	}
	if unix.Getppid() != parent {
		return errors.New("its supervisor is gone")
	}
	return nil
}

func changeUser(plan Plan) error {
	groups := []int{}
	if plan.Group != nil {
		groups = append(groups, *plan.Group)
	}
	if err := unix.Setgroups(groups); err != nil {
		return fmt.Errorf("its groups cannot be set: %w", err)
	}
	if plan.Group != nil {
		if err := unix.Setresgid(*plan.Group, *plan.Group, *plan.Group); err != nil {
			return fmt.Errorf("it cannot run as group %d: %w", *plan.Group, err)
		}
	}
	if plan.User != nil {
		if err := unix.Setresuid(*plan.User, *plan.User, *plan.User); err != nil {
			return fmt.Errorf("it cannot run as user %d: %w", *plan.User, err)
		}
	}
	return nil
}

func readPlan(path string) (Plan, error) {
	var plan Plan
	data, err := os.ReadFile(path)
	if err != nil {
		return plan, err
	}
	return plan, json.Unmarshal(data, &plan)
}

// ReadRefusal returns why a command was not started; fs.ErrNotExist when it was.
func ReadRefusal(path string) (Refusal, error) {
	var refusal Refusal
	data, err := os.ReadFile(path)
	if err == nil && len(data) == 0 {
		err = fs.ErrNotExist
	}
	if err != nil {
		return refusal, err
	}
	return refusal, json.Unmarshal(data, &refusal)
}
