// Package dag plans one run of a pipeline: which task may start, with which
// inputs, and how the run ends.
//
// A Plan is a deterministic state machine. It does no I/O, has no clock and
// starts no goroutine: every event comes in with its time and answers with
// Effects for the caller to carry out. Events are Start or Restore, then
// Progress, Finished, Recorded and Cancel in any order.
//
// Tasks form a tree. The root and every nested pipeline, condition and exit
// handler is a DAG node with one child a task; a ParallelFor is a loop node with
// one iteration a child; leaves are what a workload runs or what an importer
// makes. A node's path, such as "for-loop-1[2]/train", is unique in the run, and
// its id is derived from run id and path, so that planning twice names
// everything alike.
//
// Invariants:
//
//   - A decision depends on how tasks ended, never on the order in which they did.
//   - An attempt of a leaf is launched when all tasks it depends on have ended,
//     and attempt n+1 only after attempt n failed.
//   - A loop never has more open iterations than its parallelism limit.
//   - When nothing is launched, waiting or being stopped, the run has ended.
//
// What a crash loses can be derived again: Restore replays the plan over the
// task records that were saved. A leaf whose end was not saved is launched
// again as the same attempt, which the caller answers by adopting the workload
// of that name. The cost of an event is that of the nodes it changes, however
// large the run.
//
// A Plan is not safe for concurrent use.
package dag
