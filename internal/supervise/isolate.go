package supervise

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes are what the kernel is to know of the command: it leads a session of its
// own and dies with its supervisor.
func attributes(spec Spec, pidfd *int, group *os.File) *syscall.SysProcAttr {
	sys := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL, PidFD: pidfd}
	if group != nil {
		sys.UseCgroupFD, sys.CgroupFD = true, int(group.Fd())
	}
	if spec.Isolate {
		Isolate(sys)
	}
	return sys
}

// Isolate has a command start in namespaces of its own. It stays the user it is, so
// the right to mount has to be carried over the start of its program.
func Isolate(sys *syscall.SysProcAttr) {
	sys.Cloneflags = unix.CLONE_NEWUSER | unix.CLONE_NEWNS
	sys.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
	sys.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
	sys.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
}
