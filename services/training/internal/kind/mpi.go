package kind

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

func mpiJob() *Kind {
	return &Kind{
		Name: "MPIJob", Version: v1, Plural: "mpijobs", Rendezvous: MPI,
		replicas: "mpiReplicaSpecs", types: []string{launcher, worker}, restart: never,
		spec: func() spec { return &mpiSpec{} },
		defaults: func(spec map[string]any) {
			setDefault(spec, "slotsPerWorker", number("1"))
			if policy := child(spec, "runPolicy"); policy != nil && spec["cleanPodPolicy"] != nil {
				setDefault(policy, "cleanPodPolicy", spec["cleanPodPolicy"])
			}
		},
	}
}

func mpiJobV2() *Kind {
	k := mpiJob()
	k.Version, k.restart = "kubeflow.org/v2beta1", onFailure
	k.spec = func() spec { return &mpiV2Spec{} }
	k.defaults = func(spec map[string]any) {
		setDefault(spec, "slotsPerWorker", number("1"))
		setDefault(spec, "sshAuthMountPath", sshDir)
		setDefault(spec, "mpiImplementation", openMPI)
		setDefault(spec, "launcherCreationPolicy", "AtStartup")
		setDefault(spec, "runLauncherAsWorker", false)
	}
	return k
}

// sshDir is where the operator would put keys; nobody looks here for any.
const sshDir = "/root" + "/.ssh"

// Implementations of MPI.
const (
	openMPI = "OpenMPI"
	intel   = "Intel"
	mpich   = "MPICH"
)

type mpiSpec struct {
	RunPolicy      *runPolicy              `json:"runPolicy"`
	CleanPodPolicy *string                 `json:"cleanPodPolicy"`
	Slots          *int32                  `json:"slotsPerWorker"`
	MainContainer  string                  `json:"mainContainer" honoured:"no"`
	Replicas       map[string]*replicaSpec `json:"mpiReplicaSpecs"`
}

func (s *mpiSpec) specs() map[string]*replicaSpec { return s.Replicas }
func (s *mpiSpec) policy() *runPolicy             { return s.RunPolicy }

func (s *mpiSpec) check(j *Job, p *field.Problems) {
	j.checkLauncher(s.Replicas, p)
	checkSlots(s.Slots, p)
}

func (s *mpiSpec) complete(j *Job) {
	j.MPI = MPIOptions{Slots: *s.Slots, Implementation: openMPI}
	j.launcherLeads()
}

// launcherLeads has the job end with its launcher, and the workers with it.
func (j *Job) launcherLeads() {
	j.Success = &trainingv1.SuccessPolicy{Group: j.Replicas[0].Group, Rule: trainingv1.SuccessRule_SUCCESS_RULE_ALL}
	w := j.Group(worker)
	if w == nil {
		return
	}
	w.Ancillary = true
	if w.Count == 0 {
		j.Replicas = j.Replicas[:1]
	}
}

func (j *Job) checkLauncher(specs map[string]*replicaSpec, p *field.Problems) {
	if len(specs) == 0 {
		return
	}
	if specs[launcher] == nil {
		p.Required("spec.mpiReplicaSpecs[Launcher]", "must have Launcher replica spec")
	}
	if r := j.Group(launcher); r != nil && r.Count != 1 {
		p.Invalid(r.Path+".replicas", r.Count, "must be 1")
	}
}

func checkSlots(slots *int32, p *field.Problems) {
	if slots != nil && *slots < 0 {
		p.Invalid("spec.slotsPerWorker", *slots, atLeastZero)
	}
}

type mpiV2Spec struct {
	RunPolicy        *runPolicy              `json:"runPolicy"`
	Slots            *int32                  `json:"slotsPerWorker"`
	LauncherIsWorker bool                    `json:"runLauncherAsWorker"`
	SSHAuthMountPath string                  `json:"sshAuthMountPath"`
	Creation         string                  `json:"launcherCreationPolicy"`
	Implementation   string                  `json:"mpiImplementation"`
	Replicas         map[string]*replicaSpec `json:"mpiReplicaSpecs"`
}

func (s *mpiV2Spec) specs() map[string]*replicaSpec { return s.Replicas }
func (s *mpiV2Spec) policy() *runPolicy             { return s.RunPolicy }

func (s *mpiV2Spec) check(j *Job, p *field.Problems) {
	j.checkLauncher(s.Replicas, p)
	j.checkHostname(p)
	checkSlots(s.Slots, p)
	if r := s.Replicas[worker]; r != nil && j.Group(worker).Count <= 0 {
		p.Invalid("spec.mpiReplicaSpecs[Worker].replicas", j.Group(worker).Count, "must be greater than or equal to 1")
	}
	for _, r := range j.Replicas {
		if r.Restart == always || r.Restart == exitCode {
			p.NotSupported(r.Path+".restartPolicy", r.Restart, never, onFailure)
		}
	}
	if i := s.Implementation; i != openMPI && i != intel && i != mpich {
		p.NotSupported("spec.mpiImplementation", i, intel, mpich, openMPI)
	}
	if c := s.Creation; c != "" && c != "AtStartup" && c != "WaitForWorkersReady" {
		p.Warn("spec.launcherCreationPolicy: %q is not WaitForWorkersReady, and taken for AtStartup, as upstream does", c)
	}
	if r := s.RunPolicy; r != nil && r.CleanPodPolicy != nil && cleanPolicies[*r.CleanPodPolicy] == 0 {
		p.NotSupported("spec.runPolicy.cleanPodPolicy", *r.CleanPodPolicy, cleanAll, cleanNone, cleanRunning)
	}
}

// checkHostname has the last worker's host name be a label of DNS.
func (j *Job) checkHostname(p *field.Problems) {
	w := j.Group(worker)
	if w == nil || w.Count <= 0 || j.Name == "" || len(j.Name) > maxName {
		return
	}
	if last := fmt.Sprintf("%s-worker-%d", j.Name, w.Count-1); len(last) > maxName {
		p.Invalid("metadata.name", j.Name, fmt.Sprintf("will not able to create pod and service with invalid DNS label %q: %s", last, longName))
	}
}

// launcherBackoff is the default backoffLimit of a batch Job.
const launcherBackoff = 6

func (s *mpiV2Spec) complete(j *Job) {
	j.MPI = MPIOptions{V2: true, Slots: *s.Slots, Implementation: s.Implementation, LauncherIsWorker: s.LauncherIsWorker}
	if j.Run.BackoffLimit == nil { // upstream's launcher is a batch Job, which has this many tries
		j.Run.BackoffLimit = proto.Int32(launcherBackoff)
	}
	j.launcherLeads()
}
