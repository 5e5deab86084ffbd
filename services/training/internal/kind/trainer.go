package kind

import "github.com/kfmesh/kfmesh/services/training/internal/pod"

// TrainerVersion is the API version of TrainJobs and their runtimes.
const TrainerVersion = "trainer.kubeflow.org/v1alpha1"

// TrainJobName is the kind's name.
const TrainJobName = "TrainJob"

// Node is the name of the container that trains, and of the group that does in most
// runtimes.
const Node = "node"

// trainerPort is the one that Kubeflow Trainer has the nodes of a job meet at.
const trainerPort = 29500

// TrainJob is the kind of jobs that are made of a runtime, which says how their
// replicas find one another. They are read by package trainjob.
func TrainJob(rendezvous string) *Kind {
	return &Kind{
		Name: TrainJobName, Version: TrainerVersion, Plural: "trainjobs", Rendezvous: rendezvous,
		container: Node, portName: "trainjob-port", port: trainerPort, restart: onFailure,
	}
}

// Port is the port by which replicas of a kind reach one another.
func (k *Kind) Port() pod.Port { return pod.Port{Name: k.portName, ContainerPort: k.port} }

// TrainerOptions are what only a TrainJob has.
type TrainerOptions struct {
	Group            string // name of the group that trains
	ProcessesPerNode string // a number, "auto", "gpu" or "cpu"
	Workers          int32  // of all nodes together
	// Wired says whether its nodes are told of one another: a job that says nothing of its
	// trainer is left as its runtime has it.
	Wired bool
	// Injected are further containers, by the name of their group, that are told what nodes are.
	Injected map[string][]string
	Tune     []string // the command of a torchtune job behind "tune run"; nil for any other
}
