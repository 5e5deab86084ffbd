// Package pipeline is the service that keeps pipelines, versions, experiments
// and runs, makes runs when schedules say so, and drives runs to their end. Its
// API is the KFP v2beta1 API.
//
// It owns the keys under /kfmesh/pipeline/ and the blobs under specs/ (see
// internal/state). A run lives in the store while it is live; when it has ended
// it becomes a record of the metadata service's archive. Steps run as workloads
// of gpuagent; what they read and wrote is recorded in metadata.
//
// Any number of replicas may serve the API. One of them, the holder of the lease
// "pipeline", drives the runs; its commits carry its fence. It keeps house (see
// internal/collect), and publishes an event for every state a run enters:
//
//	kfmesh.pipeline.run.<namespace>.<run id>.<state in lower case>
//	kfmesh.pipeline.run.<namespace>.<run id>.deleted
package pipeline
