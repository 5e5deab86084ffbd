package pyenv

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// Install is one "pip install": its arguments after "install", as pip has them.
type Install struct{ Args []string }

// Parse returns the installs that a step's command and arguments are certain to
// make, in order. Only scripts handed to a shell are read, so that the words
// "pip install" in a program's source mean nothing. An install that depends on
// the step's own files or variables, or has an option that is not known here, is
// left out: it is made when the step runs.
func Parse(args []string) []Install {
	var installs []Install
	for i, arg := range args {
		if !isShellScript(args[:i]) {
			continue
		}
		commands, _ := simples(arg)
		for _, command := range commands {
			if install, ok := parseInstall(command); ok {
				installs = append(installs, install)
			}
		}
	}
	return installs
}

var (
	shellName  = regexp.MustCompile(`^(sh|bash|dash|ash|zsh|ksh)$`)
	shellC     = regexp.MustCompile(`^-[a-z]*c[a-z]*$`)
	assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
	pythonName = regexp.MustCompile(`^python[0-9.]*$`)
	pipName    = regexp.MustCompile(`^pip[0-9.]*$`)
)

// isShellScript reports whether the argument after these is a shell's script:
// "sh -c", "bash -eu -c", anywhere in the list.
func isShellScript(before []string) bool {
	if len(before) < 2 || !shellC.MatchString(before[len(before)-1]) {
		return false
	}
	options := before[:len(before)-1]
	for len(options) > 1 && strings.HasPrefix(options[len(options)-1], "-") {
		options = options[:len(options)-1]
	}
	return shellName.MatchString(path.Base(options[len(options)-1]))
}

// parseInstall recognises "pip install ..." and "python3 -m pip install ...",
// after any assignments.
func parseInstall(command simple) (Install, bool) {
	words := command.words
	for len(words) > 0 && assignment.MatchString(words[0].text) {
		words = words[1:]
	}
	if !command.certain || slices.ContainsFunc(words, func(w word) bool { return w.dynamic }) {
		return Install{}, false
	}
	args := make([]string, len(words))
	for i, w := range words {
		args[i] = w.text
	}
	switch {
	case len(args) > 2 && pipName.MatchString(args[0]) && args[1] == "install":
		args = args[2:]
	case len(args) > 4 && pythonName.MatchString(args[0]) && args[1] == "-m" && args[2] == "pip" && args[3] == "install":
		args = args[4:]
	default:
		return Install{}, false
	}
	install := Install{Args: args}
	_, requirements, ok := install.translate()
	return install, ok && len(requirements) > 0
}

// Requirements are the arguments that name packages.
func (i Install) Requirements() []string {
	_, requirements, _ := i.translate()
	return requirements
}

// option is what becomes of a pip option when uv installs.
type option struct {
	uv    string // its name there; empty: it is dropped, as it changes nothing that matters here
	value bool   // whether a value follows
}

// options are the pip options that are known here. Those that name files of the
// step are not: what is in a file can change.
func options() map[string]option {
	return map[string]option{
		"-q": {"-q", false}, "--quiet": {"-q", false}, "-qq": {"-q", false}, "-qqq": {"-q", false},
		"-v": {"", false}, "--verbose": {"", false},
		"-U": {"--upgrade", false}, "--upgrade": {"--upgrade", false},
		"--no-deps": {"--no-deps", false}, "--no-dependencies": {"--no-deps", false},
		"--no-index": {"--no-index", false}, "--require-hashes": {"--require-hashes", false},
		"--no-build-isolation": {"--no-build-isolation", false},
		"--pre":                {"--prerelease=allow", false},
		"--force-reinstall":    {"--reinstall", false}, "-I": {"--reinstall", false}, "--ignore-installed": {"--reinstall", false},
		"-i": {"--index-url", true}, "--index-url": {"--index-url", true},
		"--extra-index-url": {"--extra-index-url", true},
		"--trusted-host":    {"--allow-insecure-host", true},
		"-f":                {"--find-links", true}, "--find-links": {"--find-links", true},
		"--only-binary": {"--only-binary", true}, "--no-binary": {"--no-binary", true},
		"--no-warn-script-location": {}, "--disable-pip-version-check": {}, "--no-warn-conflicts": {},
		"--no-input": {}, "--no-color": {}, "--no-python-version-warning": {}, "--user": {}, "--prefer-binary": {},
		"--no-cache-dir": {}, "--use-pep517": {}, "--break-system-packages": {},
		"--progress-bar": {value: true}, "--root-user-action": {value: true}, "--retries": {value: true},
		"--timeout": {value: true}, "--default-timeout": {value: true}, "--upgrade-strategy": {value: true},
	}
}

// translate returns the arguments for uv, which of them are requirements, and
// whether all were understood.
func (i Install) translate() (uv, requirements []string, ok bool) {
	known := options()
	for at := 0; at < len(i.Args); at++ {
		arg := i.Args[at]
		if !strings.HasPrefix(arg, "-") {
			if isPath(arg) {
				return nil, nil, false
			}
			requirements = append(requirements, arg)
			uv = append(uv, arg)
			continue
		}
		name, value, joined := strings.Cut(arg, "=")
		o, found := known[name]
		if !found || joined && !o.value {
			return nil, nil, false
		}
		if o.value && !joined {
			if at++; at == len(i.Args) {
				return nil, nil, false
			}
			value = i.Args[at]
		}
		switch {
		case o.uv == "":
		case o.value:
			uv = append(uv, o.uv, value)
		default:
			uv = append(uv, o.uv)
		}
	}
	return uv, requirements, true
}

// isPath reports whether a requirement names something on disk.
func isPath(requirement string) bool {
	return requirement == "" || strings.HasPrefix(requirement, ".") || strings.HasPrefix(requirement, "/") ||
		strings.Contains(requirement, "file:") || strings.HasSuffix(requirement, ".whl") && !strings.Contains(requirement, "://") ||
		strings.HasSuffix(requirement, ".tar.gz") && !strings.Contains(requirement, "://")
}
