package volume

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// TryCreate says what is wrong with a volume that is to be made, and otherwise what it would
// be. It makes nothing.
func (v *Volumes) TryCreate(ctx context.Context, volume *gpuagentv1.PersistentVolume) (*gpuagentv1.PersistentVolume, error) {
	if err := Check(volume); err != nil {
		return nil, err
	}
	key := state.KeyOf(volume.GetMetadata())
	if _, err := v.get(ctx, key); err == nil {
		return nil, v.errExists(ctx, key)
	} else if !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	return proto.CloneOf(volume), nil
}

// Update replaces labels and annotations of a volume, and its size, which may grow. It is
// fault.Conflict when the volume is no longer at the revision that is named. One that is to
// be what it is already is not stored anew.
func (v *Volumes) Update(ctx context.Context, volume *gpuagentv1.PersistentVolume) (*gpuagentv1.PersistentVolume, error) {
	return v.update(ctx, volume, false)
}

// TryUpdate is Update, but for storing anything.
func (v *Volumes) TryUpdate(ctx context.Context, volume *gpuagentv1.PersistentVolume) (*gpuagentv1.PersistentVolume, error) {
	return v.update(ctx, volume, true)
}

func (v *Volumes) update(ctx context.Context, volume *gpuagentv1.PersistentVolume, dry bool) (*gpuagentv1.PersistentVolume, error) {
	if err := Check(volume); err != nil {
		return nil, err
	}
	key := state.KeyOf(volume.GetMetadata())
	for {
		old, err := v.get(ctx, key)
		if err != nil {
			return nil, err
		}
		if want := volume.GetMetadata().GetResourceVersion(); want != 0 && want != old.Revision {
			return nil, fault.Conflictf("volume %s changed meanwhile: it is at resource version %d, not %d; get it again", key, old.Revision, want).
				WithReason("VOLUME_CHANGED")
		}
		now, err := changed(old.Value, volume)
		if err != nil {
			return nil, err
		}
		same := proto.Equal(now, old.Value)
		if !same {
			now.Metadata.Generation++
			now.Metadata.UpdateTime = timestamppb.Now()
		}
		if dry || same {
			now.Metadata.ResourceVersion = old.Revision
			return now, nil
		}
		revision, err := v.state.Volumes.Update(ctx, key, now, old.Revision)
		if fault.Is(err, fault.Conflict) {
			continue
		}
		if err != nil {
			return nil, named(err, key)
		}
		now.Metadata.ResourceVersion = revision
		return now, nil
	}
}

// changed is a volume as it is to be.
func changed(was, wanted *gpuagentv1.PersistentVolume) (*gpuagentv1.PersistentVolume, error) {
	var wrong []fault.Violation
	if !slices.Equal(was.GetSpec().GetAccessModes(), wanted.GetSpec().GetAccessModes()) || was.GetSpec().GetStorageClass() != wanted.GetSpec().GetStorageClass() {
		wrong = append(wrong, fault.Violation{Field: "volume.spec", Reason: "Forbidden: spec is immutable after creation except resources.requests"})
	}
	if wanted.GetSpec().GetSizeBytes() < was.GetSpec().GetSizeBytes() {
		wrong = append(wrong, fault.Violation{Field: "volume.spec.size_bytes", Reason: "Forbidden: field can not be less than status.capacity"})
	}
	if was.GetMetadata().GetLabels()[NodeLabel] != wanted.GetMetadata().GetLabels()[NodeLabel] {
		wrong = append(wrong, fault.Violation{Field: "volume.metadata.labels", Reason: "Forbidden: a volume stays on its node, so the label " + NodeLabel + " stays as it is"})
	}
	if len(wrong) > 0 {
		return nil, fault.InvalidAll(wrong)
	}
	now := proto.CloneOf(was)
	m := now.GetMetadata()
	m.Labels, m.Annotations = wanted.GetMetadata().GetLabels(), wanted.GetMetadata().GetAnnotations()
	if owners := wanted.GetMetadata().GetManagedFields(); owners != "" {
		m.ManagedFields = owners
	}
	if now.Spec == nil {
		now.Spec = &gpuagentv1.PersistentVolumeSpec{}
	}
	now.Spec.SizeBytes = wanted.GetSpec().GetSizeBytes()
	return now, nil
}
