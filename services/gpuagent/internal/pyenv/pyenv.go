// Package pyenv gives steps the Python packages they ask for without making each
// of them install anything.
//
// A step that runs "pip install" in its command, as every lightweight KFP
// component does, would take seconds for what is the same in every run. Parse
// finds these installs; Cache builds one environment for each interpreter and
// ordered list of installs, once, and byte-compiles it; and the step then runs
// with small shell scripts in place of pip and python, which answer exactly those
// installs at once and pass everything else on.
//
// Layout of the cache directory:
//
//	<digest>/venv/     the environment; never changed once it is ready
//	<digest>/shims/    python, python3, pip, pip3
//	<digest>/forkserver.py
//	<digest>/ready     written last; an environment without it is built anew; its
//	                   time is that of the last use
//	<digest>.lock      held while it is being built
//	<digest>.gone/     an environment that is being removed
//
// An install that was not foreseen (in a script's own code, in a branch) goes to
// a directory of the replica alone, never into the environment: see shim.go.
//
// Environments are built by uv where there is one, otherwise by venv and pip.
// A Cache is safe for concurrent use, by several processes too.
package pyenv

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
)

// layoutVersion changes when environments built by older code must not be used.
const layoutVersion = 2

// Request says what an environment must have.
type Request struct {
	Interpreter Interpreter
	// SystemPackages makes what the interpreter has installed visible.
	SystemPackages bool
	// Installs are made in order.
	Installs []Install
}

// Env is an environment that is ready.
type Env struct{ dir string }

// Shims is the directory to put first in PATH.
func (e Env) Shims() string { return filepath.Join(e.dir, "shims") }

// Bin is the directory to put second, with what packages installed as programs.
func (e Env) Bin() string { return filepath.Join(e.dir, "venv", "bin") }

// ForkServer is the command of the fork server for components; see package supervise.
func (e Env) ForkServer() []string { return []string{e.python(), e.forkServer()} }

func (e Env) forkServer() string { return filepath.Join(e.dir, "forkserver.py") }

func (e Env) python() string { return filepath.Join(e.Bin(), "python3") }

func (e Env) ready() string { return filepath.Join(e.dir, "ready") }

// InstallError is an installer's refusal.
type InstallError struct {
	What   string // what was to be installed
	Output string // what the installer printed
}

// Error names what could not be installed; the output is for the step's log.
func (e *InstallError) Error() string { return fmt.Sprintf("cannot install %s", e.What) }

// digest names the environment that answers a request. Settings that change
// where packages come from are part of it.
func digest(r Request, settings []string) string {
	data, err := json.Marshal(struct {
		Version  int
		Request  Request
		Settings []string
	}{layoutVersion, r, settings})
	if err != nil {
		panic(fmt.Sprintf("pyenv: marshal request: %v", err)) // strings and booleans only
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:12])
}

// describe names what installs are about, for people.
func describe(installs []Install) string {
	var names []string
	for _, i := range installs {
		names = append(names, i.Requirements()...)
	}
	return strings.Join(names, ", ")
}
