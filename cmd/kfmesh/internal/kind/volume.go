package kind

import (
	"context"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// Volumes is the kind of directories that outlive the workloads that mount them.
func Volumes() *Kind {
	return &Kind{
		Singular: "volume", Plural: "volumes", Short: []string{"vol", "pvc"},
		Named: true,
		Whole: true,
		Columns: []Column{
			column("NAME", volumeName),
			stateColumn("STATE", volumeState),
			column("SIZE", func(v *gpuagentv1.PersistentVolume) string { return output.Bytes(v.GetSpec().GetSizeBytes()) }),
			column("USED", func(v *gpuagentv1.PersistentVolume) string { return output.Bytes(v.GetStatus().GetUsedBytes()) }),
			column("NODE", func(v *gpuagentv1.PersistentVolume) string { return v.GetStatus().GetNode() }),
			timedColumn("AGE", func(v *gpuagentv1.PersistentVolume, t *output.Terminal) string {
				return output.Age(v.GetMetadata().GetCreateTime(), t.Now())
			}),
			spread(column("NAMESPACE", func(v *gpuagentv1.PersistentVolume) string { return v.GetMetadata().GetNamespace() })),
			wide(column("PATH", func(v *gpuagentv1.PersistentVolume) string { return v.GetStatus().GetPath() })),
		},
		ID:   func(m proto.Message) string { return volumeName(m.(*gpuagentv1.PersistentVolume)) },
		Name: func(m proto.Message) string { return volumeName(m.(*gpuagentv1.PersistentVolume)) },
		List: func(ctx context.Context, c *client.Client, q Query) ([]proto.Message, error) {
			all, err := c.Volumes.ListVolumes(ctx, &gpuagentv1.ListVolumesRequest{Namespace: q.Namespace})
			return newest(all.GetVolumes(), q.Limit), err
		},
		Get: func(ctx context.Context, c *client.Client, namespace, id string) (proto.Message, error) {
			return c.Volumes.GetVolume(ctx, &gpuagentv1.GetVolumeRequest{Namespace: namespace, Name: id})
		},
		Describe: describeVolume,
		Delete: func(ctx context.Context, c *client.Client, m proto.Message, _ DeleteOptions) error {
			meta := m.(*gpuagentv1.PersistentVolume).GetMetadata()
			_, err := c.Volumes.DeleteVolume(ctx, &gpuagentv1.DeleteVolumeRequest{Namespace: meta.GetNamespace(), Name: meta.GetName()})
			return err
		},
	}
}

func volumeName(v *gpuagentv1.PersistentVolume) string { return v.GetMetadata().GetName() }

// volumeState says whether a volume can be mounted.
func volumeState(v *gpuagentv1.PersistentVolume) string {
	if v.GetStatus().GetDeleting() {
		return "DELETING"
	}
	return "READY"
}

func describeVolume(_ context.Context, _ *client.Client, term *output.Terminal, m proto.Message) error {
	v := m.(*gpuagentv1.PersistentVolume)
	s := &sheet{term: term}
	fields := [][2]string{
		{"Volume", volumeName(v)},
		{"State", volumeState(v)},
		{"Size", output.Bytes(v.GetSpec().GetSizeBytes())},
		{"Used", output.Bytes(v.GetStatus().GetUsedBytes())},
		{"Access", strings.Join(v.GetSpec().GetAccessModes(), ", ")},
		{"Storage class", v.GetSpec().GetStorageClass()},
		{"Node", v.GetStatus().GetNode()},
		{"Path", v.GetStatus().GetPath()},
	}
	s.fields(append(fields, identity(v.GetMetadata(), term)...)...)
	s.lines("labels", pairs(v.GetMetadata().GetLabels()))
	return s.print()
}
