package rendezvous

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tensorflow is TF_CONFIG, which a job of one replica has not.
// https://www.tensorflow.org/guide/distributed_training#TF_CONFIG
func (n net) tensorflow() []Var {
	if n.job.Total() <= 1 {
		return nil
	}
	task := fmt.Sprintf(`"task":{"type":%q,"index":${self.index}}`, n.self.Group)
	if n.job.TensorFlow.Dynamic {
		return []Var{{"TF_CONFIG", `{"cluster":` + n.sparse() + `,` + task + `}`}}
	}
	lists := map[string]string{}
	for i := range n.job.Replicas {
		r := &n.job.Replicas[i]
		var addresses []string
		for index := range r.Count {
			addresses = append(addresses, `"`+n.address(r, index)+`"`)
		}
		lists[r.Group] = strings.Join(addresses, ",")
	}
	var cluster []string
	for _, group := range slices.Sorted(maps.Keys(lists)) {
		cluster = append(cluster, fmt.Sprintf(`%q:[%s]`, group, lists[group]))
	}
	return []Var{{"TF_CONFIG", `{"cluster":{` + strings.Join(cluster, ",") + `},` + task + `,"environment":"cloud"}`}}
}

// sparse is the cluster of a job whose workers come and go: a worker knows itself
// and all parameter servers, a parameter server itself.
func (n net) sparse() string {
	const own = `"${self.host}:${self.port.tfjob-port}"`
	if n.self.Group == "ps" {
		return `{"worker":{},"ps":[` + own + `]}`
	}
	var servers []string
	if r := n.job.Group("PS"); r != nil {
		for index := range r.Count {
			servers = append(servers, `"`+n.address(r, index)+`"`)
		}
	}
	workers := ""
	if n.self.Group == "worker" {
		workers = `"${self.index}":` + own
	}
	return `{"worker":{` + workers + `},"ps":[` + strings.Join(servers, ",") + `]}`
}
