package rendezvous

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/kfmesh/kfmesh/services/training/internal/kind"
)

// rshAgent is what mpirun starts its daemons with in place of ssh.
//
//go:embed rsh.sh
var rshAgent string

// workerScript is what a worker runs: it tells the agent its environment and waits.
//
//go:embed worker.sh
var workerScript string

// discoverHead begins the script that lists the hosts that are there: workers of this
// node that have begun, and those of others.
const discoverHead = `#!/bin/sh
here() {
	[ ! -e "${0%/*}/$1.env" ] || return 0
	for entry in $KFMESH_MPI_HOSTS; do
		address=${entry#*=}
		[ "${entry%%=*}" != "$1" ] || [ "${address%:*}" = "$KFMESH_MPI_SELF" ] || return 0
	done
	return 1
}
`

// upstreamDir is where the operators put the files that jobs name.
const upstreamDir = "/etc/mpi"

// hosts are the names in the host file, which need not resolve: only the agent reads
// them.
func (n net) hosts() []string {
	if n.job.Kind.Name == kind.TrainJobName {
		return n.nodes()
	}
	suffix := ""
	if n.job.MPI.V2 {
		suffix = fmt.Sprintf(".%s.%s.svc", n.job.Name, n.job.Namespace)
	}
	var hosts []string
	if n.job.MPI.LauncherIsWorker {
		hosts = append(hosts, n.job.Name+"-launcher"+suffix)
	}
	if w := n.job.Group("Worker"); w != nil {
		for index := range w.Count {
			hosts = append(hosts, fmt.Sprintf("%s-worker-%d%s", n.job.Name, index, suffix))
		}
	}
	return hosts
}

// mpi gives the launcher a host file and an agent that starts processes where a
// worker runs, without a daemon there; the worker only waits.
func (n net) mpi(attempt int32) Wiring {
	dir := fmt.Sprintf("${keep}/mpi-%d", attempt)
	role := Var{"K_MPI_JOB_ROLE", n.self.Group}
	if n.self.Type == "Worker" {
		return n.worker(dir, fmt.Sprintf("%s-worker-${self.index}.env", n.job.Name), role)
	}
	if n.job.Kind.Name == kind.TrainJobName {
		switch {
		case n.self.Ancillary:
			return n.worker(dir, fmt.Sprintf("%s-%s-0-${self.index}.env", n.job.Name, n.self.Group))
		case n.self.Group != n.job.Trainer.Group:
			return Wiring{} // an initializer
		}
	}
	slots := itoa(n.job.MPI.Slots)
	var hostFile, discover strings.Builder
	discover.WriteString(discoverHead)
	for _, h := range n.hosts() {
		line, found := h+" slots="+slots, h+":"+slots
		if n.job.MPI.Implementation != "OpenMPI" {
			line = h + ":" + slots
		}
		if n.job.MPI.V2 {
			found = h
		}
		hostFile.WriteString(line + "\n")
		name, _, _ := strings.Cut(h, ".")
		fmt.Fprintf(&discover, "! here %s || echo %s\n", name, found)
	}
	env := append(append(n.implementation(dir, slots), role), n.blind()...)
	w := Wiring{Env: append(env, n.addresses()...), To: n.itself(), Rewrite: map[string]string{upstreamDir + "/": dir + "/"}}
	if len(n.hosts()) > 0 {
		w.Directories = []string{dir}
		w.Files = []File{
			{Path: dir + "/hostfile", Content: hostFile.String(), Mode: 0o644},
			{Path: dir + "/discover_hosts.sh", Content: discover.String(), Mode: 0o755},
			{Path: dir + "/kubexec.sh", Content: rshAgent, Mode: 0o755},
		}
	}
	return w
}

// blind keeps a launcher that only starts others from taking GPUs where they are given by
// these variables, as the operators do.
func (n net) blind() []Var {
	options := n.job.MPI
	if n.job.Kind.Name == kind.TrainJobName || options.LauncherIsWorker || !options.V2 && n.self.Container(n.job.Kind).GPUs() > 0 {
		return nil
	}
	return []Var{{"NVIDIA_VISIBLE_DEVICES", ""}, {"NVIDIA_DRIVER_CAPABILITIES", ""}}
}

// rshPort is the port at which a worker runs commands for a launcher on another node.
const rshPort = "kfmesh-rsh"

// worker is a replica that waits for what it is to run, and leaves its environment in a file
// of a directory for who starts that.
func (n net) worker(dir, environment string, more ...Var) Wiring {
	return Wiring{
		Directories: []string{dir},
		Env:         append(more, Var{"KFMESH_MPI_SELF", "${self.host}"}), To: n.itself(), Ports: []string{rshPort},
		Command: []string{"/bin/sh", "-c", workerScript, "worker", dir + "/" + environment},
	}
}

// addresses tell the launcher where it is itself, and where all others are: "name=host:port"
// each. Those on another node than itself it reaches by their ports.
func (n net) addresses() []Var {
	var all []string
	for i := range n.job.Replicas {
		r := &n.job.Replicas[i]
		worker := r.Type == "Worker" || r.Ancillary
		if r.Stage != n.self.Stage {
			continue
		}
		for index := range r.Count {
			name, at := fmt.Sprintf("%s-%s-%d", n.job.Name, r.Group, index), "0"
			if n.job.Kind.Name == kind.TrainJobName {
				name = fmt.Sprintf("%s-%s-0-%d", n.job.Name, r.Group, index)
			}
			if worker {
				at = fmt.Sprintf("${replica.%s.%d.port.%s}", r.Group, index, rshPort)
			}
			all = append(all, name+"="+host(r, index)+":"+at)
		}
	}
	return []Var{{"KFMESH_MPI_SELF", "${self.host}"}, {"KFMESH_MPI_HOSTS", strings.Join(all, " ")}}
}

// implementation is what an implementation of MPI reads.
func (n net) implementation(dir, slots string) []Var {
	hostFile, agent := dir+"/hostfile", dir+"/kubexec.sh"
	openMPI := []Var{
		{"OMPI_MCA_plm_rsh_agent", agent},
		{"OMPI_MCA_orte_default_hostfile", hostFile},
		{"OMPI_MCA_orte_keep_fqdn_hostnames", "true"},
		// Open MPI 5 asks its new runtime, PRRTE, which knows the same under other names.
		{"PRTE_MCA_plm_ssh_agent", agent},
		{"PRTE_MCA_prte_default_hostfile", hostFile},
		{"PRTE_MCA_prte_keep_fqdn_hostnames", "true"},
		// Its collectives by levels think that ranks of one host have one daemon, and wait for ever
		// where workers that share a host have each their own.
		{"OMPI_MCA_coll_han_priority", "0"},
	}
	intel := []Var{
		{"I_MPI_HYDRA_HOST_FILE", hostFile}, {"I_MPI_HYDRA_BOOTSTRAP", "rsh"}, {"I_MPI_HYDRA_BOOTSTRAP_EXEC", agent},
	}
	switch {
	case len(n.hosts()) == 0:
		return nil
	case !n.job.MPI.V2:
		return append(openMPI, intel...)
	case n.job.MPI.Implementation == "Intel":
		return append(intel, Var{"I_MPI_PERHOST", slots})
	case n.job.MPI.Implementation == "MPICH":
		return []Var{{"HYDRA_HOST_FILE", hostFile}, {"HYDRA_LAUNCHER", "rsh"}, {"HYDRA_LAUNCHER_EXEC", agent}}
	}
	return append(openMPI, Var{"OMPI_MCA_orte_set_default_slots", slots}, Var{"PRTE_MCA_prte_set_default_slots", slots})
}
