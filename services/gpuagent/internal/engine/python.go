package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kfmesh/kfmesh/services/gpuagent/internal/environ"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/image"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/pyenv"
)

// pythonEnvironment gives a command the interpreter its image stands for and the
// packages it is about to install. A command that installs nothing runs without
// if no environment can be had: it may well not be Python.
func (r *replica) pythonEnvironment(ctx context.Context, entry image.Entry, args, env []string) ([]string, error) {
	e := r.life.engine
	installs := pyenv.Parse(args)
	interpreter, exact, err := e.Pythons.Find(ctx, entry.Python)
	if err != nil {
		if len(installs) > 0 {
			return nil, err
		}
		return env, nil
	}
	if !exact {
		r.life.warn(fmt.Sprintf("image %s asks for Python %s, which this host does not have; it runs with %s",
			r.template.GetImage(), entry.Python, interpreter.Version))
	}
	request := pyenv.Request{Interpreter: interpreter, SystemPackages: entry.SystemPackages, Installs: installs}
	found, err := r.ensure(ctx, request)
	if err != nil && len(installs) == 0 && ctx.Err() == nil {
		e.Log.WarnContext(ctx, "no Python environment for a workload without installs", "workload", r.life.key, "error", err)
		return env, nil
	}
	if err != nil {
		return nil, err
	}
	site := filepath.Join(r.dir, "site")
	env = environ.PrependPath(env, "PATH", found.Shims(), found.Bin(), filepath.Join(site, "bin"))
	env = environ.PrependPath(env, "PYTHONPATH", site)
	return append(env, pyenv.TargetVar+"="+site), nil
}

// ensure gets an environment and shows progress while it is being built.
func (r *replica) ensure(ctx context.Context, request pyenv.Request) (pyenv.Env, error) {
	end := func() {}
	defer func() { end() }()
	return r.life.engine.Envs.Ensure(ctx, request, func(what string) {
		end()
		end = r.progress(ctx, what)
	})
}

// installFailed puts the installer's output where the user looks for it.
func (r *replica) installFailed(install *pyenv.InstallError) *result {
	text := fmt.Sprintf("%s:\n%s\n", install.Error(), install.Output)
	f, err := os.OpenFile(logPath(r.dir), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.WriteString(text)
		_ = f.Close()
	}
	if err != nil {
		return failed(reasonInstall, fmt.Errorf("%w; its output could not be kept: %w", install, err))
	}
	return failed(reasonInstall, install)
}
