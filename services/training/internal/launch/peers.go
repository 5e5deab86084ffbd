package launch

import (
	"fmt"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
)

// peers are the names that the replicas of a job have in a cluster: those of a service each,
// or of a pod below the job's service. A job of one replica has no need of any.
func peers(j *kind.Job) []*gpuagentv1.PeerName {
	if j.Total() <= 1 {
		return nil
	}
	var all []*gpuagentv1.PeerName
	for i := range j.Replicas {
		r := &j.Replicas[i]
		pod, short := fmt.Sprintf("%s-%s-${index}", j.Name, r.Group), ""
		switch {
		case j.Kind.Name == kind.TrainJobName:
			pod, short = fmt.Sprintf("%s-%s-0-${index}", j.Name, r.Group), "."+j.Name
		case j.MPI.V2:
			short = "." + j.Name
		}
		names := []string{pod}
		if short != "" {
			names = append(names, pod+short)
		}
		for _, domain := range []string{"", ".svc", ".svc.cluster.local"} {
			names = append(names, pod+short+"."+j.Namespace+domain)
		}
		all = append(all, &gpuagentv1.PeerName{Group: r.Group, Names: names})
	}
	return all
}
