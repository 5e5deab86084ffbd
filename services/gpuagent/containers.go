package gpuagent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/mount"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime/container"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime/process"
)

// validateContainers says what is wrong with the settings of containers.
func (c Config) validateContainers() []fault.Violation {
	var wrong []fault.Violation
	if !slices.Contains([]string{runtimeProcess, runtimeContainer, runtimeAuto}, c.Runtime) {
		wrong = append(wrong, fault.Violation{Field: "runtime", Reason: fmt.Sprintf("%q: want process, container or auto", c.Runtime)})
	}
	if c.ContainerNetwork == "" {
		wrong = append(wrong, fault.Violation{Field: "container-network", Reason: "is empty: want host, bridge, none or the name of a network"})
	}
	if !container.ValidUser(c.ContainerUser) {
		wrong = append(wrong, fault.Violation{Field: "container-user", Reason: fmt.Sprintf("%q: want image, agent, or numbers as uid or uid:gid", c.ContainerUser)})
	}
	for i, text := range c.ContainerMounts {
		if m := parseMount(text); !filepath.IsAbs(m.Source) {
			wrong = append(wrong, fault.Violation{
				Field:  fmt.Sprintf("container-mounts[%d]", i),
				Reason: fmt.Sprintf("%q: want the absolute path of a directory, with :ro behind it to refuse writing", text),
			})
		}
	}
	return wrong
}

func parseMount(text string) mount.Mount {
	path, readOnly := strings.CutSuffix(text, ":ro")
	path = filepath.Clean(path)
	return mount.Mount{Source: path, Target: path, ReadOnly: readOnly}
}

// runtimes are what the configuration offers. Containers that an earlier
// configuration began are taken up all the same.
func (c Config) runtimes(processes *process.Runtime, deps app.Deps, host []string) runtime.Set {
	o := c.containerOptions(host)
	o.Mounts, o.Log, o.Supervisor = c.sharedDirs(deps), deps.Log, processes.Supervisor
	containers := container.New(o)
	switch c.Runtime {
	case runtimeProcess:
		return runtime.Set{Offered: []runtime.Runtime{processes}, Retired: []runtime.Runtime{containers}}
	case runtimeContainer:
		return runtime.Set{Offered: []runtime.Runtime{containers}, Retired: []runtime.Runtime{processes}}
	default:
		return runtime.Set{Offered: []runtime.Runtime{processes, containers}}
	}
}

func (c Config) containerOptions(host []string) container.Options {
	return container.Options{
		Host: c.ContainerHost, Network: c.ContainerNetwork, User: c.ContainerUser, Registries: c.registries(), Env: host,
	}
}

// ContainerEngine returns the name and version of the container engine that an agent
// of this configuration would use; fault.Unavailable when none answers.
func (c Config) ContainerEngine(ctx context.Context) (string, error) {
	containers := container.New(c.containerOptions(os.Environ()))
	defer containers.Close()
	return containers.Check(ctx)
}

// sharedDirs are the artifacts, where they are in a directory, and what the
// configuration adds.
func (c Config) sharedDirs(deps app.Deps) []mount.Mount {
	var mounts []mount.Mount
	if dir, ok := deps.Blob.Local(); ok {
		mounts = append(mounts, parseMount(dir))
	}
	for _, text := range c.ContainerMounts {
		mounts = append(mounts, parseMount(text))
	}
	return mounts
}

// registries is the file with the credentials for registries.
func (c Config) registries() string {
	if c.ContainerRegistries != "" {
		return c.ContainerRegistries
	}
	dir := os.Getenv("DOCKER_CONFIG")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".docker")
	}
	return filepath.Join(dir, "config.json")
}
