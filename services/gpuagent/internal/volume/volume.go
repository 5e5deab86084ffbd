// Package volume keeps persistent volumes: directories of this node that outlive
// the workloads that mount them.
//
// A volume is under its namespace and name in state.Volumes and in
// <dir>/<namespace>/<name> on the disk of its node. The store comes first: a
// directory is made after its volume is stored, or when it is first mounted, and
// gone before its volume is. A volume that is being deleted is marked so in the
// store; from then on nobody mounts it and its name is not free. Its node removes
// it, now or after any crash, once nothing that runs mounts it. So no two volumes
// ever share a directory.
//
// Volumes are safe for concurrent use. Those of one node belong to one agent.
package volume

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/keyed"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// Volumes are all persistent volumes, and the directories of those of one node.
type Volumes struct {
	state *state.State
	node  string
	dir   string

	disk sync.Mutex // held while a directory is removed and its volume with it
}

// New returns the volumes in a state for a node that keeps its own below dir.
func New(s *state.State, node, dir string) *Volumes {
	return &Volumes{state: s, node: node, dir: dir}
}

// NodeLabel is the label of a volume that names the node it is to be on.
const NodeLabel = "kfmesh.dev/node"

// Create makes a volume on the node that it names, or else on this one. On another
// node its directory is made when it is first mounted. What is wrong with it is fault.Invalid; a
// name that is taken, if only until a deletion is done, fault.AlreadyExists; a guard that
// does not hold, fault.Conflict.
func (v *Volumes) Create(ctx context.Context, volume *gpuagentv1.PersistentVolume, guard ...store.Op) (*gpuagentv1.PersistentVolume, error) {
	if err := Check(volume); err != nil {
		return nil, err
	}
	now, volume := timestamppb.Now(), proto.CloneOf(volume)
	m := volume.GetMetadata()
	if m.GetNamespace() == "" {
		m.Namespace = state.DefaultNamespace
	}
	m.Uid, m.Generation, m.ResourceVersion, m.CreateTime, m.UpdateTime = uuid.NewString(), 1, 0, now, now
	key := state.KeyOf(m)
	volume.Status = &gpuagentv1.PersistentVolumeStatus{Node: v.node, Path: v.path(key)}
	elsewhere := m.GetLabels()[NodeLabel] != "" && m.GetLabels()[NodeLabel] != v.node
	if elsewhere {
		volume.Status = &gpuagentv1.PersistentVolumeStatus{Node: m.GetLabels()[NodeLabel]}
	}
	revision, err := v.state.Backend.Commit(ctx, append([]store.Op{v.state.Volumes.CreateOp(key, volume)}, guard...)...)
	if fault.Is(err, fault.AlreadyExists) {
		return nil, v.errExists(ctx, key)
	}
	if err != nil {
		return nil, err
	}
	m.ResourceVersion = revision
	if elsewhere {
		return volume, nil
	}
	return volume, v.makeDir(key)
}

func (v *Volumes) errExists(ctx context.Context, key string) error {
	sentence := "volume %s exists already"
	if old, err := v.state.Volumes.Get(ctx, key); err == nil && old.Value.GetStatus().GetDeleting() {
		sentence = "volume %s is still being deleted: it goes when the last workload that mounts it has ended"
	}
	return fault.AlreadyExistsf(sentence, key).WithReason("VOLUME_EXISTS")
}

// Get returns a volume.
func (v *Volumes) Get(ctx context.Context, namespace, name string) (*gpuagentv1.PersistentVolume, error) {
	item, err := v.get(ctx, state.Key(namespace, name))
	if err != nil {
		return nil, err
	}
	return stamped(item), nil
}

// List returns the volumes of a namespace, or of all when it is empty.
func (v *Volumes) List(ctx context.Context, namespace string) ([]*gpuagentv1.PersistentVolume, error) {
	items, _, err := v.state.Volumes.List(ctx, state.NamespacePrefix(namespace))
	if err != nil {
		return nil, err
	}
	all := make([]*gpuagentv1.PersistentVolume, len(items))
	for i, item := range items {
		all[i] = stamped(item)
	}
	return all, nil
}

// Doom marks a volume as one that goes as soon as nothing mounts it; Reap has it
// go. It may be repeated.
func (v *Volumes) Doom(ctx context.Context, namespace, name string) error {
	key := state.Key(namespace, name)
	_, err := v.state.Volumes.Modify(ctx, key, func(volume *gpuagentv1.PersistentVolume) (bool, error) {
		if volume.GetStatus().GetDeleting() {
			return false, nil
		}
		if volume.Status == nil {
			volume.Status = &gpuagentv1.PersistentVolumeStatus{}
		}
		volume.Status.Deleting = true
		volume.GetMetadata().UpdateTime = timestamppb.Now()
		return true, nil
	})
	return named(err, key)
}

