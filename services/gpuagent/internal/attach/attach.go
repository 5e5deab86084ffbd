// Package attach makes the files and directories that the volumes of a replica
// stand for, and says where they are to be mounted. Mounting is the runtime's.
//
// Values of secrets are written to memory where the node has a file system in it,
// and otherwise to the disk, readable by their owner alone either way. All that is
// written here goes with its workload; volumes that a claim names stay, and so do paths
// of the node.
//
// Attach may be repeated, as it is after a crash: secrets and config maps are
// written anew, empty directories keep what is in them.
package attach

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/mount"
)

// Sources are where volumes come from. Values answers fault.NotFound when there is
// no such secret or config map, unless it is optional: then it answers nothing.
type Sources interface {
	// Secret returns the values of a secret of the replica's namespace.
	Secret(ctx context.Context, name string, optional bool) (map[string][]byte, error)
	// ConfigMap returns those of a config map.
	ConfigMap(ctx context.Context, name string, optional bool) (map[string][]byte, error)
	// Claim returns the directory of a persistent volume.
	Claim(ctx context.Context, name string) (string, error)
	// Warn tells what could not be honoured.
	Warn(sentence string)
}

// Dirs are where a replica's volumes are made. They need not exist.
type Dirs struct {
	Disk   string
	Memory string // in a file system in memory; empty when there is none
	// SecretMode is the permission bits of files with values of secrets. Their
	// directories are closed to all but the agent's user whatever it is.
	SecretMode fs.FileMode
}

// Attach makes the volumes of a template that are mounted and returns the mounts.
func Attach(ctx context.Context, t *gpuagentv1.Template, from Sources, at Dirs) ([]mount.Mount, error) {
	made := map[string]string{}
	var mounts []mount.Mount
	for _, m := range t.GetMounts() {
		v := find(t, m.GetVolume())
		if v == nil {
			return nil, fault.Preconditionf("mount %s: there is no volume %q in the template", m.GetPath(), m.GetVolume())
		}
		dir, ok := made[v.GetName()]
		if !ok {
			var err error
			if dir, err = open(ctx, v, from, at); err != nil {
				return nil, fmt.Errorf("volume %s: %w", v.GetName(), err)
			}
			made[v.GetName()] = dir
		}
		source, err := within(dir, m.GetSubPath(), writable(v))
		if err != nil {
			return nil, fmt.Errorf("volume %s: %w", v.GetName(), err)
		}
		mounts = append(mounts, mount.Mount{
			Source: source, Target: filepath.Clean(m.GetPath()),
			ReadOnly: m.GetReadOnly() || !writable(v), Own: v.GetClaim() == "" && v.GetHostPath() == nil,
		})
	}
	return mounts, nil
}

func find(t *gpuagentv1.Template, name string) *gpuagentv1.Volume {
	for _, v := range t.GetVolumes() {
		if v.GetName() == name {
			return v
		}
	}
	return nil
}

// writable reports whether what is written to a volume is kept: what comes from a
// secret or config map is not, as in Kubernetes.
func writable(v *gpuagentv1.Volume) bool { return v.GetSecret() == nil && v.GetConfigMap() == nil }

// open makes one volume and returns its directory.
func open(ctx context.Context, v *gpuagentv1.Volume, from Sources, at Dirs) (string, error) {
	switch source := v.GetSource().(type) {
	case *gpuagentv1.Volume_Secret:
		dir := filepath.Join(at.inMemory(), v.GetName())
		values, err := from.Secret(ctx, source.Secret.GetName(), source.Secret.GetOptional())
		if err != nil {
			return "", err
		}
		return dir, writeFiles(dir, values, source.Secret, at.SecretMode)
	case *gpuagentv1.Volume_ConfigMap:
		dir := filepath.Join(at.Disk, v.GetName())
		values, err := from.ConfigMap(ctx, source.ConfigMap.GetName(), source.ConfigMap.GetOptional())
		if err != nil {
			return "", err
		}
		return dir, writeFiles(dir, values, source.ConfigMap, 0o444)
	case *gpuagentv1.Volume_Claim:
		return from.Claim(ctx, source.Claim)
	case *gpuagentv1.Volume_EmptyDir:
		return emptyDir(v, source.EmptyDir, from, at)
	case *gpuagentv1.Volume_HostPath:
		return source.HostPath.GetPath(), hostPath(source.HostPath)
	}
	return "", fault.Preconditionf("has no source")
}

// inMemory is where secrets go.
func (d Dirs) inMemory() string {
	if d.Memory != "" {
		return d.Memory
	}
	return d.Disk
}

func emptyDir(v *gpuagentv1.Volume, e *gpuagentv1.EmptyDir, from Sources, at Dirs) (string, error) {
	parent := at.Disk
	if e.GetInMemory() {
		if parent = at.inMemory(); at.Memory == "" {
			from.Warn(fmt.Sprintf("volume %s is to be in memory, and this host has no /dev/shm: it is on disk", v.GetName()))
		}
	}
	if e.GetSizeLimitBytes() > 0 {
		from.Warn(fmt.Sprintf("the size limit of volume %s is not enforced", v.GetName()))
	}
	dir := filepath.Join(parent, v.GetName())
	if err := makeParent(parent); err != nil {
		return "", err
	}
	return dir, makeShared(dir)
}

// makeParent makes a directory for volumes that nobody but their owner finds the
// way into. What is mounted from it is reached by another way.
func makeParent(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.Chmod(dir, 0o700) // #nosec G302 -- a directory
}

// makeShared makes a directory that whoever a replica runs as may write to.
func makeShared(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.Chmod(dir, 0o777) // #nosec G302 -- whatever the umask; its parent is closed
}
