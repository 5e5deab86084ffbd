package supervise

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// member is the agent's side of one supervisor.
type member struct {
	pool    *Pool
	load    int          // guarded by pool.mu; commands it was told and has not reported
	started func() error // starts it, once

	mu        sync.Mutex
	socket    *os.File               // guarded by mu; nil before it is started and once it was dismissed
	dismissed bool                   // guarded by mu
	last      uint64                 // guarded by mu; number of the last order
	waiting   map[uint64]chan report // guarded by mu; by order, those without a report
	gone      bool                   // guarded by mu; it reports nothing any more
}

func newMember(p *Pool) *member {
	m := &member{pool: p, waiting: map[uint64]chan report{}}
	m.started = sync.OnceValue(m.start)
	return m
}

// start starts the supervisor, in a session of its own, and listens to it.
func (m *member) start() error {
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	defer func() { _ = theirs.Close() }()
	program := m.pool.program
	cmd := exec.Command(program[0], program[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"GOMAXPROCS=2", "GOGC=25"} // one for the loop, one to spare; and memory counts
	cmd.Stdin = theirs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		_ = ours.Close()
		return err
	}
	m.mu.Lock()
	m.socket = ours
	dismissed := m.dismissed
	m.mu.Unlock()
	if dismissed { // before it was there
		m.dismiss()
	}
	go func() { // ends with the supervisor, or with this process
		m.listen(ours)
		_ = cmd.Wait() // its status says nothing that journals do not
	}()
	return nil
}

func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "supervisor"), os.NewFile(uintptr(fds[1]), "agent"), nil
}

// tell gives an order and returns where the report on it will come in. Whether
// it was heard is not known before that.
func (m *member) tell(spec Spec) (<-chan report, error) {
	reports := make(chan report, 1)
	m.mu.Lock()
	m.last++
	id, socket := m.last, m.socket
	if m.gone {
		close(reports)
	} else {
		m.waiting[id] = reports
	}
	m.mu.Unlock()
	data, err := json.Marshal(order{ID: id, Spec: spec})
	if err != nil {
		m.settle(report{ID: id})
		return nil, fmt.Errorf("tell the supervisor what to run: %w", err)
	}
	if socket != nil {
		_, _ = socket.Write(append(data, '\n')) // when that fails it is going, and listen finds out
	}
	return reports, nil
}

// listen hands on reports until the supervisor goes or is dismissed.
func (m *member) listen(socket *os.File) {
	reports := json.NewDecoder(socket)
	for {
		var r report
		if reports.Decode(&r) != nil {
			break
		}
		m.settle(r)
	}
	m.pool.remove(m)
	m.dismiss()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gone = true
	for id, waiting := range m.waiting {
		close(waiting)
		delete(m.waiting, id)
	}
}

// settle hands on one report.
func (m *member) settle(r report) {
	m.mu.Lock()
	waiting, ok := m.waiting[r.ID]
	delete(m.waiting, r.ID)
	m.mu.Unlock()
	if ok {
		waiting <- r // there is room for the one that comes
		m.pool.release(m)
	}
}

// dismiss hangs up. The supervisor ends after its last command.
func (m *member) dismiss() {
	m.mu.Lock()
	socket := m.socket
	m.socket, m.dismissed = nil, true
	m.mu.Unlock()
	if socket != nil {
		_ = socket.Close()
	}
}
