package launch

import (
	"path"
	"regexp"
	"slices"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/placeholder"
)

// What a program can be started with.
const (
	// maxGivenBytes is how large an ExecutorInput may be that is handed over as an
	// argument where it could be as a file.
	maxGivenBytes = 32 << 10
	// maxArgumentBytes is how long Linux lets one argument or variable be, without
	// the zero byte that ends it: MAX_ARG_STRLEN of execve(2).
	maxArgumentBytes = 128<<10 - 1
	// maxCommandBytes is how long all of them may be together: they are part of a
	// workload, which is one value of the store.
	maxCommandBytes = 136 << 10
)

// inputFile is where a step finds an ExecutorInput that is too large for an
// argument: empty where nothing is fetched.
func (req Request) inputFile() string {
	if req.Layout.InputDir == "" {
		return ""
	}
	return path.Join(req.Layout.InputDir, "executor_input.json")
}

// bootProgram runs the SDK's executor as "python3 -m" does, but with the content of
// the file that --executor_input names in the place of its path: arguments of a
// program are limited, those that it gives itself are not. It has no quotes of the
// kind that a shell's script puts around it.
const bootProgram = `import os, runpy, sys; module = sys.argv.pop(1); at = sys.argv.index("--executor_input") + 1; ` +
	`sys.argv[at] = open(sys.argv[at], encoding="utf-8").read(); sys.path[:1] = [sys.path[0] or os.getcwd()]; ` +
	`runpy.run_module(module, run_name="__main__", alter_sys=True)`

// executorModule is the start of the SDK's executor in the script of a lightweight
// component.
var executorModule = regexp.MustCompile(`(python[0-9.]*) -m (kfp(?:\.v2)?\.(?:dsl|components)\.executor_main)\b`)

// executorName is its module where it is an argument of its own.
var executorName = regexp.MustCompile(`^kfp(?:\.v2)?\.(?:dsl|components)\.executor_main$`)

// boot returns a command of the SDK's that reads its ExecutorInput from a file, and
// whether the command is one of the SDK's.
func boot(command []string) ([]string, bool) {
	for i, arg := range command {
		if executorModule.MatchString(arg) {
			booted := slices.Clone(command)
			booted[i] = executorModule.ReplaceAllString(arg, "$1 -c '"+bootProgram+"' $2")
			return booted, true
		}
		if executorName.MatchString(arg) && i > 0 && command[i-1] == "-m" {
			booted := slices.Clone(command)
			booted[i-1] = "-c"
			return slices.Insert(booted, i, bootProgram), true
		}
	}
	return nil, false
}

// argumentSize adds up what a program is started with.
type argumentSize struct{ bytes int }

// resolve resolves the arguments of a field, and refuses what is too long.
func (s *argumentSize) resolve(scope *placeholder.Scope, field string, args []string) ([]string, error) {
	var all []string
	for i, arg := range args {
		resolved, err := scope.ResolveArgs([]string{arg})
		if err != nil {
			return nil, err
		}
		for _, text := range resolved {
			if len(text) > maxArgumentBytes {
				return nil, fault.New(fault.Invalid, "%s[%d], %q, is an argument of %d KiB; Linux starts no program with one above %d KiB: "+
					"hand large values over in an artifact", field, i, shorten(arg), len(text)>>10, (maxArgumentBytes+1)>>10)
			}
			s.bytes += len(text)
		}
		all = append(all, resolved...)
	}
	return all, s.check()
}

// environment refuses variables that are too long.
func (s *argumentSize) environment(env []ir.EnvVar) error {
	for _, v := range env {
		if size := len(v.Name) + 1 + len(v.Value); size > maxArgumentBytes {
			return fault.New(fault.Invalid, "the environment variable %s takes %d KiB; Linux starts no program with one above %d KiB: "+
				"hand large values over in an artifact", v.Name, size>>10, (maxArgumentBytes+1)>>10)
		}
		s.bytes += len(v.Name) + len(v.Value)
	}
	return s.check()
}

func (s *argumentSize) check() error {
	if s.bytes > maxCommandBytes {
		return fault.New(fault.Invalid, "its command, arguments and environment take %d KiB together; at most %d KiB are allowed: "+
			"hand large values over in an artifact", s.bytes>>10, maxCommandBytes>>10)
	}
	return nil
}

// shorten is the beginning of a text that is long.
func shorten(text string) string {
	if len(text) <= 100 {
		return text
	}
	return text[:100] + "..."
}
