package runtime

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// HostsFile is where a host keeps the names that it knows itself.
const HostsFile = "/etc/hosts"

// Host is an address with names.
type Host struct {
	IP    string
	Names []string
}

// WriteHosts writes, in a directory, a file of the names that this host knows itself and of
// more, and returns its path.
func WriteHosts(dir string, more []Host) (string, error) {
	own, err := os.ReadFile(HostsFile)
	if err != nil {
		own = nil // a host without such a file knows none
	}
	file := filepath.Join(dir, "hosts")
	return file, os.WriteFile(file, []byte(withNames(string(own), more)), 0o644)
}

// withNames is a file of names with more of them, which count there and nowhere else in it.
func withNames(file string, more []Host) string {
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
func without(line string, names []Host) string {
	entry, comment, commented := strings.Cut(line, "#")
	words := strings.Fields(entry)
	if len(words) < 2 {
		return line + "\n"
	}
	kept := slices.DeleteFunc(words[1:], func(name string) bool {
		return slices.ContainsFunc(names, func(h Host) bool { return slices.Contains(h.Names, name) })
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
