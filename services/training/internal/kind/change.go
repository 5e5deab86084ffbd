package kind

import (
	"fmt"
	"strconv"

	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

// CheckChange says what is wrong with a change of a job of one of the operators' kinds, from
// one manifest to another that was accepted by itself: who manages it and the queue that it
// waits in are fixed, as upstream has it, and an elastic job keeps to its bounds.
func CheckChange(from, to string) error {
	before, err := Object([]byte(from))
	if err != nil {
		return err
	}
	after, err := Object([]byte(to))
	if err != nil {
		return err
	}
	was, is := child(child(before, "spec"), "runPolicy"), child(child(after, "spec"), "runPolicy")
	p := &field.Problems{}
	if fmt.Sprint(was["managedBy"]) != fmt.Sprint(is["managedBy"]) {
		p.Invalid("spec.runPolicy.managedBy", is["managedBy"], "field is immutable")
	}
	old, now := child(was, "schedulingPolicy")["queue"], child(is, "schedulingPolicy")["queue"]
	if old != nil && now != nil && fmt.Sprint(old) != fmt.Sprint(now) { // what was not said may be, and the other way round
		p.Invalid("spec.runPolicy.schedulingPolicy.queue", now, "spec.runPolicy.schedulingPolicy.queue is immutable")
	}
	checkScaling(child(before, "spec"), child(after, "spec"), p)
	return p.Err()
}

// checkScaling refuses a number of workers that is new and beyond the bounds of an elastic job.
// In a cluster nothing but an autoscaler would choose it, and that keeps to the bounds.
func checkScaling(was, is map[string]any, p *field.Problems) {
	const specs = "pytorchReplicaSpecs"
	elastic := child(is, "elasticPolicy")
	before, now := child(child(was, specs), worker)["replicas"], child(child(is, specs), worker)["replicas"]
	count, known := wholeNumber(now)
	low, bounded := wholeNumber(elastic["minReplicas"])
	high, both := wholeNumber(elastic["maxReplicas"])
	if !known || !bounded || !both || fmt.Sprint(before) == fmt.Sprint(now) {
		return
	}
	if count < low || count > high {
		p.Invalid("spec."+specs+"["+worker+"].replicas", count, fmt.Sprintf(
			"must be from spec.elasticPolicy.minReplicas, %d, to maxReplicas, %d", low, high))
	}
}

// wholeNumber is a number of a manifest.
func wholeNumber(value any) (int64, bool) {
	n, err := strconv.ParseInt(fmt.Sprint(value), 10, 32)
	return n, err == nil
}
