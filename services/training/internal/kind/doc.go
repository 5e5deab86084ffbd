// Package kind reads the manifests of training jobs: TFJob, PyTorchJob, MXJob,
// XGBoostJob, MPIJob of both APIs, PaddleJob and JAXJob.
//
// A manifest goes through four steps, each a function of the one before: its replica
// types are spelt as the kind spells them, what is left out is filled in, both in the
// object itself, so that whoever gets the job sees it; then it is read into types and
// checked. All follow Kubeflow's training operator 1.9, and 1.7 for MXJob, and the
// MPI operator 0.8 for kubeflow.org/v2beta1. Everything wrong is said at once,
// with the path and in the words that Kubernetes has for it.
//
// The package is pure.
package kind

import (
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/services/training/internal/field"
	"github.com/kfmesh/kfmesh/services/training/internal/pod"
)

// Names of the ways in which replicas find one another.
const (
	TensorFlow = "tensorflow"
	PyTorch    = "pytorch"
	XGBoost    = "xgboost"
	MPI        = "mpi"
	Paddle     = "paddle"
	JAX        = "jax"
	MXNet      = "mxnet"
)

// And those of a TrainJob, beside MPI: by the policy of its runtime.
const (
	Torchrun   = "torchrun"
	JAXTrainer = "jax-trainer"
	DMLC       = "dmlc"
	None       = "none"
)

// v1 is the API version of all kinds but the MPI operator's own.
const v1 = "kubeflow.org/v1"

// Kind is a kind of job.
type Kind struct {
	Name       string   // such as "PyTorchJob"
	Version    string   // apiVersion, such as "kubeflow.org/v1"
	Aliases    []string // other spellings of the name
	Plural     string   // such as "pytorchjobs"
	Rendezvous string

	replicas  string   // field of spec that holds the replica specs
	types     []string // replica types, the leading one first
	container string   // name of the container that counts; empty for the first
	portName  string
	port      int32  // 0 for none
	restart   string // default restart policy

	// spec returns what spec is read into.
	spec func() spec
	// defaults fills in what only this kind has.
	defaults func(object map[string]any)
}

// spec is the specification of a kind.
type spec interface {
	specs() map[string]*replicaSpec
	policy() *runPolicy
	// check says what is wrong with what only this kind has.
	check(j *Job, p *field.Problems)
	// complete adds to a job what only this kind has.
	complete(j *Job)
}

// PortName is the name of the port by which replicas reach one another; empty
// without one.
func (k *Kind) PortName() string { return k.portName }

// All lists the kinds.
func All() []*Kind {
	return []*Kind{
		tfJob(), pytorchJob(), mxJob(), xgboostJob(), mpiJob(), mpiJobV2(), paddleJob(), jaxJob(),
	}
}

// Find returns the kind of an API version and a kind's name.
func Find(version, name string) (*Kind, bool) {
	for _, k := range All() {
		if k.Version == version && (k.Name == name || slices.Contains(k.Aliases, name)) {
			return k, true
		}
	}
	return nil, false
}

// Canonical is a kind's name as jobs of it are stored under.
func Canonical(name string) string {
	for _, k := range append(All(), TrainJob(None)) {
		if strings.EqualFold(k.Name, name) || slices.Contains(k.Aliases, name) {
			return k.Name
		}
	}
	return name
}

// Replica is a number of equal replicas of a job.
type Replica struct {
	Type     string // such as "Worker"
	Group    string // the type in lower case
	Count    int32
	Restart  string // Never, OnFailure, Always or ExitCode
	Template *pod.Template
	Path     string // of the replica spec in the manifest
	Port     int32  // that its container says it listens on; 0 for none

	Independent bool // may fail by itself
	Ancillary   bool // only holds what others use

	Stage int32  // runs once all of the stage before have ended well
	Main  string // name of the container that counts where it is not the kind's
}

// ContainerName is the name of the container that counts; empty for the first.
func (r *Replica) ContainerName(k *Kind) string {
	if r.Main != "" {
		return r.Main
	}
	return k.container
}

// Container is the container that counts.
func (r *Replica) Container(k *Kind) *pod.Container {
	return &r.Template.Spec.Containers[r.Template.Spec.Main(r.ContainerName(k))]
}

// Shape is an empty specification of the kind: what its manifests are read into.
func (k *Kind) Shape() any { return k.spec() }
