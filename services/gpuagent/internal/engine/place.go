package engine

import (
	"cmp"
	"context"
	"slices"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/board"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/placement"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// place reserves what a workload needs and allots its ports, all or nothing. It
// writes into the status where each replica goes, or why the workload waits. The
// engine is locked.
func (e *Engine) place(uid string, w *gpuagentv1.Workload) (placed bool, err error) {
	status := w.GetStatus()
	if sentence := e.away(w); sentence != "" {
		status.Message = sentence
		return false, nil
	}
	grant, sentence := e.books.Reserve(uid, w.GetSpec())
	if sentence != "" {
		status.Message = sentence
		return false, nil
	}
	if err := e.allot(uid, w); err != nil {
		e.release(uid)
		return false, err
	}
	for i, replica := range status.GetReplicas() {
		replica.Node, replica.Host = e.Node, loopback
		replica.Gpus = grant.GPUs[i]
		replica.Phase = gpuagentv1.Phase_PHASE_STARTING
	}
	status.Phase, status.Message = gpuagentv1.Phase_PHASE_STARTING, ""
	return true, nil
}

// loopback is where replicas of one node reach each other.
const loopback = "127.0.0.1"

// allot gives every replica its ports.
func (e *Engine) allot(uid string, w *gpuagentv1.Workload) error {
	for i, replica := range w.GetStatus().GetReplicas() {
		for _, p := range template(w, i).GetPorts() {
			port, err := e.ports.Allot(uid, p.GetPreferred())
			if err != nil {
				return err
			}
			if replica.Ports == nil {
				replica.Ports = map[string]int32{}
			}
			replica.Ports[p.GetName()] = port
		}
	}
	return nil
}

// release returns everything a workload holds. The engine is locked.
func (e *Engine) release(uid string) {
	e.books.Release(uid)
	e.ports.Release(uid)
}

// restore enters into the books what an adopted life holds. The engine is locked.
func (e *Engine) restore(l *life) {
	var grant placement.Grant
	for i, replica := range l.w.GetStatus().GetReplicas() {
		grant.GPUs = append(grant.GPUs, replica.GetGpus())
		grant.MemoryBytes += template(l.w, i).GetResources().GetMemoryBytes()
		for _, port := range replica.GetPorts() {
			e.ports.Hold(l.uid, port)
		}
	}
	e.books.Restore(l.uid, grant)
	close(l.placed)
}

// enqueue has a life wait: behind those of its priority, before those of a lower
// one. The engine is locked.
func (e *Engine) enqueue(l *life) {
	i, _ := slices.BinarySearchFunc(e.queue, l, func(a, b *life) int {
		return cmp.Or(cmp.Compare(b.spec.GetPriority(), a.spec.GetPriority()), board.Older(a.w, b.w))
	})
	e.queue = slices.Insert(e.queue, i, l)
}

// placeQueued places what fits, in order; one that waits does not keep a smaller
// one behind it from starting. The engine is locked.
func (e *Engine) placeQueued() {
	e.queue = slices.DeleteFunc(e.queue, func(l *life) bool { return !e.books.Full() && l.tryPlace() })
}

// leave takes a life that has ended out of the books and lets others have its place.
func (e *Engine) leave(l *life) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.release(l.uid)
	e.queue = slices.DeleteFunc(e.queue, func(other *life) bool { return other == l })
	e.placeQueued()
}

// forget ends what is known of a life. A workload that was refused, because the
// store did not answer, and turns out to be stored after all begins another.
func (e *Engine) forget(ctx context.Context, l *life) {
	e.mu.Lock()
	delete(e.lives, l.uid)
	e.mu.Unlock()
	if ctx.Err() == nil { // otherwise what it runs goes on, with its volumes
		e.letGo(l.w)
	}
	w, ok := e.board.Get(l.key)
	if ok && w.GetMetadata().GetUid() == l.uid && !state.Ended(w.GetStatus().GetPhase()) && ctx.Err() == nil {
		e.adopt(w)
	}
}

// template is that of the i-th replica.
func template(w *gpuagentv1.Workload, i int) *gpuagentv1.Template { return group(w, i).GetTemplate() }

// group is the group of a workload's replica.
func group(w *gpuagentv1.Workload, i int) *gpuagentv1.ReplicaGroup {
	for _, group := range w.GetSpec().GetGroups() {
		if count := placement.Count(group); i >= count {
			i -= count
			continue
		}
		return group
	}
	panic("engine: a replica without a group") // statuses are made from the groups
}

// errNotReady refuses work that came before the node is known.
func (e *Engine) errNotReady() error {
	return fault.Unavailablef("node %s has just started and does not take workloads yet; try again", e.Node)
}
