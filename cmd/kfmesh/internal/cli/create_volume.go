package cli

import (
	"math"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func createVolumeCommand(s *Session) *cobra.Command {
	o, spec, size := &createOptions{}, &gpuagentv1.PersistentVolumeSpec{}, ""
	node := ""
	command := &cobra.Command{
		Use:     "volume NAME",
		Aliases: []string{"pvc"},
		Short:   "Make a volume: a directory that outlives the steps that mount it",
		Long: `Make a volume: a directory of the node that outlives the steps that mount it.
What a step writes there, later steps and later runs find.

The size is a wish: a directory does not enforce it. Steps that mount it run on its node.`,
		Example: `  kfmesh create volume data --size 10Gi
  kfmesh describe volume data`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			bytes, err := parseSize(size)
			if err != nil {
				return err
			}
			spec.SizeBytes = bytes
			meta := o.metadata(s, args[0])
			if node != "" {
				if meta.Labels == nil {
					meta.Labels = map[string]string{}
				}
				meta.Labels[nodeLabel] = node
			}
			return s.createVolume(command, o, &gpuagentv1.PersistentVolume{Metadata: meta, Spec: spec})
		},
	}
	flags := command.Flags()
	flags.StringVar(&size, "size", "", "`size` that is wished for, such as 10Gi")
	flags.StringSliceVar(&spec.AccessModes, "access-mode", nil, "access `mode`s as in Kubernetes, such as ReadWriteOnce")
	flags.StringVar(&spec.StorageClass, "storage-class", "", "storage `class`, which is kept and otherwise without effect")
	flags.StringVar(&node, "node", "", "`node` that it is to be on; otherwise the head")
	o.bind(command)
	return command
}

// nodeLabel is the label of a volume that names the node it is to be on.
const nodeLabel = "kfmesh.dev/node"

// parseSize reads a size such as 10Gi, as Kubernetes and people write it. Nothing is 0.
func parseSize(size string) (int64, error) {
	if size == "" {
		return 0, nil
	}
	bytes, err := humanize.ParseBytes(size)
	if err != nil || bytes > math.MaxInt64 {
		return 0, fault.Invalidf("--size", "%q is no size: want one such as 10Gi, 500Mi or 1G", size)
	}
	return int64(bytes), nil
}

func (s *Session) createVolume(command *cobra.Command, o *createOptions, volume *gpuagentv1.PersistentVolume) error {
	ctx := command.Context()
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	made, err := c.Volumes.CreateVolume(ctx, &gpuagentv1.CreateVolumeRequest{Volume: volume})
	if err != nil {
		return err
	}
	return s.created(o, kind.Volumes(), made, "created")
}
