package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/object"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// nodes are the nodes, which can be cordoned and tainted, and what they use.
func nodes(c gpuagentv1.NodeServiceClient) []kube.Resource {
	of := func(show func(*gpuagentv1.Node) kube.Object) looked {
		return looked{
			get: func(ctx context.Context, _, name string) (kube.Object, error) {
				n, err := c.GetNode(ctx, &gpuagentv1.GetNodeRequest{Name: name})
				if err != nil {
					return nil, err
				}
				return show(n), nil
			},
			list: func(ctx context.Context, _ string) ([]kube.Object, error) {
				all, err := c.ListNodes(ctx, &gpuagentv1.ListNodesRequest{})
				if err != nil {
					return nil, err
				}
				var out []kube.Object
				for _, n := range all.GetNodes() {
					out = append(out, show(n))
				}
				return out, nil
			},
		}
	}
	info := func(field string) func(kube.Object) any {
		return func(o kube.Object) any { return kube.Path(o, "status", "nodeInfo", field) }
	}
	return []kube.Resource{
		{
			Version: "v1", Plural: "nodes", Singular: "node", Kind: "Node", Short: []string{"no"}, Cluster: true, Plain: true,
			Fields: []string{"spec.unschedulable"}, Store: &nodeStore{looked: of(node), nodes: c},
			Columns: []kube.Column{
				{Name: "Status", Type: "string", Value: nodeStatus},
				{Name: "Roles", Type: "string", Value: func(kube.Object) any { return "<none>" }},
				kube.Age(),
				{Name: "Version", Type: "string", Value: info("kubeletVersion")},
				{Name: "Internal-IP", Type: "string", Wide: true, Value: func(o kube.Object) any { return address(o) }},
				{Name: "OS-Image", Type: "string", Wide: true, Value: info("osImage")},
				{Name: "Container-Runtime", Type: "string", Wide: true, Value: info("containerRuntimeVersion")},
			},
		},
		{
			Group: "metrics.k8s.io", Version: "v1beta1", Plural: "nodes", Singular: "", Kind: "NodeMetrics", Cluster: true, ReadOnly: true, Store: of(usage),
		},
	}
}

// node is a node as an object.
func node(n *gpuagentv1.Node) kube.Object {
	s := n.GetStatus()
	system, arch, _ := strings.Cut(s.GetPlatform(), "/")
	spec := map[string]any{}
	if s.GetCordoned() {
		spec["unschedulable"] = true
	}
	if taints := taintsOf(s.GetTaints()); len(taints) > 0 {
		spec["taints"] = taints
	}
	has := map[string]any{
		"cpu": fmt.Sprintf("%dm", s.GetCpuMilli()), "memory": fmt.Sprintf("%dKi", s.GetMemoryBytes()>>10), "pods": strconv.Itoa(int(s.GetMaxWorkloads())),
	}
	for name, n := range gpuCounts(s.GetGpus()) {
		has[name] = strconv.Itoa(n)
	}
	host := s.GetHost()
	if host == "" {
		host = s.GetHostname()
	}
	ready := map[bool]string{true: "True", false: "Unknown"}[s.GetReady()]
	heartbeat := map[string]any{"type": "Ready", "status": ready, "reason": map[bool]string{true: "AgentReady", false: "NodeStatusUnknown"}[s.GetReady()]}
	if t := s.GetHeartbeatTime(); t != nil {
		heartbeat["lastHeartbeatTime"] = object.Moment(t)
	}
	return kube.Object{
		"apiVersion": "v1", "kind": "Node", "metadata": object.Metadata(n.GetMetadata()), "spec": spec,
		"status": map[string]any{
			"capacity": has, "allocatable": has, "conditions": []any{heartbeat},
			"addresses": []any{map[string]any{"type": "InternalIP", "address": host}, map[string]any{"type": "Hostname", "address": s.GetHostname()}},
			"nodeInfo": map[string]any{
				"kubeletVersion": s.GetAgentVersion(), "operatingSystem": system, "architecture": arch, "osImage": s.GetPlatform(),
				"containerRuntimeVersion": runtimeOf(s), "bootID": "", "kernelVersion": "", "kubeProxyVersion": "", "machineID": "", "systemUUID": "",
			},
		},
	}
}

func runtimeOf(s *gpuagentv1.NodeStatus) string {
	if engine := s.GetContainerEngine(); engine != "" {
		return engine
	}
	return strings.Join(s.GetRuntimes(), ", ")
}

func taintsOf(from []*gpuagentv1.Taint) []any {
	var all []any
	for _, t := range from {
		one := map[string]any{"key": t.GetKey(), "effect": t.GetEffect()}
		if t.GetValue() != "" {
			one["value"] = t.GetValue()
		}
		all = append(all, one)
	}
	return all
}

