package main

import "regexp"

// difference is one that is meant.
type difference struct {
	verdict verdict
	kind    string // of object, a regular expression for all of it
	change  string // of what was changed, and how: a regular expression for part of it
	why     string
}

// deliberate are the differences that docs/training.md explains.
var deliberate = []difference{
	{
		laxer, "PyTorchJob|XGBoostJob", `Master\.replicas is (left out|null)`,
		"defaults come before checks, as they did up to 1.8: a Master that does not say so is one",
	},
	{
		agreeElse, "PyTorchJob|XGBoostJob", `Master is empty`,
		"defaults come before checks, as they did up to 1.8: a Master that does not say so is one",
	},
	{laxer, "JAXJob", `(procMount|mountPropagation|preemptionPolicy|runtimeClassName|fsGroupChangePolicy) is ""`, "an empty word is none"},
	{laxer, "JAXJob|PyTorchJob", `httpGet\.port is "9"`, "the number of a port may be written in quotes"},
	{laxer, "JAXJob", `configMap\.items has the first twice`, "what is in a projected volume, which is not mounted here, may conflict"},
	{
		stricter, ".*", `(eplicas|numNodes|numProcPerNode|slotsPerWorker|minAvailable|backoffLimit|Seconds|AfterFinished) is (-1|0|65536)$`,
		"numbers by which nothing could run, and more than the 4096 replicas of a group, are refused at once",
	},
	{stricter, "JAXJob|MPIJob", `managedBy is "`, "who manages a job is checked for every kind"},
	{stricter, ".*", `(ReplicaSpecs is empty|ReplicaSpecs\.Worker is (left out|null))`, "a job of no replicas would never end"},
	{stricter, "MPIJob", `metadata\.name`, "the name of a job of any kind must do for a service"},
	{
		stricter, ".*", `(\.ports|\.ports\[\d\]|\.ports\[\d\]\.name|(httpGet|tcpSocket)\.port) (is|has)`,
		"a probe must name a port that its container has: it would fail for ever",
	},
	{
		stricter, "ClusterTrainingRuntime", `replicatedJobs|spec\.template |spec\.template\.spec |successPolicy`,
		"a runtime of which no job could be made is refused at once: JobSet's own checks, and that one job trains where there is MPI",
	},
	{stricter, "ClusterTrainingRuntime", `torch\.numProcPerNode`, "2.3 has dropped the field, of which 2.0 to 2.2 made use"},
	{agreeElse, "PyTorchJob", `claimName is ""`, "a volume with something wrong is found all the same by what mounts it"},
	{agreeElse, "TrainJob", `runtimePatches`, "what a patch makes of a pod is said of the pod"},
	{laxer, "ClusterTrainingRuntime", `onExitCodes\.values has the first twice`, "the rules for what has no effect here are not all of them kept"},
	{
		agreeElse, "ClusterTrainingRuntime", `volumeClaimPolicies( |\[\d\]( |\.templates( |\[\d\]( |\.metadata))))`,
		"what is wrong with a volume by itself is said of it, not of the pods that mount it or of the list",
	},
	{agreeElse, "ClusterTrainingRuntime", `spec\.template(\.spec)? is|replicatedJobs\[\d\] is empty`, "an object that lacks all is blamed for what it lacks first"},
}

// meant finds the difference that a case is one of; nil when it is none.
func meant(m manifest, v verdict) *difference {
	kind, _ := m.object["kind"].(string)
	for i := range deliberate {
		d := &deliberate[i]
		if d.verdict == v && regexp.MustCompile("^("+d.kind+")$").MatchString(kind) && regexp.MustCompile(d.change).MatchString(m.path+" "+m.change) {
			return d
		}
	}
	return nil
}
