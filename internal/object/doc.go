// Package object reads and writes what Kubernetes has besides jobs and kfmesh has too, as
// Kubernetes spells it: ConfigMap, Secret, PersistentVolumeClaim, which is a volume here, and
// PriorityClass.
//
// Reading takes the JSON of a manifest and returns the resource, and as warnings what the
// manifest says and nothing here heeds. What cannot be read is fault.Invalid; whether a
// resource may be as it is, its service says.
//
// Values of secrets are never written: a key is shown with Hidden in place of its value, and
// whoever sends that back keeps the value there is.
//
// The package is pure, but for the random end of a generated name.
package object
