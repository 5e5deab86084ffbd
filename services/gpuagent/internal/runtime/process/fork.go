package process

import (
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/internal/supervise"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/environ"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/pyenv"
)

// fork returns how a component of the kfp SDK can be had as a fork, nil for any other
// command. site is where the replica's own packages come.
func (s *starter) fork(found pyenv.Env, args, env []string, site string) *supervise.Fork {
	component, ok := pyenv.ParseComponent(args)
	if !ok || !strings.HasPrefix(s.order.WorkDir, s.at.Dir+"/") { // modules of the directory come before all others
		return nil
	}
	env, ok = atStart(env)
	if !ok {
		return nil
	}
	return &supervise.Fork{Args: found.ForkServer(), Env: env, Task: component.Task(site)}
}

// readAtStart are the variables that an interpreter and the C library read when they
// start, and never again; all that begin so where a name ends in an underscore.
var readAtStart = []string{
	"PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONIOENCODING", "PYTHONUTF8",
	"PYTHONNOUSERSITE", "PYTHONWARNINGS", "PYTHONFAULTHANDLER", "HOME", "LANG", "LANGUAGE", "LC_", "TZ", "LD_", "MALLOC_", "GLIBC_TUNABLES",
}

// atStart returns those of an environment. It reports false for one that has other
// settings of Python, which a fork may not be able to make up for.
func atStart(env []string) ([]string, bool) {
	var kept []string
	for _, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		switch {
		case slices.ContainsFunc(readAtStart, func(known string) bool {
			return name == known || strings.HasSuffix(known, "_") && strings.HasPrefix(name, known)
		}):
			value, _ := environ.Lookup(env, name)
			kept = append(kept, name+"="+value)
		case strings.HasPrefix(name, "PYTHON"):
			return nil, false
		}
	}
	slices.Sort(kept)
	return slices.Compact(kept), true
}
