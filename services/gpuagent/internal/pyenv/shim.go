package pyenv

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// TargetVar is the variable that names a replica's own directory for packages
// that it installs while it runs. The directory is also in its PYTHONPATH.
const TargetVar = "KFMESH_PIP_TARGET"

// The shims are plain sh, so that an install that is there already costs a
// millisecond and not the start of an interpreter.

// pythonShim wants the known installs and the interpreter.
const pythonShim = `#!/bin/sh
if [ "$1" = -m ] && [ "$2" = pip ]; then
  case "$#:$*" in
%[1]s  esac
  shift 2
  exec "${0%%/*}/pip" "$@"
fi
exec %[2]s "$@"
`

// pipShim wants the known installs, the command for anything but an install,
// options to drop without and with a value, and the command for an install.
const pipShim = `#!/bin/sh
case "$#:$*" in
%[1]sesac
if [ "$1" != install ] || [ -z "$` + TargetVar + `" ]; then
  exec %[2]s
fi
shift
value=
for arg do
  shift
  if [ -n "$value" ]; then
    value=
    continue
  fi
  case "$arg" in
  %[3]s) ;;
  %[4]s) value=1 ;;
  --pre) set -- "$@" --prerelease=allow ;;
  --force-reinstall | --ignore-installed) set -- "$@" --reinstall ;;
  *) set -- "$@" "$arg" ;;
  esac
done
exec %[5]s
`

// pipModule stands in for pip inside an environment, so that a program that runs
// "sys.executable -m pip" does not change what other steps share.
const pipModule = `import os, sys
os.execv(%[1]q, [%[1]q] + sys.argv[1:])
`

// writeShims puts the shims of an environment in place.
func writeShims(e Env, r Request, uv string) error {
	if err := os.MkdirAll(e.Shims(), 0o755); err != nil {
		return err
	}
	python := quote(e.python())
	pipOfHost := quote(r.Interpreter.Path) + ` -m pip --python ` + python
	other := pipOfHost + ` "$@"`
	install := pipOfHost + ` install --upgrade --target "$` + TargetVar + `" "$@"`
	plain, valued := "--user", "--root"
	if uv != "" {
		other = quote(uv) + ` pip "$@" --python ` + python
		install = quote(uv) + ` pip install --python ` + python + ` --target "$` + TargetVar + `" "$@"`
		plain, valued = droppedForUV()
	}
	pip := fmt.Sprintf(pipShim, branches(r.Installs, "install"), other, plain, valued, install)
	for _, name := range []string{"pip", "pip3"} {
		if err := writeExecutable(filepath.Join(e.Shims(), name), pip); err != nil {
			return err
		}
	}
	script := fmt.Sprintf(pythonShim, branches(r.Installs, "-m", "pip", "install"), python)
	for _, name := range []string{"python", "python3", "python" + r.Interpreter.Minor()} {
		if err := writeExecutable(filepath.Join(e.Shims(), name), script); err != nil {
			return err
		}
	}
	return nil
}

// branches are the case branches that answer installs which are there already.
func branches(installs []Install, leading ...string) string {
	var out strings.Builder
	for _, i := range installs {
		args := append(slices.Clone(leading), i.Args...)
		fmt.Fprintf(&out, "  %s) exit 0 ;;\n", quote(fmt.Sprintf("%d:%s", len(args), strings.Join(args, " "))))
	}
	return out.String()
}

// droppedForUV are the pip options that uv does without, as patterns of case:
// those without a value, and those with one.
func droppedForUV() (plain, valued string) {
	known := options()
	var with, without []string
	for _, name := range slices.Sorted(maps.Keys(known)) {
		switch o := known[name]; {
		case o.uv != "":
		case o.value:
			with = append(with, name)
			without = append(without, name+"=*")
		default:
			without = append(without, name)
		}
	}
	return strings.Join(without, " | "), strings.Join(with, " | ")
}

// writePipModule makes "python -m pip" inside the environment the pip shim.
func writePipModule(e Env, sitePackages string) error {
	dir := filepath.Join(sitePackages, "pip")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "__init__.py"), nil, 0o644); err != nil {
		return err
	}
	main := fmt.Sprintf(pipModule, filepath.Join(e.Shims(), "pip"))
	return os.WriteFile(filepath.Join(dir, "__main__.py"), []byte(main), 0o644)
}

func writeExecutable(path, content string) error {
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		return err
	}
	return os.Chmod(path, 0o755)
}

// quote makes text one literal word of a shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
