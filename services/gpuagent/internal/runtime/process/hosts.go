package process

import (
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/kfmesh/kfmesh/internal/enter"
	"github.com/kfmesh/kfmesh/internal/supervise"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// isolates reports whether a process of this user may be started in namespaces of its own.
var isolates = sync.OnceValue(func() bool {
	try := exec.Command("/bin/true")
	try.SysProcAttr = &syscall.SysProcAttr{}
	supervise.Isolate(try.SysProcAttr)
	return try.Run() == nil
})

// hosts has a command see a file of names of its own. Where that cannot be it goes without:
// what it is told of its peers are addresses.
func (s *starter) hosts(root bool) []enter.Mount {
	if len(s.order.Hosts) == 0 || !root && !isolates() {
		return nil
	}
	file, err := runtime.WriteHosts(s.at.Dir, s.order.Hosts)
	if err != nil {
		return nil
	}
	source, err := filepath.EvalSymlinks(file)
	if err != nil {
		return nil
	}
	return []enter.Mount{{Source: source, Target: runtime.HostsFile, ReadOnly: true, Optional: true}}
}
