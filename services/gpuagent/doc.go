// Package gpuagent is the service that runs workloads: pipeline steps, training
// replicas, trials, servers. Every node runs one.
//
// It owns /kfmesh/gpuagent/workloads/ and /kfmesh/gpuagent/nodes/ in the store,
// serves WorkloadService and NodeService, and publishes an event for each phase a
// workload enters (kfmesh.gpuagent.workload.<namespace>.<name>.<phase>, and
// "deleted").
//
// Workloads are processes of the host. Each runs under a supervisor, a small
// program that outlives the agent and writes down how its command ended, so that
// an agent that was killed adopts what still runs, reports what has ended, and
// never starts anything twice: see internal/engine for the whole story. An agent
// that ends leaves its workloads running.
//
// A container image means what the image map says (internal/image), a step gets
// the host's environment without its secrets (internal/environ), and what it
// installs with pip comes from a cache of environments (internal/pyenv).
//
// What the node keeps no longer is removed by internal/collect.
package gpuagent
