package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/training/internal/launch"
)

// claimAgainAfter is the pause before a volume is asked for again that is still being deleted.
const claimAgainAfter = time.Second

// errAwaits says that a job waits for something to go that it needs the name of.
var errAwaits = errors.New("engine: the job waits for a volume to go")

// claim makes the volumes of a job that are not there yet. One that goes with its job is the
// job's alone: a volume that was there before, with what somebody has in it, is not taken for
// it. It reports whether all are there, and otherwise the job has failed; errAwaits says that
// it waits.
func (e *Engine) claim(ctx context.Context, job *item) (bool, error) {
	for _, c := range job.Value.GetSpec().GetClaims() {
		node, err := e.seat(ctx, job.Value, c)
		if err != nil {
			return false, err
		}
		_, err = e.deps.Volumes.CreateVolume(ctx, &gpuagentv1.CreateVolumeRequest{Volume: volumeOf(job.Value, c, node), Fence: e.lead.Fence})
		switch {
		case err == nil:
			continue
		case fault.Is(err, fault.Invalid), fault.Is(err, fault.Precondition):
			return false, e.refuse(ctx, job, err)
		case !fault.Is(err, fault.AlreadyExists):
			return false, err
		}
		there, err := e.deps.Volumes.GetVolume(ctx, &gpuagentv1.GetVolumeRequest{Namespace: job.Value.GetMetadata().GetNamespace(), Name: c.GetName()})
		switch {
		case fault.Is(err, fault.NotFound), err == nil && there.GetStatus().GetDeleting(): // it goes, and then there is room for another
			return false, e.await(ctx, job, c)
		case err != nil:
			return false, err
		case !c.GetRetained() && !owns(job.Value, there):
			return false, e.refuse(ctx, job, fault.Preconditionf("volume %s exists already, and is to go with the job: "+
				"delete it, name the job otherwise, or have the runtime's retentionPolicy be Retain", c.GetName()))
		}
	}
	return true, nil
}

// await has a job wait for a volume to go whose name it needs.
func (e *Engine) await(ctx context.Context, job *item, c *trainingv1.JobClaim) error {
	status := proto.CloneOf(job.Value.GetStatus())
	status.Message = fmt.Sprintf("waits for volume %s, which is being deleted: it goes when the last workload that mounts it has ended", c.GetName())
	var err error
	if *job, err = e.store(ctx, *job, status); err != nil {
		return err
	}
	return errAwaits
}

// volumeOf is the volume that is made for a job, on a node.
func volumeOf(job *trainingv1.TrainingJob, c *trainingv1.JobClaim, node string) *gpuagentv1.PersistentVolume {
	labels := maps.Clone(c.GetLabels())
	if labels == nil {
		labels = map[string]string{}
	}
	if node != "" {
		labels[launch.LabelNode] = node
	}
	labels[launch.LabelJobSet] = job.GetMetadata().GetName()
	if !c.GetRetained() {
		labels[launch.LabelJob] = job.GetMetadata().GetUid()
	}
	return &gpuagentv1.PersistentVolume{
		Metadata: &metav1.ObjectMeta{Namespace: job.GetMetadata().GetNamespace(), Name: c.GetName(), Labels: labels, Annotations: c.GetAnnotations()},
		Spec:     &gpuagentv1.PersistentVolumeSpec{SizeBytes: c.GetSizeBytes(), AccessModes: c.GetAccessModes(), StorageClass: c.GetStorageClass()},
	}
}

// owns reports whether a volume goes with a job.
func owns(job *trainingv1.TrainingJob, v *gpuagentv1.PersistentVolume) bool {
	return v.GetMetadata().GetLabels()[launch.LabelJob] == job.GetMetadata().GetUid()
}

// unclaim deletes the volumes of a job that is no more.
func (e *Engine) unclaim(ctx context.Context, c *trainingv1.CondemnedJob) error {
	for _, name := range c.GetVolumes() {
		v, err := e.deps.Volumes.GetVolume(ctx, &gpuagentv1.GetVolumeRequest{Namespace: c.GetNamespace(), Name: name})
		if err == nil && v.GetMetadata().GetLabels()[launch.LabelJob] == c.GetUid() {
			_, err = e.deps.Volumes.DeleteVolume(ctx, &gpuagentv1.DeleteVolumeRequest{Namespace: c.GetNamespace(), Name: name})
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return nil
}
