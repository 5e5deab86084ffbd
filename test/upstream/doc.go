// Command upstream asks the operators of Kubeflow themselves what is wrong with manifests, and compares their answers
// with those of kfmesh.
//
// What is asked are the manifests in seeds, those of a corpus, and whatever becomes of them when one value at a time is
// left out, of another type, out of range, too long, or there twice. Of the operators it runs what an API server does
// with a manifest: the schema of the definition (defaults, types, enumerations, lists by key, CEL), then the webhook,
// the operator's defaults and checks, and Kubernetes' own checks of the pods that would be made. What is refused only
// once pods are made counts as late: the API server would take the job, and nothing would ever run.
//
// kfmesh is asked over its REST API, with dryRun. The program ends with status 1 when an answer differs otherwise than
// deliberate.go says.
//
// It is a module of its own, so that nobody who builds kfmesh needs Kubernetes for it.
package main
