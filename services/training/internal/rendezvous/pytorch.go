package rendezvous

import (
	"strconv"
	"strings"

	"github.com/kfmesh/kfmesh/services/training/internal/kind"
)

// pytorch is what torch.distributed and torchrun read: a variable PET_X stands for
// torchrun's flag --x.
func (n net) pytorch() Wiring {
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
		return Wiring{Env: append(env, Var{"PET_NNODES", itoa(n.job.Total())})}
	}
	return Wiring{Env: append(env, n.elastic(options.Elastic)...), Defaults: elasticDefaults}
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

// elasticDefaults are what upstream does not give and torchrun does well with. Its agents tell each
// other an address that resolves, and keep the store by which they meet from their workers, who get
// another each time they meet: where they share it, an agent that comes later is not told where it is,
// and waits in vain (pytorch/pytorch#135712).
var elasticDefaults = []Var{{"PET_LOCAL_ADDR", "${self.host}"}, {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE", "1"}}

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
	if conf := n.conf(e, backend); conf != "" {
		env = append(env, Var{"PET_RDZV_CONF", conf})
	}
	if e.Standalone {
		env = append(env, Var{"PET_STANDALONE", ""})
	}
	return env
}

// conf says which agent of torchrun hosts the store of the rendezvous, unless the job says where that
// is. By itself torchrun compares the endpoint's address with its own: where replicas share a host,
// whichever is there first would be the one that all others end with.
func (n net) conf(e *kind.Elastic, backend string) string {
	if backend != "c10d" || e.Host != "" || e.Standalone || strings.Contains(","+e.Conf, ",is_host=") {
		return e.Conf
	}
	isHost := "is_host=false"
	if n.self.Group == n.job.Group("Worker").Group {
		isHost = "is_host=${self.first}"
	}
	if e.Conf == "" {
		return isHost
	}
	return e.Conf + "," + isHost
}
