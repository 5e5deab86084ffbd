package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Find looks where this process may make groups. Root is where the file system begins,
// "/" but in tests.
func Find(root string) Place {
	f := finder{root: root}
	mounts, err := f.read("/proc/self/mountinfo")
	own, err2 := f.read("/proc/self/cgroup")
	if err := errors.Join(err, err2); err != nil {
		return lacking(err)
	}
	all, groups := parseMounts(mounts), parseOwn(own)
	var p Place
	if _, legacy := of(all, Memory); legacy {
		p = f.legacy(all, groups)
	} else {
		p = f.unified(all, groups[""])
	}
	p.Fence = f.fence(all, groups)
	return p
}

// lacking is a place without any controller.
func lacking(why error) Place {
	p := Place{Dirs: map[string]string{}, Lacks: map[string]error{}, Fence: FencePlace{Lacks: why}}
	for _, controller := range controllers {
		p.Lacks[controller] = why
	}
	return p
}

type finder struct{ root string }

func (f finder) read(path string) (string, error) {
	text, err := os.ReadFile(filepath.Join(f.root, path))
	return string(text), err
}

// legacy looks at the hierarchies of version 1, each by itself.
func (f finder) legacy(all []hierarchy, groups map[string]string) Place {
	p := Place{Dirs: map[string]string{}, Lacks: map[string]error{}}
	for _, controller := range controllers {
		dir, err := f.legacyDir(all, groups, controller)
		if err != nil {
			p.Lacks[controller] = err
		} else {
			p.Dirs[controller] = dir
		}
	}
	return p
}

func (f finder) legacyDir(all []hierarchy, groups map[string]string, controller string) (string, error) {
	h, ok := of(all, controller)
	if !ok {
		return "", fmt.Errorf("the controller %s of control groups is not mounted", controller)
	}
	dir, err := h.dirOf(groups[controller])
	if err != nil {
		return "", err
	}
	dir = filepath.Join(f.root, dir)
	return dir, writable(dir)
}

func writable(dir string) error {
	err := unix.Access(dir, unix.W_OK|unix.X_OK)
	switch {
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("the control groups at %s are mounted read-only", dir)
	case err != nil:
		return fmt.Errorf("user %d may not make control groups in %s: %w", os.Geteuid(), dir, err)
	}
	return nil
}

// unifiedDir is where groups of version 2 can be made.
func (f finder) unifiedDir(all []hierarchy, own string) (string, error) {
	i := slices.IndexFunc(all, func(h hierarchy) bool { return h.unified })
	if i < 0 {
		return "", errors.New("no control groups are mounted, which is usually at /sys/fs/cgroup")
	}
	dir, err := all[i].dirOf(own)
	if err != nil {
		return "", err
	}
	dir = filepath.Join(f.root, dir)
	if filepath.Base(dir) == leaf { // the step aside was taken already, by this agent or by who started it
		dir = filepath.Dir(dir)
	}
	if err := writable(dir); err != nil {
		return "", fmt.Errorf("%w: have them delegated, as by systemd's Delegate=yes", err)
	}
	return dir, nil
}

// unified looks at the hierarchy of version 2.
func (f finder) unified(all []hierarchy, own string) Place {
	dir, err := f.unifiedDir(all, own)
	if err != nil {
		return lacking(err)
	}
	p := Place{Unified: true, Dirs: map[string]string{}, Lacks: map[string]error{}}
	offered, err := words(dir, "cgroup.controllers")
	if err != nil {
		return lacking(err)
	}
	var wanted []string
	for _, controller := range controllers {
		if slices.Contains(offered, controller) {
			wanted = append(wanted, controller)
		} else {
			p.Lacks[controller] = fmt.Errorf("the controller %s is not delegated to %s", controller, dir)
		}
	}
	err = makeWay(dir, wanted)
	for _, controller := range wanted {
		if err != nil {
			p.Lacks[controller] = err
		} else if err := handDown(dir, controller); err != nil {
			p.Lacks[controller] = err
		} else {
			p.Dirs[controller] = dir
		}
	}
	return p
}

// words are those in a file of a group.
func words(dir, file string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, file))
	return strings.Fields(string(text)), err
}

// subtree is the file of the controllers that the groups below a group have.
const subtree = "cgroup.subtree_control"

// makeWay has no processes be in a group that is to hand controllers down. It comes before
// the first of them: the kernel hands cpu and pids down beside processes, but then takes the
// group for one of threads, which neither hands memory down nor has groups with processes
// below it. At the root of the hierarchy processes are in nobody's way.
func makeWay(dir string, wanted []string) error {
	on, err := words(dir, subtree)
	if err != nil {
		return err
	}
	given := func(controller string) bool { return slices.Contains(on, controller) }
	if !slices.ContainsFunc(wanted, func(c string) bool { return !given(c) }) || isRoot(dir) {
		return nil
	}
	return stepAside(dir)
}

// isRoot reports whether a group is the root of the hierarchy, which alone has no events.
func isRoot(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "cgroup.events"))
	return errors.Is(err, fs.ErrNotExist)
}

// handDown has the groups below a directory have a controller.
func handDown(dir, controller string) error {
	on, err := words(dir, subtree)
	if err == nil && slices.Contains(on, controller) {
		return nil
	}
	if err := os.WriteFile(filepath.Join(dir, subtree), []byte("+"+controller), 0o600); err != nil {
		return fmt.Errorf("the controller %s cannot be handed down in %s: %w", controller, dir, err)
	}
	return nil
}

// stepAside moves the processes of a group into one below it, if all are of this program.
func stepAside(dir string) error {
	all := (&Group{Dirs: map[string]string{"": dir}}).PIDs()
	if len(all) == 0 {
		return nil
	}
	for _, pid := range all {
		if !ours(pid) {
			return fmt.Errorf("process %d is in the group %s as well: start kfmesh in one of its own, as by systemd-run --scope -p Delegate=yes", pid, dir)
		}
	}
	aside := filepath.Join(dir, leaf)
	if err := os.Mkdir(aside, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	for _, pid := range all {
		err := os.WriteFile(filepath.Join(aside, procs), []byte(strconv.Itoa(pid)), 0o600)
		if err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("process %d cannot be moved aside in %s: %w", pid, dir, err)
		}
	}
	return nil
}

// ours reports whether a process is this one or a child of it.
func ours(pid int) bool {
	if pid == os.Getpid() {
		return true
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true // it has ended
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	return len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid())
}
