// Package engine drives live runs: it feeds what happens to workloads into each
// run's dag.Plan and carries out what the plan asks for.
//
// Every live run has a runner, one goroutine that owns the plan. Calls to other
// services and all I/O happen in jobs beside it, a bounded number at a time,
// and come back through the runner's inbox; so nothing of a run needs a lock.
// One stream of workload changes serves all runs.
//
// The hot path is: a workload ended, read its outputs, plan, submit the next.
// What a crash loses on it can be derived again, so task records are saved
// behind it, many in one commit: after a restart the plan is rebuilt from the
// records, attempts it cannot tell the end of are submitted again under the same
// name, and ALREADY_EXISTS means to adopt the workload. Workloads are deleted when
// the run has left the store; of a run of very many steps, those whose success is
// saved go before. The one thing that cannot be derived again is a cache hit; its
// record is saved before anything follows from it.
//
// A run ends in this order, each step safe to repeat: executions recorded in the
// metadata service; tasks and final state saved; archive record; keys of the
// run deleted, the run itself last; workloads deleted. Workloads whose run is
// gone are deleted when the stream of changes (re)starts.
//
// A run that is retried comes back from the archive: the API has written its key
// alone, and its tasks are put back before the plan is restored, which takes up
// anew what did not succeed. A retry that came while the run was being put away
// stops that. What cannot be stored however often it is tried fails its run, and
// nothing else. Commits carry the fence of the leader, and so do the workloads
// that are submitted: an engine that no longer leads can start nothing.
//
// A run that is to be deleted with its artifacts condemns them in the commit that
// deletes it; package collect removes them.
//
// The engine owns state, state_history, finished_at and error of a RunState and
// everything of its tasks; the API owns the rest.
package engine
