package rendezvous

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// xgboost is what the operator's examples for XGBoost and LightGBM read.
func (n net) xgboost() []Var {
	m := n.job.Group("Master")
	env := []Var{
		{"MASTER_PORT", n.port(m, 0)},
		{"MASTER_ADDR", host(m, 0)},
		{"WORLD_SIZE", itoa(n.job.Total())},
		{"RANK", n.rank()},
		unbuffered,
	}
	w := n.job.Group("Worker")
	if n.job.Total() <= 1 || w == nil || w.Count == 0 {
		return env
	}
	var hosts, addresses []string
	for index := range w.Count {
		hosts, addresses = append(hosts, host(w, index)), append(addresses, n.address(w, index))
	}
	return append(env,
		Var{"WORKER_PORT", n.port(w, 0)}, Var{"WORKER_ADDRS", strings.Join(hosts, ",")},
		// Workers that share a host cannot share a port, for which the two above have no words.
		Var{"KFMESH_WORKER_ADDRS", strings.Join(addresses, ",")},
	)
}

// jax is what jax.distributed.initialize is told by hand.
func (n net) jax() []Var {
	w := n.job.Group("Worker")
	return []Var{
		unbuffered,
		{"COORDINATOR_PORT", n.port(w, 0)},
		{"COORDINATOR_ADDRESS", host(w, 0)},
		{"NUM_PROCESSES", itoa(n.job.Total())},
		{"PROCESS_ID", n.rank()},
	}
}

// paddle is what paddle.distributed.launch reads. A job with a master is one of
// parameter servers.
func (n net) paddle() []Var {
	lead := &n.job.Replicas[0]
	env := []Var{
		unbuffered, {"PADDLE_JOB_ID", n.job.Name}, {"PADDLE_NNODES", itoa(n.job.Total())}, {"PADDLE_MASTER", n.address(lead, 0)},
	}
	if lead.Type != "Master" {
		return env
	}
	if n.self.Type == lead.Type {
		return append(env, Var{"PADDLE_SERVER_NUM", "1"})
	}
	return append(env, Var{"PADDLE_TRAINER_NUM", "1"})
}

// tunerServerKey is the annotation of a pod template that MX_CONFIG repeats.
const tunerServerKey = "tuner-server-key"

// mxnet is what ps-lite reads, and MX_CONFIG.
func (n net) mxnet() []Var {
	cluster, labels := map[string]string{}, map[string]string{}
	counts := map[string]int32{}
	for i := range n.job.Replicas {
		r := &n.job.Replicas[i]
		var entries []string
		for index := range r.Count {
			entries = append(entries, fmt.Sprintf(`{"url":"%s","port":%s}`, host(r, index), n.port(r, index)))
		}
		cluster[r.Group] = "[" + strings.Join(entries, ",") + "]"
		labels[r.Group] = fmt.Sprintf("%q", r.Template.Metadata.Annotations[tunerServerKey])
		counts[r.Type] = r.Count
	}
	env := []Var{{"MX_CONFIG", fmt.Sprintf(`{"cluster":%s,"labels":%s,"task":{"type":%q,"index":${self.index}}}`,
		object(cluster), object(labels), n.self.Group)}}
	port, uri := "0", "" // which is what upstream says of none
	if s := n.job.Group("Scheduler"); s != nil && s.Count > 0 {
		port, uri = n.port(s, 0), host(s, 0)
	}
	env = append(env, Var{"DMLC_PS_ROOT_PORT", port}, Var{"DMLC_PS_ROOT_URI", uri},
		Var{"DMLC_NUM_SERVER", itoa(counts["Server"])}, Var{"DMLC_NUM_WORKER", itoa(counts["Worker"])},
		Var{"DMLC_ROLE", n.self.Group}, Var{"DMLC_USE_KUBERNETES", "1"},
	)
	if n.self.Type == "Worker" {
		env = append(env, Var{"DMLC_WORKER_ID", "${self.index}"})
	}
	return env
}

// object is a JSON object of values that are JSON.
func object(values map[string]string) string {
	var entries []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		entries = append(entries, fmt.Sprintf("%q:%s", name, values[name]))
	}
	return "{" + strings.Join(entries, ",") + "}"
}