// Reap removes a doomed volume of this node, unless it is mounted: whoever asks
// mounted does so after the volume was doomed, so nobody mounts it in between.
// It does nothing to other volumes, and may be repeated.
func (v *Volumes) Reap(ctx context.Context, namespace, name string, mounted func() bool) error {
	v.disk.Lock()
	defer v.disk.Unlock()
	key := state.Key(namespace, name)
	item, err := v.state.Volumes.Get(ctx, key)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	case !item.Value.GetStatus().GetDeleting() || item.Value.GetStatus().GetNode() != v.node || mounted():
		return nil
	}
	if err := os.RemoveAll(v.path(key)); err != nil {
		return fault.Unavailablef("the directory of volume %s cannot be removed: %v", key, err)
	}
	return v.state.Volumes.Delete(ctx, key, item.Revision)
}

// Open returns the directory of a volume for someone to mount. It is
// fault.NotFound when there is no such volume, and fault.Precondition when it is
// being deleted or on another node.
func (v *Volumes) Open(ctx context.Context, namespace, name string) (string, error) {
	key := state.Key(namespace, name)
	item, err := v.get(ctx, key)
	if err != nil {
		return "", err
	}
	switch status := item.Value.GetStatus(); {
	case status.GetDeleting():
		return "", fault.Preconditionf("volume %s is being deleted", key).WithReason("VOLUME_DELETING")
	case status.GetNode() != v.node:
		return "", fault.Preconditionf("volume %s is on node %s", key, status.GetNode()).WithReason("VOLUME_ELSEWHERE")
	}
	return v.path(key), v.makeDir(key)
}

// Measure counts the bytes in a volume of this node and notes them.
func (v *Volumes) Measure(ctx context.Context, namespace, name string) error {
	key := state.Key(namespace, name)
	used, err := usage(ctx, v.path(key))
	if err != nil {
		return err
	}
	_, err = v.state.Volumes.Modify(ctx, key, func(volume *gpuagentv1.PersistentVolume) (bool, error) {
		path := v.path(key)
		if volume.GetStatus().GetNode() != v.node || volume.GetStatus().GetUsedBytes() == used && volume.GetStatus().GetPath() == path {
			return false, nil
		}
		volume.Status.UsedBytes, volume.Status.Path = used, path
		return true, nil
	})
	return named(err, key)
}

// usage adds up the sizes of the files below a directory. What goes meanwhile
// does not count.
func usage(ctx context.Context, dir string) (int64, error) {
	var total int64
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || !entry.Type().IsRegular() {
			return nil //nolint:nilerr // it went, or may not be read: the rest still counts
		}
		if info, err := entry.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total, err
}

func (v *Volumes) get(ctx context.Context, key string) (store.Item[*gpuagentv1.PersistentVolume], error) {
	item, err := v.state.Volumes.Get(ctx, key)
	return item, named(err, key)
}

// named says which volume was not found.
func named(err error, key string) error {
	if fault.Is(err, fault.NotFound) {
		return fault.NotFoundf("there is no volume %s", key).WithReason("VOLUME_NOT_FOUND")
	}
	return err
}

// path is the directory of a volume: its key is one of two local names.
func (v *Volumes) path(key string) string { return filepath.Join(v.dir, filepath.FromSlash(key)) }

// dirMode lets every user of a node that reaches the agent's directory use a
// volume: whom a workload runs as is the workload's affair.
const dirMode = 0o777

func (v *Volumes) makeDir(key string) error {
	path := v.path(key)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.Mkdir(path, dirMode)
	}
	if err == nil {
		err = os.Chmod(path, dirMode) // whatever the umask
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fault.Unavailablef("the directory of volume %s cannot be made: %v", key, err)
	}
	return nil
}

func stamped(item store.Item[*gpuagentv1.PersistentVolume]) *gpuagentv1.PersistentVolume {
	item.Value.Metadata.ResourceVersion = item.Revision
	return item.Value
}

// accessModes are those of Kubernetes.
var accessModes = map[string]bool{"ReadWriteOnce": true, "ReadOnlyMany": true, "ReadWriteMany": true, "ReadWriteOncePod": true}

// Check says everything that is wrong with a volume that is to be made.
func Check(volume *gpuagentv1.PersistentVolume) error {
	wrong := keyed.CheckName("volume.metadata.name", volume.GetMetadata().GetName())
	wrong = append(wrong, state.CheckNamespace("volume.metadata.namespace", volume.GetMetadata().GetNamespace())...)
	if volume.GetSpec().GetSizeBytes() < 0 {
		wrong = append(wrong, fault.Violation{Field: "volume.spec.size_bytes", Reason: "is negative"})
	}
	for _, mode := range volume.GetSpec().GetAccessModes() {
		if !accessModes[mode] {
			wrong = append(wrong, fault.Violation{
				Field:  "volume.spec.access_modes",
				Reason: mode + " is no access mode: want ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod",
			})
		}
	}
	if len(wrong) > 0 {
		return fault.InvalidAll(wrong)
	}
	return nil
}
