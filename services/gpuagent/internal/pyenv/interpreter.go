package pyenv

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Interpreter is a Python of this host.
type Interpreter struct {
	Path    string // the program itself, not a launcher that looks for one
	Version string // such as "3.11.7"
	// Site is the interpreter's own site-packages when it is a virtual
	// environment's, and otherwise empty.
	Site string
}

// Minor is the version without its last part, such as "3.11".
func (i Interpreter) Minor() string {
	parts := strings.SplitN(i.Version, ".", 3)
	if len(parts) < 2 {
		return i.Version
	}
	return parts[0] + "." + parts[1]
}

// Finder finds interpreters and remembers what it found. It is safe for
// concurrent use.
type Finder struct {
	preferred string   // path or name of the default interpreter
	env       []string // of the agent

	mu    sync.Mutex
	known map[string]Interpreter // guarded by mu; by what was asked for
}

// NewFinder returns a finder whose default interpreter is the preferred one,
// a path or a name in PATH; empty means python3.
func NewFinder(preferred string, env []string) *Finder {
	if preferred == "" {
		preferred = "python3"
	}
	return &Finder{preferred: preferred, env: env, known: map[string]Interpreter{}}
}

// Find returns the interpreter that is wanted: a path, a version such as "3.11"
// or "3.11.4" (of which the first two numbers count), or the default when empty.
// When there is none of that version it returns the default and exact is false.
func (f *Finder) Find(ctx context.Context, want string) (found Interpreter, exact bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.Contains(want, "/") {
		found, err = f.probe(ctx, want)
		return found, true, err
	}
	standard, err := f.probe(ctx, f.preferred)
	if want == "" || err == nil && matches(standard, want) {
		return standard, true, err
	}
	for _, candidate := range candidates(want) {
		if i, err := f.probe(ctx, candidate); err == nil && matches(i, want) {
			return i, true, nil
		}
	}
	return standard, false, err
}

// matches compares as many numbers of the version as containers promise to be
// alike: a step for 3.11.4 runs on 3.11.7.
func matches(i Interpreter, want string) bool {
	parts := strings.SplitN(want, ".", 3)
	if len(parts) > 2 {
		parts = parts[:2]
	}
	return strings.HasPrefix(i.Version+".", strings.Join(parts, ".")+".")
}

// candidates are where an interpreter of a version may be, by the habits of
// distributions, pyenv and uv.
func candidates(want string) []string {
	version := Interpreter{Version: want}.Minor()
	home, _ := os.UserHomeDir() // empty: those patterns match nothing
	found := []string{"python" + version}
	for _, pattern := range []string{
		filepath.Join(home, ".pyenv/versions", version+"*", "bin/python3"),
		filepath.Join(home, ".local/share/uv/python", "cpython-"+version+".*", "bin/python3"),
		filepath.Join("/opt/python", version+"*", "bin/python3"),
		filepath.Join("/usr/local/bin", "python"+version),
		filepath.Join("/usr/bin", "python"+version),
	} {
		paths, err := filepath.Glob(pattern)
		if err == nil { // a home with a bracket in its name makes no pattern
			found = append(found, paths...)
		}
	}
	return found
}

// probeScript prints what an Interpreter is made of.
const probeScript = `import sys, sysconfig
print(sys.executable)
print("%d.%d.%d" % sys.version_info[:3])
print(sysconfig.get_paths()["purelib"] if sys.prefix != getattr(sys, "base_prefix", sys.prefix) else "")`

// probe asks an interpreter what it is. The finder is locked.
func (f *Finder) probe(ctx context.Context, name string) (Interpreter, error) {
	if i, ok := f.known[name]; ok {
		return i, nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return Interpreter{}, fault.Preconditionf("there is no Python here: %s is not in PATH", name).WithCause(err)
	}
	cmd := exec.CommandContext(ctx, path, "-I", "-c", probeScript)
	cmd.Env = f.env
	out, err := cmd.Output()
	if err != nil {
		return Interpreter{}, fault.Preconditionf("%s does not work as a Python interpreter", path).WithCause(err)
	}
	lines := strings.Split(string(out), "\n")
	if len(lines) < 3 {
		return Interpreter{}, fault.Preconditionf("%s does not work as a Python interpreter", path).
			WithCause(fmt.Errorf("it printed %q", out))
	}
	i := Interpreter{Path: lines[0], Version: lines[1], Site: lines[2]}
	f.known[name] = i
	return i, nil
}
