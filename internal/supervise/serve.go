package supervise

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kfmesh/kfmesh/internal/boottime"
)

// Exit statuses of a supervisor. They are for logs only: the truth is on disk.
const (
	statusDone   = 0 // all its commands have ended
	statusFailed = 1 // it could not do its work
)

// lookAgain is how often a supervisor looks round without having been woken: for
// orphans that have ended, and where the kernel has no pidfd for commands too.
const (
	lookAgain        = time.Second
	lookWithoutPidfd = 10 * time.Millisecond
	lookWhileKilling = time.Millisecond
)

// Main is the whole supervisor program: it runs what its agent tells it over the
// socket on standard input, until the agent has gone and all commands have ended,
// and returns the status to exit with. It must be called from the main goroutine,
// whose thread the commands' lives are tied to.
func Main(in *os.File, errOut io.Writer) int {
	runtime.LockOSThread()
	if err := serve(in); err != nil {
		_, _ = fmt.Fprintf(errOut, "kfmesh-supervisor: %v\n", err)
		return statusFailed
	}
	return statusDone
}

// supervisor is the state of Main's loop. It belongs to the main thread.
type supervisor struct {
	agent    *line
	wake     int // where signals are read from
	null     int // standard input of commands
	list     int // of children; -1 where the kernel has none
	self     owner
	attempts map[int]*attempt // by the command's process id, until their epochs are over
	servers  forkServers
	polls    []unix.PollFd // what was polled last: wake, agent, and the commands of polled
	polled   []*attempt
	buffer   [1 << 10]byte
	looked   time.Time // when orphans that have ended were last looked for
	last     lastResort
}

func serve(in *os.File) error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become subreaper: %w", err)
	}
	null, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", os.DevNull, err)
	}
	wake, err := relaySignals()
	if err != nil {
		return err
	}
	s := &supervisor{
		agent: &line{fd: int(in.Fd())}, wake: wake, null: null, list: openChildren(os.Getpid()),
		self:     owner{PID: os.Getpid(), BootID: boottime.ID()},
		attempts: map[int]*attempt{}, servers: forkServers{},
	}
	for s.agent.open() || len(s.attempts) > 0 {
		if err := s.once(); err != nil {
			return err
		}
	}
	return s.agent.broken
}

// What the signals of a supervisor mean.
const (
	sigLook = syscall.SIGUSR1 // a journal says that its command is to stop
	sigStop = syscall.SIGTERM // stop all commands, and take no more
)

// relaySignals turns signals into bytes that can be polled for.
func relaySignals() (int, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return -1, fmt.Errorf("pipe: %w", err)
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, sigLook, sigStop, syscall.SIGINT)
	go func() { // ends with the process
		for sig := range signals {
			_, _ = unix.Write(ends[1], []byte{byte(sig.(syscall.Signal))})
		}
	}()
	return ends[0], nil
}

// The first of what is polled; commands follow.
const (
	pollWake = iota
	pollAgent
	pollCommands
)

// once waits for something to do and does it.
func (s *supervisor) once() error {
	if err := s.poll(time.Now()); err != nil {
		return err
	}
	now := time.Now()
	for i, a := range s.polled {
		if s.polls[pollCommands+i].Revents != 0 {
			a.finish = now
		}
	}
	if s.polls[pollWake].Revents != 0 {
		s.signalled()
	}
	if s.polls[pollAgent].Revents != 0 {
		s.hear()
	}
	s.look(now)
	return nil
}

// poll waits until the agent, a signal or a command has news, or something is due.
func (s *supervisor) poll(now time.Time) error {
	s.polls = append(s.polls[:0], pollIn(s.wake), pollIn(s.agent.fd))
	s.polled = s.polled[:0]
	wait := time.Duration(-1) // for ever
	for _, a := range s.attempts {
		if a.finish.IsZero() {
			s.polls, s.polled = append(s.polls, pollIn(a.pidfd)), append(s.polled, a)
		}
		if due := a.due(now); wait < 0 || due < wait {
			wait = due
		}
	}
	_, err := poll(s.polls, wait)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("poll: %w", err)
	}
	return nil
}

// hear takes the agent's orders.
func (s *supervisor) hear() {
	for o := range s.agent.orders() {
		a, err := s.begin(o)
		switch {
		case errors.Is(err, fs.ErrExist):
			s.agent.report(report{ID: o.ID})
		case err != nil:
			s.agent.report(report{ID: o.ID, Problem: err.Error()})
		case a.pid == 0:
			s.conclude(a)
		default:
			s.attempts[a.pid] = a
		}
	}
}

func (s *supervisor) signalled() {
	var signals [16]byte
	n, _ := unix.Read(s.wake, signals[:]) // poll has seen it
	for _, sig := range signals[:max(0, n)] {
		if syscall.Signal(sig) == sigLook {
			s.stopWhere(wantsStop)
			continue
		}
		s.agent.close()
		s.stopWhere(func(*attempt) bool { return true })
	}
}

func (s *supervisor) stopWhere(wanted func(*attempt) bool) {
	for _, a := range s.attempts {
		if wanted(a) {
			a.stop(Stopped, time.Now())
		}
	}
}

// look takes each attempt as far as it goes by now.
func (s *supervisor) look(now time.Time) {
	for pid, a := range s.attempts {
		a.enforce(now)
		if a.finish.IsZero() && a.pidfd < 0 && !alive(pid) {
			a.finish = now
		}
		if !a.finish.IsZero() && (s.swept(a) || now.Sub(a.finish) > sweepFor) {
			a.reap()
			delete(s.attempts, pid)
			s.conclude(a)
		}
	}
	s.last.set(s.attempts)
	if now.Sub(s.looked) >= lookAgain {
		s.looked = now
		s.servers.reap()
		for _, orphan := range s.orphans() {
			reaped(orphan)
		}
	}
}

// conclude writes the end of an epoch, lets go of it, and tells. An end that cannot
// be written is not told either: the journal is what counts.
func (s *supervisor) conclude(a *attempt) {
	a.exit.Finish = a.finish
	told := report{ID: a.id, Exit: &a.exit}
	if a.close() != nil {
		told.Exit = nil
	}
	s.agent.report(told)
	a.disband() // last: it can take the kernel a moment
}