// gpuCounts counts the GPUs that are well, whole ones and parts, by vendor.
func gpuCounts(gpus []*gpuagentv1.Gpu) map[string]int {
	counts := map[string]int{}
	for _, g := range gpus {
		if g.GetProblem() == "" {
			vendor := map[string]string{"amd": "amd.com/gpu"}[g.GetVendor()]
			if vendor == "" {
				vendor = "nvidia.com/gpu"
			}
			if g.GetProfile() != "" {
				vendor = "nvidia.com/mig-" + g.GetProfile()
			}
			counts[vendor]++
		}
	}
	return counts
}

func nodeStatus(o kube.Object) any {
	status := "NotReady"
	conditions, _ := kube.Path(o, "status", "conditions").([]any)
	if len(conditions) > 0 && conditions[0].(map[string]any)["status"] == "True" {
		status = "Ready"
	}
	if kube.Path(o, "spec", "unschedulable") == true {
		status += ",SchedulingDisabled"
	}
	return status
}

func address(o kube.Object) any {
	all, _ := kube.Path(o, "status", "addresses").([]any)
	if len(all) == 0 {
		return "<none>"
	}
	return all[0].(map[string]any)["address"]
}

// usage is what a node uses, as metrics-server says it.
func usage(n *gpuagentv1.Node) kube.Object {
	s := n.GetStatus()
	meta := object.Metadata(n.GetMetadata())
	out := kube.Object{
		"apiVersion": "metrics.k8s.io/v1beta1", "kind": "NodeMetrics", "metadata": meta, "window": "10s",
		"usage": map[string]any{"cpu": fmt.Sprintf("%dm", s.GetCpuUsedMilli()), "memory": fmt.Sprintf("%dKi", s.GetMemoryUsedBytes()>>10)},
	}
	if t := s.GetHeartbeatTime(); t != nil {
		out["timestamp"] = object.Moment(t)
	}
	return out
}

// nodeStore is the nodes. Of one two things can be changed: whether it is cordoned, and its
// taints.
type nodeStore struct {
	looked
	nodes gpuagentv1.NodeServiceClient
}

// wish is what can be changed of a node.
type wish struct {
	Spec struct {
		Unschedulable bool `json:"unschedulable"`
		Taints        []struct {
			Key    string `json:"key"`
			Value  string `json:"value"`
			Effect string `json:"effect"`
		} `json:"taints"`
	} `json:"spec"`
}

// Update implements kube.Store.
func (s *nodeStore) Update(ctx context.Context, _, name string, manifest []byte, o kube.Options) (kube.Object, []string, error) {
	var wanted wish
	if err := json.Unmarshal(manifest, &wanted); err != nil {
		return nil, nil, fault.Invalidf("", "Node cannot be read: %v", err)
	}
	n, err := s.nodes.GetNode(ctx, &gpuagentv1.GetNodeRequest{Name: name})
	if err != nil || o.DryRun {
		return node(n), nil, err
	}
	if wanted.Spec.Unschedulable != n.GetStatus().GetCordoned() {
		if n, err = s.nodes.CordonNode(ctx, &gpuagentv1.CordonNodeRequest{Name: name, Undo: !wanted.Spec.Unschedulable, Reason: "kubectl cordon"}); err != nil {
			return nil, nil, err
		}
	}
	if r := retaint(n, wanted); len(r.GetAdd())+len(r.GetRemove()) > 0 {
		if n, err = s.nodes.TaintNode(ctx, r); err != nil {
			return nil, nil, err
		}
	}
	return node(n), nil, nil
}

// retaint is what makes the taints of a node those that are wanted.
func retaint(n *gpuagentv1.Node, wanted wish) *gpuagentv1.TaintNodeRequest {
	r := &gpuagentv1.TaintNodeRequest{Name: n.GetMetadata().GetName(), Overwrite: true}
	had := n.GetStatus().GetTaints()
	var want []*gpuagentv1.Taint
	for _, t := range wanted.Spec.Taints {
		want = append(want, &gpuagentv1.Taint{Key: t.Key, Value: t.Value, Effect: t.Effect})
	}
	same := func(a, b *gpuagentv1.Taint) bool { return a.GetKey() == b.GetKey() && a.GetEffect() == b.GetEffect() }
	for _, t := range want {
		if !slices.ContainsFunc(had, func(h *gpuagentv1.Taint) bool { return same(h, t) && h.GetValue() == t.GetValue() }) {
			r.Add = append(r.Add, t)
		}
	}
	for _, h := range had {
		if !slices.ContainsFunc(want, func(t *gpuagentv1.Taint) bool { return same(h, t) }) {
			r.Remove = append(r.Remove, &gpuagentv1.Taint{Key: h.GetKey(), Effect: h.GetEffect()})
		}
	}
	return r
}
