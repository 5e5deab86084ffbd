package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kfmesh/kfmesh/services/gpuagent/internal/environ"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/image"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/pyenv"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// pythonEnvironment gives a command the interpreter its image stands for and the
// packages it is about to install. A command that installs nothing runs without
// if no environment can be had: it may well not be Python.
func (s *starter) pythonEnvironment(ctx context.Context, entry image.Entry, args, env []string) ([]string, error) {
	installs := pyenv.Parse(args)
	interpreter, exact, err := s.runtime.Pythons.Find(ctx, entry.Python)
	if err != nil {
		if len(installs) > 0 {
			return nil, err
		}
		return env, nil
	}
	if !exact {
		s.order.Tell.Warn(fmt.Sprintf("image %s asks for Python %s, which this host does not have; it runs with %s",
			s.order.Template.GetImage(), entry.Python, interpreter.Version))
	}
	s.python = interpreter.Path
	request := pyenv.Request{Interpreter: interpreter, SystemPackages: entry.SystemPackages, Installs: installs}
	found, err := s.ensure(ctx, request)
	if err != nil && len(installs) == 0 && ctx.Err() == nil {
		s.runtime.Log.WarnContext(ctx, "no Python environment for a workload without installs", "workload", s.at.Workload, "error", err)
		return env, nil
	}
	if err != nil {
		return nil, err
	}
	site := filepath.Join(s.at.Dir, "site")
	if entry.SystemPackages && filepath.IsAbs(entry.Python) { // the programs of those packages, such as torchrun
		env = environ.PrependPath(env, "PATH", filepath.Dir(entry.Python))
	}
	s.spec.Fork = s.fork(found, args, env, site)
	env = environ.PrependPath(env, "PATH", found.Shims(), found.Bin(), filepath.Join(site, "bin"))
	env = environ.PrependPath(env, "PYTHONPATH", site)
	return append(env, pyenv.TargetVar+"="+site), nil
}

// ensure gets an environment and shows progress while it is being built.
func (s *starter) ensure(ctx context.Context, request pyenv.Request) (pyenv.Env, error) {
	end := func() {}
	defer func() { end() }()
	return s.runtime.Envs.Ensure(ctx, request, func(what string) {
		end()
		end = s.order.Tell.Progress(ctx, runtime.For(what))
	})
}

// installFailed puts the installer's output where the user looks for it.
func (s *starter) installFailed(err error) error {
	if install, ok := errors.AsType[*pyenv.InstallError](err); ok {
		if logErr := s.appendLog(fmt.Sprintf("%s:\n%s\n", install.Error(), install.Output)); logErr != nil {
			err = fmt.Errorf("%w; its output could not be kept: %w", install, logErr)
		} else {
			err = install
		}
	}
	return &runtime.Failure{Reason: runtime.ReasonInstall, Err: err}
}

func (s *starter) appendLog(text string) error {
	f, err := os.OpenFile(s.order.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
