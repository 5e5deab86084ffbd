package supervise

import (
	"errors"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// serverWorth is within what time a second command has to come for a server to be started.
	serverWorth = time.Minute
	// maxServers is how many a supervisor keeps.
	maxServers = 4
)

// forkServers are those of one supervisor, and what is remembered of those it may
// start, by name.
type forkServers map[string]*forkServer

// forkServer is one of them. It ends by itself when it has had nothing to do for a while.
type forkServer struct {
	pid    int       // 0 while it is not started
	socket int       // when it is started
	ready  bool      // to fork
	vain   bool      // it has ended before it was ready, or hangs: the next would too
	asked  time.Time // when it was last asked for
}

// ask returns the server that is to fork, or nil while there is none.
func (f forkServers) ask(of *Fork, null int, now time.Time) *forkServer {
	name := strings.Join(of.Args, "\x00") + "\x00\x00" + strings.Join(of.Env, "\x00")
	server, known := f[name]
	if !known {
		f.forget(now)
		server = &forkServer{}
		f[name] = server
	}
	worth := now.Sub(server.asked) < serverWorth
	server.asked = now
	switch {
	case server.pid != 0 && server.hears():
		return server
	case server.pid == 0 && !server.vain && worth:
		f.makeRoom()
		server.start(of, null)
	}
	return nil
}

// forget drops what was not asked for lately and does not run.
func (f forkServers) forget(now time.Time) {
	for name, server := range f {
		if server.pid == 0 && now.Sub(server.asked) >= serverWorth {
			delete(f, name)
		}
	}
}

// makeRoom ends the server that was not asked for the longest, if there are as many as
// may be.
func (f forkServers) makeRoom() {
	var last *forkServer
	started := 0
	for _, server := range f {
		if server.pid == 0 {
			continue
		}
		started++
		if last == nil || server.asked.Before(last.asked) {
			last = server
		}
	}
	if started >= maxServers {
		last.end()
	}
}

// has reports whether a process is a server.
func (f forkServers) has(pid int) bool {
	for _, server := range f {
		if server.pid == pid {
			return true
		}
	}
	return false
}

// reap takes note of those that have ended.
func (f forkServers) reap() {
	for _, server := range f {
		if server.pid != 0 && reaped(server.pid) {
			server.gone()
		}
	}
}

// start starts the server. Whether that went well shows in whether it will be ready.
func (f *forkServer) start(of *Fork, null int) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return
	}
	pid, err := syscall.ForkExec(of.Args[0], of.Args, &syscall.ProcAttr{
		Dir: "/", Env: of.Env,
		Files: []uintptr{uintptr(null), uintptr(null), uintptr(null), uintptr(ends[1])},
		Sys:   &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	})
	_ = unix.Close(ends[1])
	if err != nil {
		_ = unix.Close(ends[0])
		f.vain = true
		return
	}
	f.pid, f.socket = pid, ends[0]
}

// hears reports whether the server is ready.
func (f *forkServer) hears() bool {
	if f.ready {
		return true
	}
	var word [1]byte
	n, _, err := unix.Recvfrom(f.socket, word[:], unix.MSG_DONTWAIT)
	switch {
	case err == nil && n == 1:
		f.ready = true
	case !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR):
		f.end()
	}
	return f.ready
}

// send asks for a fork with a log and an end of a stream.
func (f *forkServer) send(log, stream int) error {
	return unix.Sendmsg(f.socket, []byte{0}, unix.UnixRights(log, stream), nil, unix.MSG_NOSIGNAL)
}

// failed lets go of a server that has not made a fork. One that had ended, as all do
// when they have nothing to do, is not held against the next.
func (f *forkServer) failed() {
	if reaped(f.pid) {
		f.gone()
		return
	}
	f.vain = true
	f.end()
}

// end ends the server.
func (f *forkServer) end() {
	if f.pid == 0 {
		return
	}
	_ = syscall.Kill(f.pid, syscall.SIGKILL)
	_, _ = syscall.Wait4(f.pid, nil, 0, nil)
	f.gone()
}

// gone lets go of a server that has ended.
func (f *forkServer) gone() {
	_ = unix.Close(f.socket)
	f.vain = f.vain || !f.ready
	f.pid, f.ready = 0, false
}
