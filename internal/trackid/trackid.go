// Package trackid derives the ids under which what runs on kfmesh is known to
// experiment tracking, so that whoever starts a step and whoever records it agree
// without asking one another.
//
// A pipeline run is a tracked run whose id is its own without dashes. A task's
// tracked run has an id of the shape of a UUID of version 8 (RFC 9562), which
// nothing else in tracking has: made from other values, here a digest of the task.
package trackid

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
)

// DefaultExperiment is the id of the experiment that is there from the start.
const DefaultExperiment = "0"

const (
	defaultNamespace = "default"
	defaultName      = "Default"
	version          = 12 // index of the digit with the version of a UUID
	firstDerived     = 100_000_000_000_000_000
)

// Run is the id of the tracked run that a pipeline run is.
func Run(runID string) string { return strings.ReplaceAll(runID, "-", "") }

// Task is the id of the tracked run that a task of a pipeline run is.
func Task(taskID string) string {
	sum := sha256.Sum256([]byte("task\x00" + taskID))
	digits := []byte(hex.EncodeToString(sum[:16]))
	digits[version] = '8'
	return string(digits)
}

// Model is the id of the logged model that an artifact is.
func Model(artifactUID string) string {
	sum := sha256.Sum256([]byte("model\x00" + artifactUID))
	digits := []byte(hex.EncodeToString(sum[:16]))
	digits[version] = '8'
	return "m-" + string(digits)
}

// Derived reports whether an id is one that Task makes.
func Derived(trackedRunID string) bool {
	return len(trackedRunID) == 32 && trackedRunID[version] == '8'
}

// Experiment is the id of the tracked experiment that an experiment of pipelines
// is: 18 decimal digits, or that of the default experiment for the default one of
// the default namespace.
func Experiment(namespace, id, name string) string {
	if (namespace == "" || namespace == defaultNamespace) && name == defaultName {
		return DefaultExperiment
	}
	sum := sha256.Sum256([]byte("experiment\x00" + id))
	return strconv.FormatUint(firstDerived+binary.BigEndian.Uint64(sum[:8])%(9*firstDerived), 10)
}
