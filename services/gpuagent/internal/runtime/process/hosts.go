package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/kfmesh/kfmesh/internal/enter"
	"github.com/kfmesh/kfmesh/internal/supervise"
)

// hostsFile is where a host keeps the names that it knows itself.
const hostsFile = "/etc/hosts"

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
	var text strings.Builder
	if own, err := os.ReadFile(hostsFile); err == nil {
		text.WriteString(strings.TrimRight(string(own), "\n") + "\n")
	}
	for _, h := range s.order.Hosts {
		fmt.Fprintf(&text, "%s\t%s\n", h.IP, strings.Join(h.Names, " "))
	}
	file := filepath.Join(s.at.Dir, "hosts")
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		return nil
	}
	source, err := filepath.EvalSymlinks(file)
	if err != nil {
		return nil
	}
	return []enter.Mount{{Source: source, Target: hostsFile, ReadOnly: true, Optional: true}}
}
