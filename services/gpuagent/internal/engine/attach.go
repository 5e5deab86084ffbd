package engine

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/attach"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/mount"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// attach makes the replica's volumes.
func (r *replica) attach(ctx context.Context, from *values) ([]mount.Mount, error) {
	if len(r.template.GetMounts()) == 0 {
		return nil, nil
	}
	at := attach.Dirs{Disk: filepath.Join(r.dir, volumesName), SecretMode: 0o400}
	if r.runtime.Name() == runtime.Container { // whose user may be any, and nobody else gets there
		at.SecretMode = 0o444
	}
	if hasMemoryFS() {
		at.Memory = memoryDir(r.life.run, placeName(r.status))
	}
	mounts, err := attach.Attach(ctx, r.template, from, at)
	if err != nil {
		return nil, misconfigured(reasonMount, err)
	}
	return mounts, nil
}

// mounts reports whether any replica mounts anything.
func mounts(spec *gpuagentv1.WorkloadSpec) bool {
	return slices.ContainsFunc(spec.GetGroups(), func(g *gpuagentv1.ReplicaGroup) bool { return len(g.GetTemplate().GetMounts()) > 0 })
}

// volumesName is the directory of a replica's own with those of its volumes that
// are on disk.
const volumesName = "volumes"

// memoryFS is where Linux has a file system in memory for everyone.
const memoryFS = "/dev/shm"

// memoryDir is the directory in memory for the volumes of a replica.
func memoryDir(uid, replica string) string {
	return filepath.Join(memoryFS, tempPrefix+uid+"."+replica)
}

// hasMemoryFS reports whether the node has such a thing.
func hasMemoryFS() bool {
	var stat unix.Statfs_t
	return unix.Statfs(memoryFS, &stat) == nil && stat.Type == unix.TMPFS_MAGIC && unix.Access(memoryFS, unix.W_OK|unix.X_OK) == nil
}

// removeVolumes removes what was made for the mounts of a workload that has ended.
// Volumes that a claim names stay.
func (e *Engine) removeVolumes(ctx context.Context, places []runtime.Place) {
	e.removeMemory(ctx, places)
	for _, at := range places {
		e.removeAttached(ctx, filepath.Join(at.Dir, volumesName))
	}
}

// removeMemory removes those of them that are not in the replicas' own directories.
func (e *Engine) removeMemory(ctx context.Context, places []runtime.Place) {
	for _, at := range places {
		e.removeAttached(ctx, memoryDir(at.Workload, at.Replica))
	}
}

func (e *Engine) removeAttached(ctx context.Context, dir string) {
	if err := os.RemoveAll(dir); err != nil {
		e.Log.WarnContext(ctx, "volumes of a workload cannot be removed", "directory", dir, "error", err)
	}
}
