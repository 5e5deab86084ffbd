// Package environ makes the environment that a replica starts with.
//
// A replica inherits the agent's environment, because on a host that is how
// proxies, certificates, package indexes, CUDA and locale are set up, without
// what would surprise it or should not reach it:
//
//   - variables whose names look like secrets (TOKEN, SECRET, PASSWORD,
//     CREDENTIAL, KEY as words of the name) and kfmesh's own settings, unless
//     the agent is told to pass them on;
//   - variables of the Python environment or notebook that the agent happens to
//     have been started from.
//
// The package is pure.
package environ

import (
	"regexp"
	"slices"
	"strings"
)

// secret matches names of variables that hold secrets, by convention.
var secret = regexp.MustCompile(`(?i)(^|_)(TOKENS?|SECRETS?|PASSWD|PASSWORDS?|PASSPHRASE|PWD_FILE|CREDENTIALS?|KEY|KEYS|APIKEY|AUTH|COOKIE|DSN)(_|$)`)

// notInherited are variables that belong to the agent's own surroundings.
var notInherited = []string{
	"VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "CONDA_PREFIX", "PYTHONHOME", "__PYVENV_LAUNCHER__", "PYTHONSTARTUP",
	"PWD", "OLDPWD", "SHLVL", "_", "PS1", "INVOCATION_ID", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "DATABASE_URL",
}

// Inherit returns the entries of the host's environment that replicas get. pass
// names variables that are passed on whatever they look like.
func Inherit(host, pass []string) []string {
	var kept []string
	for _, entry := range host {
		name, _, ok := strings.Cut(entry, "=")
		if !ok || name == "" {
			continue
		}
		hidden := secret.MatchString(name) || strings.HasPrefix(name, "KFMESH_") || slices.Contains(notInherited, name)
		if !hidden || slices.Contains(pass, name) {
			kept = append(kept, entry)
		}
	}
	return kept
}

// Default adds NAME=value unless env has the name.
func Default(env []string, name, value string) []string {
	if _, ok := Lookup(env, name); ok {
		return env
	}
	return append(env, name+"="+value)
}

// Lookup returns the value that counts for a name: the last.
func Lookup(env []string, name string) (string, bool) {
	for _, entry := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// PrependPath puts directories before those of PATH, or of any such list.
func PrependPath(env []string, name string, dirs ...string) []string {
	if len(dirs) == 0 {
		return env
	}
	if old, ok := Lookup(env, name); ok && old != "" {
		dirs = append(slices.Clone(dirs), old)
	}
	return append(env, name+"="+strings.Join(dirs, ":"))
}
