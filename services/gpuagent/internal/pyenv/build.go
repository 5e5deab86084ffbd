package pyenv

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/kfmesh/kfmesh/services/gpuagent/internal/environ"
)

// outputBytes is how much of an installer's output is kept.
const outputBytes = 16 << 10

// builder makes environments with uv, or without.
type builder struct {
	uv       string
	env      []string // of installers
	settings []string // those of env that decide where packages come from
}

// renamed are pip's settings that uv has under other names.
func renamed() [][2]string {
	return [][2]string{
		{"PIP_INDEX_URL", "UV_DEFAULT_INDEX"},
		{"PIP_EXTRA_INDEX_URL", "UV_INDEX"},
		{"PIP_FIND_LINKS", "UV_FIND_LINKS"},
		{"PIP_NO_INDEX", "UV_NO_INDEX"},
		{"PIP_TRUSTED_HOST", "UV_INSECURE_HOST"},
		{"PIP_CERT", "SSL_CERT_FILE"},
		{"PIP_CONSTRAINT", "UV_CONSTRAINT"},
		{"PIP_DEFAULT_TIMEOUT", "UV_HTTP_TIMEOUT"},
		{"PIP_NO_BINARY", "UV_NO_BINARY_PACKAGE"},
	}
}

func newBuilder(uv string, env []string) builder {
	b := builder{uv: uv, env: InstallerEnv(env)}
	for _, entry := range b.env {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "UV_") || strings.HasPrefix(name, "PIP_") {
			b.settings = append(b.settings, entry)
		}
	}
	slices.Sort(b.settings)
	return b
}

// InstallerEnv is the environment of installers: env with pip's settings also
// under the names that uv knows, and uv set to choose among indexes as pip does.
func InstallerEnv(env []string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		return strings.HasPrefix(entry, "PYTHONPATH=")
	})
	for _, pair := range renamed() {
		if value, ok := environ.Lookup(env, pair[0]); ok && value != "" {
			if pair[1] == "UV_FIND_LINKS" {
				value = strings.Join(strings.Fields(value), ",")
			}
			env = environ.Default(env, pair[1], value)
		}
	}
	env = environ.Default(env, "UV_INDEX_STRATEGY", "unsafe-best-match")
	return environ.Default(env, "UV_PYTHON_DOWNLOADS", "never")
}

// build makes the environment and everything but its ready file. The installers inherit
// the lock: one that outlives an agent that was killed keeps others off until it ends.
func (b builder) build(ctx context.Context, e Env, r Request, lock *os.File) error {
	venv := filepath.Join(e.dir, "venv")
	if err := os.MkdirAll(e.dir, 0o755); err != nil {
		return err
	}
	if err := b.run(ctx, "a Python environment", b.venvCommand(r, venv), lock); err != nil {
		return err
	}
	site := filepath.Join(venv, "lib", "python"+r.Interpreter.Minor(), "site-packages")
	if r.SystemPackages && r.Interpreter.Site != "" { // a venv made from a venv sees past it
		if err := os.WriteFile(filepath.Join(site, "_host.pth"), []byte(r.Interpreter.Site+"\n"), 0o644); err != nil {
			return err
		}
	}
	for _, install := range r.Installs {
		what := strings.Join(install.Requirements(), ", ")
		if err := b.run(ctx, what, b.installCommand(r, install, e.python()), lock); err != nil {
			return err
		}
	}
	if err := writePipModule(e, site); err != nil {
		return err
	}
	if err := os.WriteFile(e.forkServer(), []byte(forkServer), 0o644); err != nil {
		return err
	}
	return writeShims(e, r, b.uv)
}

func (b builder) venvCommand(r Request, dir string) []string {
	command := []string{r.Interpreter.Path, "-I", "-m", "venv", "--without-pip"} // which takes most of its time
	if b.uv != "" {
		command = []string{b.uv, "venv", "--quiet", "--no-project", "--python", r.Interpreter.Path}
	}
	if r.SystemPackages {
		command = append(command, "--system-site-packages")
	}
	return append(command, dir)
}

// installCommand installs from outside, with uv or the pip of the interpreter
// that the environment was made from (22.3 or later).
func (b builder) installCommand(r Request, i Install, python string) []string {
	if b.uv == "" {
		return append([]string{r.Interpreter.Path, "-m", "pip", "--python", python, "install"}, i.Args...)
	}
	args, _, _ := i.translate() // Parse has seen that it can be
	return append([]string{b.uv, "pip", "install", "--compile-bytecode", "--python", python}, args...)
}

// run runs an installer and keeps what it prints for the case that it fails. It
// is killed with its children when ctx ends.
func (b builder) run(ctx context.Context, what string, command []string, lock *os.File) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env, cmd.Dir = &output, &output, b.env, "/"
	cmd.SysProcAttr, cmd.ExtraFiles = &syscall.SysProcAttr{Setpgid: true}, []*os.File{lock}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, failed := errors.AsType[*exec.ExitError](err); failed {
		text := output.Bytes()
		return &InstallError{What: what, Output: string(text[max(0, len(text)-outputBytes):])}
	}
	return err
}
