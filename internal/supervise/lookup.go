package supervise

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// LookPath finds the program of a spec as execvp would within its environment.
func LookPath(spec Spec) (string, error) {
	if len(spec.Args) == 0 || spec.Args[0] == "" {
		return "", errors.New("there is no command to run")
	}
	name := spec.Args[0]
	if strings.Contains(name, "/") {
		return name, nil // execve reports what is wrong with it
	}
	absent := true
	for _, dir := range filepath.SplitList(lookupEnv(spec.Env, "PATH")) {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		switch {
		case err != nil || info.IsDir():
		case info.Mode()&0o111 == 0:
			absent = false
		default:
			return path, nil
		}
	}
	if absent {
		return "", fs.ErrNotExist
	}
	return "", fs.ErrPermission
}

// Exit statuses of what could not be started, as shells have them.
const (
	CodeNotExecutable = 126
	CodeNotFound      = 127
)

// StartFailure gives the exit status that a shell would give, and a sentence.
func StartFailure(spec Spec, err error) (code int, message string) {
	name := ""
	if len(spec.Args) > 0 {
		name = spec.Args[0]
	}
	if group, ok := errors.AsType[*groupError](err); ok {
		return CodeNotExecutable, fmt.Sprintf("its limits cannot be set: %v", group)
	}
	switch {
	case name == "":
		return CodeNotFound, err.Error()
	case errors.Is(err, fs.ErrNotExist) && !strings.Contains(name, "/"):
		return CodeNotFound, fmt.Sprintf("program %q is in no directory of PATH: is it installed here?", name)
	case errors.Is(err, fs.ErrNotExist):
		return CodeNotFound, fmt.Sprintf("program %q, its interpreter or working directory %q does not exist", name, spec.WorkDir)
	case spec.Isolate && (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EINVAL)):
		return CodeNotExecutable, "its mounts cannot be made: this host does not let a user who is not root make namespaces (user.max_user_namespaces, " +
			"kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)"
	case errors.Is(err, fs.ErrPermission):
		return CodeNotExecutable, fmt.Sprintf("program %q may not be executed", name)
	case errors.Is(err, syscall.E2BIG):
		return CodeNotExecutable, fmt.Sprintf("arguments and environment of %q are larger than the system allows", name)
	case errors.Is(err, syscall.ENOEXEC):
		return CodeNotExecutable, fmt.Sprintf("program %q is not an executable of this machine: a script needs a #! line", name)
	}
	return CodeNotExecutable, fmt.Sprintf("program %q cannot be started: %v", name, err)
}

func lookupEnv(env []string, name string) string {
	value := ""
	for _, entry := range env {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			value = v
		}
	}
	return value
}

// lastWins drops all but the last entry of each name.
func lastWins(env []string) []string {
	last := make(map[string]int, len(env))
	for i, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		last[name] = i
	}
	kept := make([]string, 0, len(last))
	for i, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		if last[name] == i {
			kept = append(kept, entry)
		}
	}
	return kept
}
