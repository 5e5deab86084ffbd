package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Fork says how a command may be had as the fork of a process that has loaded before
// most of what the command would: a fork server. What such a fork does is what the
// Args of its Spec would, so a supervisor may use either: it does without while no
// server is there, and starts one once commands come often enough to gain by it.
//
// A server gets, as its descriptor 3, an end of a socket of packets. It sends one byte
// when it is ready. Each packet it gets carries two descriptors: the command's log and
// an end of a stream. For each it forks a child that forks and ends, so that the
// grandchild is handed to the supervisor, as any orphan is. The grandchild
//
//   - asks to die with the supervisor, and ends if that is gone already,
//   - becomes the leader of a session,
//   - writes its process id and a line feed to the stream,
//   - reads forkOrder, as JSON and a line feed, and ends if the line feed never comes,
//   - is the command from then on, with its output in the log.
type Fork struct {
	// Args are the program of the server, as a path, and its arguments.
	Args []string
	// Env is the whole environment of the server. Servers with the same Args and
	// Env are one.
	Env []string
	// Task is for the fork.
	Task json.RawMessage
}

// forkOrder is what a fork is told.
type forkOrder struct {
	Env     []string // the whole environment of the command
	WorkDir string
	Task    json.RawMessage
}

// forkLimit bounds how long a server is waited for. One that takes longer is hung.
const forkLimit = 2 * time.Second

// fork has the command be a fork. It reports false when it was not made one, and then
// nothing was started.
func (s *supervisor) fork(spec Spec) (pid, pidfd int, ok bool) {
	if spec.Fork == nil || spec.Isolate {
		return 0, -1, false
	}
	server := s.servers.ask(spec.Fork, s.null, time.Now())
	if server == nil {
		return 0, -1, false
	}
	log, err := openLog(spec)
	if err != nil {
		return 0, -1, false // as the start that comes instead will say
	}
	defer func() { _ = unix.Close(log) }()
	stream, theirs, err := forkStream()
	if err != nil {
		return 0, -1, false
	}
	defer func() { _ = unix.Close(stream) }()
	err = server.send(log, theirs)
	_ = unix.Close(theirs)
	if err == nil {
		pid, err = s.adopted(stream)
	}
	if err != nil {
		server.failed()
		return 0, -1, false
	}
	if err := settle(pid, stream, spec); err != nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		_, _ = syscall.Wait4(pid, nil, 0, nil)
		return 0, -1, false
	}
	if pidfd, err = unix.PidfdOpen(pid, 0); err != nil {
		pidfd = -1
	}
	return pid, pidfd, true
}

// adopted returns the process id of a fork that has become a child of the supervisor.
func (s *supervisor) adopted(stream int) (int, error) {
	pid, err := readPID(stream)
	if err != nil {
		return 0, err
	}
	if p, ok := readProcess(pid); !ok || p.parent != s.self.PID {
		return 0, fmt.Errorf("process %d is not the supervisor's", pid)
	}
	return pid, nil
}

// settle puts a fork where it belongs and sends it on its way.
func settle(pid, stream int, spec Spec) error {
	if spec.Group != nil {
		if err := spec.Group.Take(pid); err != nil {
			return err
		}
	}
	return tell(stream, spec)
}

func openLog(spec Spec) (int, error) {
	fd, err := unix.Open(spec.Log, unix.O_WRONLY|unix.O_CREAT|unix.O_APPEND|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: spec.Log, Err: err}
	}
	return fd, nil
}

// forkStream returns the ends of a stream; the supervisor's waits for forkLimit at most.
func forkStream() (ours, theirs int, err error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, -1, err
	}
	limit := unix.NsecToTimeval(int64(forkLimit))
	err = errors.Join(unix.SetsockoptTimeval(ends[0], unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit),
		unix.SetsockoptTimeval(ends[0], unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit))
	return ends[0], ends[1], err
}

// readPID reads a line with a process id.
func readPID(stream int) (int, error) {
	var line []byte
	for len(line) < 16 {
		var buffer [16]byte
		n, err := retry(func() (int, error) { return unix.Read(stream, buffer[:]) })
		if err != nil {
			return 0, err
		}
		if n == 0 {
			return 0, io.ErrUnexpectedEOF
		}
		line = append(line, buffer[:n]...)
		if text, whole := strings.CutSuffix(string(line), "\n"); whole {
			return strconv.Atoi(text)
		}
	}
	return 0, fmt.Errorf("%q is no process id", line)
}

// tell gives the order, of which the line feed is the last byte.
func tell(stream int, spec Spec) error {
	data, err := json.Marshal(forkOrder{Env: environment(spec), WorkDir: spec.WorkDir, Task: spec.Fork.Task})
	if err != nil {
		return err
	}
	for data = append(data, '\n'); len(data) > 0; {
		n, err := retry(func() (int, error) {
			return unix.SendmsgN(stream, data, nil, nil, unix.MSG_NOSIGNAL)
		})
		if err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// retry repeats a call for as long as signals interrupt it.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// environment is that of the command.
func environment(spec Spec) []string {
	return lastWins(append(slices.Clip(spec.Env), EpochVariable+"="+spec.Journal))
}
