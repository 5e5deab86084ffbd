package kind

import (
	"fmt"

	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

// CheckChange says what is wrong with a change of a job of one of the operators' kinds, from
// one manifest to another that was accepted by itself: who manages it and the queue that it
// waits in are fixed, as upstream has it.
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
	if fmt.Sprint(old) != fmt.Sprint(now) {
		p.Invalid("spec.runPolicy.schedulingPolicy.queue", now, "spec.runPolicy.schedulingPolicy.queue is immutable")
	}
	return p.Err()
}
