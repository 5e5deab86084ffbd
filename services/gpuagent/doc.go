// Package gpuagent is the service that runs workloads: pipeline steps, training
// replicas, trials, servers. Every node runs one.
//
// It owns /kfmesh/gpuagent/ in the store (see internal/state), serves
// WorkloadService, NodeService, SecretService, ConfigMapService, VolumeService and
// HousekeepingService, and publishes an event for each phase a workload enters
// (kfmesh.gpuagent.workload.<namespace>.<name>.<phase>, and "deleted").
//
// Workloads are processes of the host or containers (internal/runtime). What they
// run under outlives the agent and knows how they ended, so that an agent that was
// killed adopts what still runs, reports what has ended, and never starts anything
// twice: see internal/engine for the whole story. An agent that ends leaves its
// workloads running.
//
// For a process, a container image means what the image map says (internal/image),
// a step gets the host's environment without its secrets (internal/environ), and
// what it installs with pip comes from a cache of environments (internal/pyenv).
//
// Values of secrets are sealed in the store (internal/secret) and come out for the
// replicas that name them alone. Volumes are made by internal/attach and mounted
// for a process by internal/enter, in a mount namespace of its own.
// What the node keeps no longer is removed by internal/collect.
package gpuagent
