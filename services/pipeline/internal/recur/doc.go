// Package recur makes the runs of recurring runs, when their schedules say so.
//
// What to do follows from what is stored and the time alone (decide), so nothing
// is lost while nobody leads: whoever comes next finds what is due. A run and
// the note that it was made are one commit, which holds only if the recurring run
// is still as it was read and this replica still leads; so no time makes two
// runs, whatever is killed when. The id of the run follows from recurring run and
// time besides, so that even a state restored from an old copy finds the first.
//
// As many runs as may be under way at once are known by id in the recurring run
// itself. When that many are, the next waits until one has ended. What refuses
// to be made, because its pipeline is gone or a parameter no longer fits, is
// recorded in the recurring run's error and passed over with all times missed by
// then; what fails otherwise is tried again, and recorded unless it is only that
// something cannot be reached.
//
// This package owns last_time, index, active_run_ids and the recurring run's
// error and last_run_at; the API owns the rest. One goroutine does everything;
// Observe and ObserveRuns, which wake it, may be called from any.
package recur
