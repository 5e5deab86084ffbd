// Package scheduler decides which jobs run where. It is a pure state machine: told
// of nodes, queues and jobs, and of the time, it answers with decisions. It does no
// I/O, reads no clock and starts no goroutine, and the same calls give the same
// decisions. It is not safe for concurrent use; its owner locks.
//
// # The protocol
//
// The owner tells what happened (SetNode, SetQueue, Submit, Release, ...), then
// calls Decide and does what it says:
//
//   - Place: start these replicas there. What they need is held from now on, until
//     the owner calls Release or Requeue.
//   - Preempt: stop this job, with its grace, then call Requeue for it (or Release
//     when it is not to run again). Until then it holds what it has, which is
//     promised to the job it makes room for.
//   - Wait: tell people why the job, or what it lacks, does not run yet.
//
// A job that runs may be given other numbers of replicas by Resize. Vacate gives back
// what those of its replicas held that have ended for good, or were lost.
//
// TryNow is the short way of a job that nothing keeps from running at once.
// Restore enters what was decided before the owner was started anew.
//
// # What always holds
//
//   - A GPU is held by one replica, and never by one it does not suit.
//   - Memory promised on a node does not exceed what it has. CPU may be promised
//     more often than it exists, because who shares a core is slower and not wrong;
//     but no replica is on a node with fewer cores than it asks for.
//   - Of a job, no replica or at least Job.GangMin of them are placed. They are its
//     first ones in order of group and index; the rest join when there is room.
//   - The GPUs that the jobs of a queue hold do not exceed its quota and what it may
//     borrow, and the queues of a cohort together not what they have and lend. (A
//     quota that is cut below what is held takes nothing away; nothing is added.)
//     Parts of GPUs count as what they are of one (Whole).
//   - Whoever is preempted is of lower priority, or borrows what its owner reclaims.
//
// # Who is first, and how long one waits
//
// Jobs are taken by priority, then by age; under Policy.FairShare, first by the
// share of their queues. One that does not fit does not keep those behind it from
// running (backfill). So that they do not keep it from running for ever, the first
// job of a queue that has waited for Policy.Patience is promised room: the jobs
// that hold it are let end, and nobody of the same or of lower priority comes into
// their place. Hence the bound: such a job starts at the latest when the jobs have
// ended that ran in its place when it was promised, however many small ones arrive
// meanwhile. Those of higher priority may take the promise away: priority is strict.
//
// # How it is quick
//
// Jobs of one queue that ask for the same are a class: when its first does not fit,
// none does, and nothing of the class is looked at until something was given back.
// What a class asks of a node's labels, taints and GPUs is a view: the nodes that
// have it, in buckets by how many such GPUs they have free. So a job is refused by
// adding up a few numbers, and placed by taking nodes out of the right bucket.
package scheduler
