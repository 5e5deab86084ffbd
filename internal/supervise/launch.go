package supervise

import (
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// Supervisor is a supervisor that was started and waits for its spec. Starting
// it takes a millisecond, which its agent can use for something else.
type Supervisor struct {
	cmd   *exec.Cmd
	spec  io.WriteCloser
	epoch *Epoch
}

// Begin starts a supervisor, a program and its leading arguments. It must be given
// a spec or be dismissed.
func Begin(program []string) (*Supervisor, error) {
	cmd := exec.Command(program[0], program[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"GOMAXPROCS=1", "GOGC=off"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	spec, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start supervisor %s: %w", program[0], err)
	}
	report, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start supervisor %s: %w", program[0], err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start supervisor %s: %w", program[0], err)
	}
	e := &Epoch{child: cmd.Process, report: make(chan *Exit, 1), reaped: make(chan struct{})}
	go func() { // ends with the supervisor, or with this process
		defer close(e.reaped)
		e.report <- readReport(report)
		close(e.report)
		_ = cmd.Wait() // its status says nothing that the journal does not
	}()
	return &Supervisor{cmd: cmd, spec: spec, epoch: e}, nil
}

// readReport returns what the supervisor said before it went; nil when it said
// nothing, or half a thing.
func readReport(report io.Reader) *Exit {
	var exit Exit
	if json.NewDecoder(report).Decode(&exit) != nil {
		return nil
	}
	return &exit
}

// Launch has the supervisor run a spec. Whether the command could be started
// shows in how the epoch ended.
func (s *Supervisor) Launch(spec Spec) (*Epoch, error) {
	s.epoch.journal = spec.Journal
	defer s.Dismiss() // a spec that was told in full has been heard, and half of one is none
	data, err := json.Marshal(spec)
	if err == nil {
		_, err = s.spec.Write(data)
	}
	if err != nil {
		return nil, fmt.Errorf("tell the supervisor what to run: %w", err)
	}
	return s.epoch, nil
}

// Dismiss ends a supervisor that was not told what to run.
func (s *Supervisor) Dismiss() { _ = s.spec.Close() }
