package api

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/list"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

var runFields = list.Fields[*pipelinev1.RunState]{
	ID: func(r *pipelinev1.RunState) string { return r.GetRun().GetRunId() },
	Key: map[string]list.Field[*pipelinev1.RunState]{
		"id":               runText((*pipelinev1.Run).GetRunId),
		"run_id":           runText((*pipelinev1.Run).GetRunId),
		"display_name":     runText((*pipelinev1.Run).GetDisplayName),
		"name":             runText((*pipelinev1.Run).GetDisplayName),
		"description":      runText((*pipelinev1.Run).GetDescription),
		"experiment_id":    runText((*pipelinev1.Run).GetExperimentId),
		"recurring_run_id": runText((*pipelinev1.Run).GetRecurringRunId),
		"state":            runText(runStateName),
		"status":           runText(runStateName),
		"storage_state":    runText(func(r *pipelinev1.Run) string { return r.GetStorageState().String() }),
		"created_at":       runTime((*pipelinev1.Run).GetCreatedAt),
		"scheduled_at":     runTime((*pipelinev1.Run).GetScheduledAt),
		"finished_at":      runTime((*pipelinev1.Run).GetFinishedAt),
		"namespace":        {Text: (*pipelinev1.RunState).GetNamespace},
	},
}

func runText(of func(*pipelinev1.Run) string) list.Field[*pipelinev1.RunState] {
	return list.Field[*pipelinev1.RunState]{Text: func(r *pipelinev1.RunState) string { return of(r.GetRun()) }}
}

func runTime(of func(*pipelinev1.Run) *timestamppb.Timestamp) list.Field[*pipelinev1.RunState] {
	return list.Field[*pipelinev1.RunState]{Time: func(r *pipelinev1.RunState) *timestamppb.Timestamp { return of(r.GetRun()) }}
}

func runStateName(r *pipelinev1.Run) string { return r.GetState().String() }

// archiveKeys are the archive's names of run keys, where they differ: see
// state.Record.
var archiveKeys = map[string]string{
	"id": "uid", "run_id": "uid", "name": "display_name", "experiment_id": "parent", "recurring_run_id": "origin", "status": "state",
}

// ListRuns implements RunService: it merges the live runs with the archive. The
// live ones are read first, so that a run that is archived meanwhile is seen
// twice, and then dropped once, rather than missed.
func (s *runs) ListRuns(ctx context.Context, r *pipelinev1.ListRunsRequest) (*pipelinev1.ListRunsResponse, error) {
	q, err := parseListRuns(r)
	if err != nil {
		return nil, err
	}
	live, outdated, err := s.liveRuns(ctx, q)
	if err != nil {
		return nil, err
	}
	archived, err := s.Archive.ListRecords(ctx, archiveQuery(q, outdated))
	if err != nil {
		return nil, err
	}
	finished, err := summaries(archived.GetRecords())
	if err != nil {
		return nil, err
	}
	live = slices.DeleteFunc(live, func(run *pipelinev1.RunState) bool { return contains(finished, run) })
	rest, err := list.After(q, runFields, live)
	if err != nil {
		return nil, err
	}
	merged := append(rest, finished...)
	slices.SortFunc(merged, func(a, b *pipelinev1.RunState) int { return list.Compare(q, runFields, a, b) })
	return runsPage(q, merged, archived.GetMore(), len(live)+int(archived.GetTotalSize())), nil
}

func parseListRuns(r *pipelinev1.ListRunsRequest) (list.Query, error) {
	scope, err := listScope(r.GetNamespace(), r.GetExperimentId())
	if err != nil {
		return list.Query{}, err
	}
	return list.Parse(r, scope...)
}

// liveRuns returns the matching runs, in order, that are not in the archive, and
// the ids of those whose record there, if there is one, no longer counts.
func (s *runs) liveRuns(ctx context.Context, q list.Query) (live []*pipelinev1.RunState, outdated []string, err error) {
	all, err := values(ctx, s.State.Runs, "")
	if err != nil {
		return nil, nil, err
	}
	for _, run := range all {
		stays := run.GetRetries() > 0
		if stays {
			left, err := s.hasLeft(ctx, run)
			if err != nil {
				return nil, nil, err
			}
			stays = !left
		}
		if stays || run.GetDeleteRequested() {
			outdated = append(outdated, run.GetRun().GetRunId())
		}
	}
	matching, err := list.Match(q, runFields, all)
	for _, run := range matching {
		left, err := s.hasLeft(ctx, run)
		if err != nil {
			return nil, nil, err
		}
		if !left {
			live = append(live, run)
		}
	}
	return live, outdated, err
}

// hasLeft reports whether a stored run is to be deleted, or is in the archive as
// it is.
func (s *runs) hasLeft(ctx context.Context, run *pipelinev1.RunState) (bool, error) {
	if run.GetDeleteRequested() || !state.Terminal(run.GetRun().GetState()) {
		return run.GetDeleteRequested(), nil
	}
	return s.isArchived(ctx, run)
}

// archiveQuery is a query as the archive takes it, without the records of some
// runs.
func archiveQuery(q list.Query, without []string) *metadatav1.ListRecordsRequest {
	request := &metadatav1.ListRecordsRequest{
		Kind:       state.RunKind,
		Filter:     proto.CloneOf(q.Filter),
		OrderBy:    archiveKey(q.Key),
		Descending: q.Descending,
		PageSize:   int32(q.Size),
	}
	for _, p := range request.GetFilter().GetPredicates() {
		p.Key = archiveKey(p.GetKey())
	}
	for _, id := range without {
		if request.Filter == nil {
			request.Filter = &metav1.Filter{}
		}
		request.Filter.Predicates = append(request.Filter.Predicates, &metav1.Predicate{
			Operation: metav1.Predicate_NOT_EQUALS, Key: "uid", Value: &metav1.Predicate_StringValue{StringValue: id},
		})
	}
	if q.After != nil {
		request.After = &metadatav1.RecordPosition{Value: q.After.Value, Uid: q.After.ID}
	}
	return request
}

func archiveKey(key string) string {
	if renamed, ok := archiveKeys[key]; ok {
		return renamed
	}
	return key
}

func summaries(records []*metadatav1.Record) ([]*pipelinev1.RunState, error) {
	var finished []*pipelinev1.RunState
	for _, record := range records {
		run, err := state.Summary(record)
		if err != nil {
			return nil, err
		}
		finished = append(finished, run)
	}
	return finished, nil
}

func contains(runs []*pipelinev1.RunState, run *pipelinev1.RunState) bool {
	return slices.ContainsFunc(runs, func(r *pipelinev1.RunState) bool {
		return r.GetRun().GetRunId() == run.GetRun().GetRunId()
	})
}

// runsPage cuts a page from the beginning of what follows the token.
func runsPage(q list.Query, rest []*pipelinev1.RunState, more bool, total int) *pipelinev1.ListRunsResponse {
	page := rest[:min(q.Size, len(rest))]
	response := &pipelinev1.ListRunsResponse{TotalSize: int32(total)}
	for _, run := range page {
		response.Runs = append(response.Runs, listed(run))
	}
	if len(page) > 0 && (more || len(rest) > len(page)) {
		response.NextPageToken = q.Token(list.PositionOf(q, runFields, page[len(page)-1]))
	}
	return response
}
