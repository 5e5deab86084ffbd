// Package training is the service that keeps distributed training jobs and sees them
// to their end: TFJob, PyTorchJob, MXJob, XGBoostJob, MPIJob, PaddleJob and JAXJob,
// which are spellings of one kind of job.
//
// It owns the keys under /kfmesh/training/ (see internal/state). An attempt at a job is
// one workload of gpuagent. A job stays until it is deleted, by somebody, by retention, or by
// its own ttlSecondsAfterFinished; some time after its end it moves to the archive of the
// metadata service (see internal/archive).
//
// Any number of replicas may serve the API. One of them, the holder of the lease
// "training", drives the jobs; its commits and submits carry its fence. It publishes an
// event for every state that a job enters:
//
//	kfmesh.training.<kind in lower case>.<namespace>.<name>.<state in lower case>
//	kfmesh.training.<kind in lower case>.<namespace>.<name>.deleted
package training
