package cgroup

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// hierarchy is a mounted hierarchy of groups.
type hierarchy struct {
	point       string   // where it is mounted
	root        string   // which of its groups is at the mount point
	controllers []string // of version 1
	unified     bool
}

// parseMounts reads the hierarchies from /proc/self/mountinfo (proc_pid_mountinfo(5)):
// "36 35 98:0 /root /point rw,noatime master:1 - type source rw,options".
func parseMounts(text string) []hierarchy {
	var found []hierarchy
	for line := range strings.Lines(text) {
		before, after, ok := strings.Cut(line, " - ")
		head, tail := strings.Fields(before), strings.Fields(after)
		if !ok || len(head) < 6 || len(tail) < 3 {
			continue
		}
		h := hierarchy{root: unescape(head[3]), point: unescape(head[4])}
		switch tail[0] {
		case "cgroup2":
			h.unified = true
		case "cgroup":
			h.controllers = strings.Split(tail[2], ",")
		default:
			continue
		}
		found = append(found, h)
	}
	return found
}

// unescape undoes what mountinfo does to spaces, tabs, line feeds and backslashes.
func unescape(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}

// parseOwn reads from /proc/self/cgroup (cgroups(7)) which group a process is in:
// "5:cpu,cpuacct:/path" by controller, and "0::/path" of version 2 under "".
func parseOwn(text string) map[string]string {
	own := map[string]string{}
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) < 3 {
			continue
		}
		for controller := range strings.SplitSeq(parts[1], ",") {
			own[controller] = parts[2]
		}
	}
	return own
}

// dirOf is the directory of a group of a hierarchy, which may be mounted in part.
func (h hierarchy) dirOf(group string) (string, error) {
	below, err := filepath.Rel(h.root, group)
	if err != nil || strings.HasPrefix(below, "..") {
		if h.root == group {
			return h.point, nil
		}
		return "", fmt.Errorf("the group %s of this process is not below %s, which is all that %s shows of the hierarchy", group, h.root, h.point)
	}
	return filepath.Join(h.point, below), nil
}

// of finds the hierarchy of version 1 that has a controller.
func of(all []hierarchy, controller string) (hierarchy, bool) {
	i := slices.IndexFunc(all, func(h hierarchy) bool { return slices.Contains(h.controllers, controller) })
	if i < 0 {
		return hierarchy{}, false
	}
	return all[i], true
}
