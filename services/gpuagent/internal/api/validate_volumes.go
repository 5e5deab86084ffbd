package api

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/attach"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/field"
)

// volumes checks what a template mounts, and where.
func (v *violations) volumes(at string, t *gpuagentv1.Template) {
	names := map[string]bool{}
	for i, volume := range t.GetVolumes() {
		where := fmt.Sprintf("%s.volumes[%d]", at, i)
		if names[volume.GetName()] {
			v.add(where+".name", "%q names an earlier volume too", volume.GetName())
		}
		names[volume.GetName()] = true
		if volume.GetSource() == nil {
			v.add(where, "has no source: want a secret, a config map, a claim, an empty_dir or a host_path")
		}
		v.items(where+".secret.items", volume.GetSecret())
		v.items(where+".config_map.items", volume.GetConfigMap())
		if err := attach.CheckHostPath(volume.GetHostPath()); err != nil {
			v.add(where+".host_path.type", "%s", reason(err))
		}
	}
	targets := map[string]bool{}
	for i, m := range t.GetMounts() {
		where := fmt.Sprintf("%s.mounts[%d]", at, i)
		if !names[m.GetVolume()] {
			v.add(where+".volume", "%q is no volume of this template", m.GetVolume())
		}
		target := path.Clean(m.GetPath())
		if targets[target] {
			v.add(where+".path", "something is mounted at %s already", target)
		}
		targets[target] = true
		v.target(where+".path", m.GetPath())
		if err := attach.CheckSubPath(m.GetSubPath()); err != nil {
			v.add(where+".sub_path", "%s", reason(err))
		}
	}
}

// target checks a mount point. The kernel's own directories are not to be had.
func (v *violations) target(where, target string) {
	clean := path.Clean(target)
	switch {
	case !path.IsAbs(target) || strings.ContainsRune(target, 0):
		v.add(where, "%q is not an absolute path", target)
	case clean == "/":
		v.add(where, "nothing can be mounted over the root: want a directory below it")
	case clean == "/proc" || clean == "/sys" || strings.HasPrefix(clean, "/proc/") || strings.HasPrefix(clean, "/sys/"):
		v.add(where, "%s is the kernel's: want another place", clean)
	}
}

// items checks the file names that a source gives its keys.
func (v *violations) items(where string, source *gpuagentv1.KeyedSource) {
	files := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(source.GetItems())) {
		file := source.GetItems()[key]
		switch err := attach.CheckSubPath(file); {
		case file == "" || path.Clean(file) == ".":
			v.add(where, "key %q has no file name", key)
		case err != nil:
			v.add(where, "%s", reason(err))
		case files[path.Clean(file)]:
			v.add(where, "two keys are to be the file %q", file)
		}
		files[path.Clean(file)] = true
	}
}

// env checks where variables come from.
func (v *violations) env(at string, t *gpuagentv1.Template) {
	for i, e := range t.GetEnv() {
		where := fmt.Sprintf("%s.env[%d]", at, i)
		from := e.GetValueFrom()
		if from == nil {
			if strings.ContainsRune(e.GetValue(), 0) {
				v.add(where+".value", "holds a NUL byte, which no process can be given")
			}
			continue
		}
		if e.GetValue() != "" {
			v.add(where+".value", "is given, and value_from too: want one of them")
		}
		if from.GetSource() == nil {
			v.add(where+".value_from", "has no source: want a secret, a config_map or a field_path")
		}
		if p := from.GetFieldPath(); p != "" {
			if _, err := field.Parse(p); err != nil {
				v.add(where+".value_from.field_path", "%s", reason(err))
			}
		}
	}
}

// identity checks who a replica runs as.
func (v *violations) identity(at string, t *gpuagentv1.Template) {
	who := t.GetSecurityContext()
	if who.GetRunAsNonRoot() && who.RunAsUser != nil && who.GetRunAsUser() == 0 {
		v.add(at+".security_context.run_as_user", "is 0, and run_as_non_root is set")
	}
	const largest = 1<<31 - 1 // of ids, as Kubernetes has it
	if who.GetRunAsUser() > largest || who.GetRunAsGroup() > largest {
		v.add(at+".security_context", "ids go up to %d", largest)
	}
}
