// Package rendezvous says how the replicas of a job find one another: the
// environment that each framework reads, as Kubeflow's operators inject it.
//
// Addresses are references that the workload's agent fills in (${replica...}), since
// neither hosts nor ports are known before the job is placed. Where upstream gives a
// service's name and one port for all, this gives each replica's own address and port,
// so that replicas may share a host.
//
// The package is pure.
package rendezvous

import (
	"fmt"
	"strconv"

	"github.com/kfmesh/kfmesh/services/training/internal/kind"
)

// Var is an environment variable. Its value may hold references of workloads.
type Var struct{ Name, Value string }

// File is a file that a replica finds. Its path may begin with ${keep}/.
type File struct {
	Path    string
	Content string
	Mode    uint32
}

// Wiring is what a replica gets beside what its template says.
type Wiring struct {
	Env []Var
	// Defaults are variables for those whose template does not say them.
	Defaults []Var
	// To are the names of the containers that get Env and Defaults; nil for all but those that run before.
	To    []string
	Files []File
	// Directories are those that replicas share.
	Directories []string
	// Command, when set, is run instead of the template's.
	Command []string
	// Ports are names of ports to be allotted beside the kind's own.
	Ports []string
	// Rewrite are paths, by what the manifest calls them, of what is elsewhere here.
	Rewrite map[string]string
}

// Of returns the wiring of the replicas of a group. All replicas of it get the same;
// what differs among them is a reference.
func Of(j *kind.Job, r *kind.Replica, attempt int32) Wiring {
	n := net{job: j, self: r}
	switch j.Kind.Rendezvous {
	case kind.TensorFlow:
		return Wiring{Env: n.tensorflow(), To: []string{r.ContainerName(j.Kind)}}
	case kind.PyTorch:
		return n.pytorch()
	case kind.XGBoost:
		return Wiring{Env: n.xgboost()}
	case kind.Paddle:
		return Wiring{Env: n.paddle()}
	case kind.JAX:
		return Wiring{Env: n.jax()}
	case kind.MXNet:
		return Wiring{Env: n.mxnet()}
	case kind.MPI:
		return n.mpi(attempt)
	}
	return n.trainer()
}

// unbuffered has Python write its output as it comes.
var unbuffered = Var{"PYTHONUNBUFFERED", "1"}

// net is a job as one group of it sees it.
type net struct {
	job  *kind.Job
	self *kind.Replica
}

// host refers to the address of a replica.
func host(r *kind.Replica, index int32) string {
	return fmt.Sprintf("${replica.%s.%d.host}", r.Group, index)
}

// port refers to the kind's port of a replica.
func (n net) port(r *kind.Replica, index int32) string {
	return fmt.Sprintf("${replica.%s.%d.port.%s}", r.Group, index, n.job.Kind.PortName())
}

func (n net) address(r *kind.Replica, index int32) string {
	return host(r, index) + ":" + n.port(r, index)
}

// rank refers to the replica's own rank: masters come first.
func (n net) rank() string {
	if lead := n.job.Replicas[0]; lead.Group != n.self.Group {
		return fmt.Sprintf("${self.index+%d}", lead.Count)
	}
	return "${self.index}"
}

func itoa(n int32) string { return strconv.Itoa(int(n)) }
