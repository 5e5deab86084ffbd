package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/kfmesh/kfmesh/internal/enter"
	"github.com/kfmesh/kfmesh/internal/supervise"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
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
	own, err := os.ReadFile(hostsFile)
	if err != nil {
		own = nil
	}
	file := filepath.Join(s.at.Dir, "hosts")
	if err := os.WriteFile(file, []byte(withNames(string(own), s.order.Hosts)), 0o644); err != nil {
		return nil
	}
	source, err := filepath.EvalSymlinks(file)
	if err != nil {
		return nil
	}
	return []enter.Mount{{Source: source, Target: hostsFile, ReadOnly: true, Optional: true}}
}

// withNames is a file of names with more of them, which count there and nowhere else in it.
func withNames(file string, more []runtime.Host) string {
	var text strings.Builder
	for line := range strings.Lines(file) {
		text.WriteString(without(strings.TrimRight(line, "\n"), more))
	}
	for _, h := range more {
		fmt.Fprintf(&text, "%s\t%s\n", h.IP, strings.Join(h.Names, " "))
	}
	return text.String()
}

// without is a line of a file of names without some of them; empty if it has no others.
func without(line string, names []runtime.Host) string {
	entry, comment, commented := strings.Cut(line, "#")
	words := strings.Fields(entry)
	if len(words) < 2 {
		return line + "\n"
	}
	kept := slices.DeleteFunc(words[1:], func(name string) bool {
		return slices.ContainsFunc(names, func(h runtime.Host) bool { return slices.Contains(h.Names, name) })
	})
	switch {
	case len(kept) == len(words)-1:
		return line + "\n"
	case len(kept) == 0:
		return ""
	case commented:
		comment = " #" + comment
	}
	return words[0] + " " + strings.Join(kept, " ") + comment + "\n"
}
