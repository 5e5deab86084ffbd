// Package cluster shows what a cluster of Kubernetes has besides jobs: ConfigMaps, Secrets,
// PersistentVolumeClaims and PriorityClasses, which are resources of the agent's services
// under other names; namespaces, which are there when something is in them; nodes, and
// Kueue's local queues, which are the queues.
package cluster

import (
	"slices"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// Deps are the services that have what is shown.
type Deps struct {
	ConfigMaps      gpuagentv1.ConfigMapServiceClient
	Secrets         gpuagentv1.SecretServiceClient
	Volumes         gpuagentv1.VolumeServiceClient
	PriorityClasses gpuagentv1.PriorityClassServiceClient
	Nodes           gpuagentv1.NodeServiceClient
	Queues          gpuagentv1.QueueServiceClient
	Jobs            trainingv1.TrainingServiceClient
}

// Resources are all that is shown.
func Resources(d Deps) []kube.Resource {
	return slices.Concat(
		[]kube.Resource{configMaps(d.ConfigMaps), secrets(d.Secrets), claims(d.Volumes), priorityClasses(d.PriorityClasses), namespaces(d)},
		nodes(d.Nodes),
		localQueues(d.Queues),
	)
}
