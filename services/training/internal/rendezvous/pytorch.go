package rendezvous

import (
	"strconv"

	"github.com/kfmesh/kfmesh/services/training/internal/kind"
)

// pytorch is what torch.distributed and torchrun read: a variable PET_X stands for
// torchrun's flag --x.
func (n net) pytorch() []Var {
	options := n.job.PyTorch
	env := []Var{unbuffered}
	if m := n.job.Group("Master"); m != nil {
		env = append(env,
			Var{"MASTER_PORT", n.port(m, 0)}, Var{"PET_MASTER_PORT", n.port(m, 0)},
			Var{"MASTER_ADDR", host(m, 0)}, Var{"PET_MASTER_ADDR", host(m, 0)},
			Var{"WORLD_SIZE", n.worldSize()}, Var{"RANK", n.rank()}, Var{"PET_NODE_RANK", n.rank()},
		)
	}
	if options.ProcessesPerNode != "" {
		env = append(env, Var{"PET_NPROC_PER_NODE", options.ProcessesPerNode})
	}
	if options.Elastic == nil {
		return append(env, Var{"PET_NNODES", itoa(n.job.Total())})
	}
	return append(env, n.elastic(options.Elastic)...)
}

// worldSize counts the processes, where a node has a number of them. What the elastic policy
// says of them does not count, as upstream.
func (n net) worldSize() string {
	processes, err := strconv.Atoi(n.job.PyTorch.ProcessesPerNode)
	if err != nil {
		processes = 1
	}
	return strconv.Itoa(int(n.job.Total()) * processes)
}

// elastic has torchrun's agents meet at the first worker, or where the job says.
func (n net) elastic(e *kind.Elastic) []Var {
	endpoint := n.address(n.job.Group("Worker"), 0)
	if e.Host != "" {
		port := n.port(n.job.Group("Worker"), 0)
		if e.Port != 0 {
			port = itoa(e.Port)
		}
		endpoint = e.Host + ":" + port
	}
	backend := e.Backend
	if backend == "" {
		backend = "c10d"
	}
	env := []Var{
		{"PET_RDZV_ENDPOINT", endpoint}, {"PET_RDZV_BACKEND", backend}, {"PET_NNODES", itoa(e.Min) + ":" + itoa(e.Max)},
	}
	if e.MaxRestarts != nil {
		env = append(env, Var{"PET_MAX_RESTARTS", itoa(*e.MaxRestarts)})
	}
	if e.Processes != nil {
		env = append(env, Var{"PET_NPROC_PER_NODE", itoa(*e.Processes)})
	}
	if e.ID != "" {
		env = append(env, Var{"PET_RDZV_ID", e.ID})
	}
	if e.Conf != "" {
		env = append(env, Var{"PET_RDZV_CONF", e.Conf})
	}
	if e.Standalone {
		env = append(env, Var{"PET_STANDALONE", ""})
	}
	return env
}
