package pod

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// dialFor is how long a connection may take where nothing else is said.
const dialFor = 10 * time.Second

// dial connects to an address and port, both numbers.
func dial(address string, within time.Duration) (*os.File, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q is no address and port", address)
	}
	family, socket := sockaddr(to)
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if within <= 0 {
		within = dialFor
	}
	if err := connect(fd, socket, within); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return os.NewFile(uintptr(fd), address), nil
}

func sockaddr(to netip.AddrPort) (family int, socket unix.Sockaddr) {
	if to.Addr().Unmap().Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().Unmap().As4()}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}
}

// connect waits until a socket is connected.
func connect(fd int, socket unix.Sockaddr, within time.Duration) error {
	err := unix.Connect(fd, socket)
	if !errors.Is(err, unix.EINPROGRESS) {
		return err
	}
	until := time.Now().Add(within)
	for {
		left := time.Until(until)
		if left <= 0 {
			return errTime
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, int(left/time.Millisecond)+1)
		if errors.Is(err, unix.EINTR) || n == 0 && err == nil {
			continue
		}
		if err != nil {
			return err
		}
		code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && code != 0 {
			err = syscall.Errno(code)
		}
		return err
	}
}
