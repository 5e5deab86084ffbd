package rendezvous

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/kfmesh/kfmesh/services/training/internal/kind"
	"github.com/kfmesh/kfmesh/services/training/internal/pod"
)

// This is what the nodes of a TrainJob are told, as the plugins of Kubeflow Trainer 2.3
// do it. Other than there, where every node has the same port, the one that they meet at
// is the first node's own.

// lead is the group that trains. Its first replica is the one that others look for.
func (n net) lead() *kind.Replica { return n.job.Group(n.job.Trainer.Group) }

// trainer is what the nodes of a TrainJob are told. A job that says nothing of its trainer
// is left as its runtime has it, and what comes before the training finds nobody.
func (n net) trainer() Wiring {
	trains := n.self.Group == n.job.Trainer.Group
	switch wired := trains && n.job.Trainer.Wired; {
	case n.job.Kind.Rendezvous == kind.Torchrun:
		return n.torchrun(wired)
	case wired && n.job.Kind.Rendezvous == kind.JAXTrainer:
		return Wiring{Env: n.jaxTrainer(), To: n.itself()}
	case wired && n.job.Kind.Rendezvous == kind.DMLC:
		return Wiring{Env: n.dmlc(), To: n.itself()}
	}
	return Wiring{}
}

// itself is the container that counts.
func (n net) itself() []string { return []string{n.self.ContainerName(n.job.Kind)} }

// torchrun is what torchrun reads: a variable PET_X stands for its flag --x. A job that
// torchtune trains is told by flags.
func (n net) torchrun(wired bool) Wiring {
	env := []Var{
		{"PET_NNODES", itoa(n.lead().Count)},
		{"PET_NPROC_PER_NODE", n.job.Trainer.ProcessesPerNode},
		{"PET_NODE_RANK", "${self.index}"},
	}
	meet := []Var{{"PET_MASTER_ADDR", host(n.lead(), 0)}, {"PET_MASTER_PORT", n.port(n.lead(), 0)}}
	to := n.job.Trainer.Injected[n.self.Group]
	switch {
	case wired && n.job.Trainer.Tune != nil:
		return Wiring{Env: env, To: append(n.itself(), to...), Command: n.tune()}
	case wired:
		to = append(n.itself(), to...)
	case len(to) == 0:
		return Wiring{}
	}
	return Wiring{Env: append(env, meet...), To: to}
}

// tune is "tune run" with where to meet, the recipe and what the job adds to it.
func (n net) tune() []string {
	c := n.self.Container(n.job.Kind)
	words := escaped(c.Command)
	processes, gpus := n.job.Trainer.ProcessesPerNode, c.GPUs()
	if _, err := strconv.Atoi(processes); n.lead().Count > 1 || err == nil && processes != "1" || err != nil && gpus > 1 {
		words = append(words, "--rdzv_endpoint="+n.address(n.lead(), 0))
	}
	return slices.Concat(words, escaped(n.job.Trainer.Tune), escaped(c.Args))
}

func escaped(words []string) []string {
	out := make([]string, len(words))
	for i, word := range words {
		out[i] = pod.Escape(word)
	}
	return out
}

// jaxTrainer is what jax.distributed.initialize is told, with the address in one word.
func (n net) jaxTrainer() []Var {
	return []Var{
		{"JAX_NUM_PROCESSES", itoa(n.lead().Count)},
		{"JAX_PROCESS_ID", "${self.index}"},
		{"JAX_COORDINATOR_ADDRESS", n.address(n.lead(), 0)},
	}
}

// dmlc is what the tracker of XGBoost is found by: one worker a GPU, or one a node.
func (n net) dmlc() []Var {
	return []Var{
		{"DMLC_TRACKER_URI", host(n.lead(), 0)},
		{"DMLC_TRACKER_PORT", n.port(n.lead(), 0)},
		{"DMLC_TASK_ID", "${self.index}"},
		{"DMLC_NUM_WORKER", itoa(n.job.Trainer.Workers)},
	}
}

// nodes are the names in the host file of a TrainJob: of its launcher, when that is a
// node, and of those that wait.
func (n net) nodes() []string {
	var hosts []string
	for i := range n.job.Replicas {
		r := &n.job.Replicas[i]
		if !r.Ancillary && (r.Group != n.job.Trainer.Group || !n.job.MPI.LauncherIsWorker && r.Group != kind.Node) {
			continue
		}
		for index := range r.Count {
			hosts = append(hosts, fmt.Sprintf("%s-%s-0-%d.%s", n.job.Name, r.Group, index, n.job.Name))
		}
	}
	return hosts
}
