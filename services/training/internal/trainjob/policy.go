package trainjob

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kfmesh/kfmesh/services/training/internal/decode"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
	"github.com/kfmesh/kfmesh/services/training/internal/pod"
)

// mlPolicy says how the nodes of a runtime find one another. At most one of the
// frameworks is there.
type mlPolicy struct {
	NumNodes *int32 `json:"numNodes"`
	Torch    *struct {
		NumProcPerNode *decode.Scalar `json:"numProcPerNode"`
		ElasticPolicy  any            `json:"elasticPolicy" honoured:"no"`
		EnvInjection   *injection     `json:"envInjection"`
	} `json:"torch"`
	MPI *struct {
		NumProcPerNode    *decode.Scalar `json:"numProcPerNode"`
		Implementation    *string        `json:"mpiImplementation"`
		SSHAuthMountPath  string         `json:"sshAuthMountPath"`
		RunLauncherAsNode bool           `json:"runLauncherAsNode"`
	} `json:"mpi"`
	JAX     *struct{} `json:"jax"`
	XGBoost *struct{} `json:"xgboost"`
	Flux    any       `json:"flux"`
}

// rendezvous is the way in which nodes find one another.
func (m *mlPolicy) rendezvous() string {
	switch {
	case m == nil:
	case m.Torch != nil:
		return kind.Torchrun
	case m.MPI != nil:
		return kind.MPI
	case m.JAX != nil:
		return kind.JAXTrainer
	case m.XGBoost != nil:
		return kind.DMLC
	}
	return kind.None
}

// fluxRuntime is upstream's runtime of Flux, which is not among those built in.
const fluxRuntime = "flux-distributed"

// fluxRefused is why there is no Flux.
const fluxRefused = "kfmesh has no Flux: it would have to install Flux into the job's image; use the mpi policy, whose mpirun needs nothing beside the job's image"

func (m *mlPolicy) check(path string, p *field.Problems) {
	if m == nil {
		return
	}
	if n := m.NumNodes; n != nil && (*n < 1 || *n > maxNodes) {
		p.Invalid(path+".numNodes", *n, "must be between 1 and "+strconv.Itoa(maxNodes))
	}
	n := 0
	for _, there := range []bool{m.Torch != nil, m.MPI != nil, m.JAX != nil, m.XGBoost != nil, m.Flux != nil} {
		if there {
			n++
		}
	}
	if n > 1 {
		p.Invalid(path, n, "Only one of the policy can be configured")
	}
	if m.Flux != nil {
		p.Forbidden(path+".flux", fluxRefused)
	}
	if m.Torch != nil {
		checkProcesses(path+".torch.numProcPerNode", m.Torch.NumProcPerNode, p, "auto", "cpu", "gpu")
		m.Torch.EnvInjection.check(path+".torch.envInjection", p)
	}
	if m.MPI != nil {
		checkProcesses(path+".mpi.numProcPerNode", m.MPI.NumProcPerNode, p)
		if i := m.MPI.Implementation; i != nil && *i != "" && *i != openMPI {
			p.NotSupported(path+".mpi.mpiImplementation", *i, openMPI)
		}
	}
}

// openMPI is the one implementation that upstream has for TrainJobs.
const openMPI = "OpenMPI"

// checkProcesses says what is wrong with a number of processes, or a word for it.
func checkProcesses(path string, n *decode.Scalar, p *field.Problems, words ...string) {
	if n == nil || slices.Contains(words, string(*n)) {
		return
	}
	if count, err := strconv.ParseInt(string(*n), 10, 32); err == nil && count >= 1 {
		return
	}
	if len(words) == 0 {
		p.Invalid(path, string(*n), "must have an int value")
		return
	}
	p.Invalid(path, string(*n), "must have an int value or ["+strings.Join(words, " ")+"]")
}

// These are variables that are not the user's to set.
var (
	torchReserved = []string{"PET_NNODES", "PET_NPROC_PER_NODE", "PET_NODE_RANK", "PET_MASTER_ADDR", "PET_MASTER_PORT"}
	mpiReserved   = []string{"OMPI_MCA_orte_default_hostfile", "OMPI_MCA_plm_rsh_args", "OMPI_MCA_orte_keep_fqdn_hostnames", "OMPI_MCA_orte_set_default_slots"}
	dmlcReserved  = []string{"DMLC_TRACKER_URI", "DMLC_TRACKER_PORT", "DMLC_TASK_ID", "DMLC_NUM_WORKER"}
)

// checkTrainer says what is wrong with a job's trainer under a policy.
func (m *mlPolicy) checkTrainer(t *trainer, p *field.Problems) {
	if t == nil || m == nil {
		return
	}
	words, takes := []string{}, []string{}
	switch m.rendezvous() {
	case kind.Torchrun:
		words, takes = []string{"auto", "cpu", "gpu"}, torchReserved
	case kind.DMLC:
		takes = dmlcReserved
	case kind.MPI:
		takes = mpiReserved
	}
	checkProcesses("spec.trainer.numProcPerNode", t.NumProcPerNode, p, words...)
	for i, e := range t.Env {
		if slices.Contains(takes, e.Name) {
			p.Forbidden("spec.trainer.env["+strconv.Itoa(i)+"]", "must not have reserved envs: "+e.Name+" is set by the runtime")
		}
	}
}

// processes is the number of processes of each node, or a word for it.
func (m *mlPolicy) processes(t *trainer, node *pod.Container) string {
	n := "1"
	switch m.rendezvous() {
	case kind.Torchrun:
		n = scalar(m.Torch.NumProcPerNode, "auto")
	case kind.MPI:
		n = scalar(m.MPI.NumProcPerNode, "1")
	}
	given := t != nil && t.NumProcPerNode != nil
	if given {
		n = string(*t.NumProcPerNode)
	}
	switch m.rendezvous() {
	case kind.Torchrun:
		return torchProcesses(n, node)
	case kind.MPI:
		if gpus := node.GPUs(); !given && n == "1" && gpus > 1 {
			return strconv.Itoa(int(gpus))
		}
	}
	return n
}

// torchProcesses resolves "auto" and "cpu" by what a node asks for: as many as it has
// CPUs, and one where nothing is said of them, unless it has GPUs, which torchrun counts
// itself.
func torchProcesses(n string, node *pod.Container) string {
	if n != "cpu" && (n != "auto" || node.GPUs() > 0) {
		return n
	}
	of := node.Resources.Requests
	if amount, ok := pod.Quantity(string(of["cpu"]), 1); !ok || amount == 0 {
		of = node.Resources.Limits
	}
	if cpus, ok := pod.Quantity(string(of["cpu"]), 1); ok && cpus > 1 {
		return strconv.FormatInt(cpus, 10)
	}
	return "1"
}

func scalar(s *decode.Scalar, or string) string {
	if s == nil {
		return or
	}
	return string(*s)
}
