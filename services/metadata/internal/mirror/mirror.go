// Package mirror shows what runs on kfmesh as runs of experiment tracking: a
// pipeline run as a run, each of its tasks as a run nested in it, in the
// transaction that stores the executions. It is a graph.Follower.
//
// The ids are those of package trackid. A mirrored run is a run like any other: a
// step may log to its own, and people may tag, rename or delete it. So what is
// there is never taken away: status and times follow the execution, metrics are
// added, tags and parameters are set once.
//
// What an execution logged itself comes back the other way: once it has ended, its
// numbers become an artifact of type system.Metrics among its outputs.
package mirror

import (
	"context"
	"slices"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/graph"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// LoggedKey is the key of the output that holds what an execution logged.
const LoggedKey = "mlflow_metrics"

// Mirror mirrors executions.
type Mirror struct{}

// Put implements graph.Follower. Executions of no pipeline run are left alone.
func (Mirror) Put(ctx context.Context, tx *sqlstore.Tx, batch graph.Batch) ([][]*metadatav1.ArtifactEvent, error) {
	plan := planOf(batch)
	if len(plan.tasks) == 0 {
		return nil, nil
	}
	known, err := knownRuns(ctx, tx, plan.ids())
	if err != nil {
		return nil, err
	}
	if err := addParents(ctx, tx, plan, known); err != nil {
		return nil, err
	}
	logged, err := loggedBy(ctx, tx, plan.tasks, known)
	if err != nil {
		return nil, err
	}
	for _, t := range plan.tasks {
		t.takeLogged(logged[known[t.source()]])
	}
	if err := putTasks(ctx, tx, plan.tasks); err != nil {
		return nil, err
	}
	return added(batch.Requests, plan.tasks), nil
}

// takeLogged takes what a task logged, or the one that it was answered with, as far
// as it is not among its outputs too. What another logged is then on its run as well.
func (r *run) takeLogged(logged []*metadatav1.Metric) {
	for _, m := range logged {
		if slices.ContainsFunc(r.metrics, func(o *metadatav1.Metric) bool { return o.GetKey() == m.GetKey() }) {
			continue
		}
		r.logged = append(r.logged, &metadatav1.Metric{Key: m.GetKey(), Value: m.GetValue(), Timestamp: r.ended})
	}
	if r.reused != "" {
		r.metrics = append(r.metrics, r.logged...)
	}
}

// added makes outputs of what executions logged, beside what is among their
// outputs already.
func added(requests []*metadatav1.PutExecutionRequest, tasks []*run) [][]*metadatav1.ArtifactEvent {
	all := make([][]*metadatav1.ArtifactEvent, len(requests))
	for _, t := range tasks {
		request := requests[t.index]
		taken := slices.ContainsFunc(request.GetOutputs(), func(e *metadatav1.ArtifactEvent) bool { return e.GetKey() == LoggedKey })
		if len(t.logged) > 0 && !taken {
			all[t.index] = []*metadatav1.ArtifactEvent{{Key: LoggedKey, Artifact: metricsArtifact(request.GetExecution(), t.logged)}}
		}
	}
	return all
}
