package api

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/list"
)

var recurringFields = list.Fields[*pipelinev1.RecurringRunState]{
	ID: func(r *pipelinev1.RecurringRunState) string { return r.GetRecurringRun().GetRecurringRunId() },
	Key: map[string]list.Field[*pipelinev1.RecurringRunState]{
		"id":               recurringText((*pipelinev1.RecurringRun).GetRecurringRunId),
		"recurring_run_id": recurringText((*pipelinev1.RecurringRun).GetRecurringRunId),
		"display_name":     recurringText((*pipelinev1.RecurringRun).GetDisplayName),
		"name":             recurringText((*pipelinev1.RecurringRun).GetDisplayName),
		"description":      recurringText((*pipelinev1.RecurringRun).GetDescription),
		"status":           recurringText(func(r *pipelinev1.RecurringRun) string { return r.GetStatus().String() }),
		"experiment_id":    recurringText((*pipelinev1.RecurringRun).GetExperimentId),
		"namespace":        recurringText((*pipelinev1.RecurringRun).GetNamespace),
		"pipeline_id": recurringText(func(r *pipelinev1.RecurringRun) string {
			return r.GetPipelineVersionReference().GetPipelineId()
		}),
		"created_at": recurringTime((*pipelinev1.RecurringRun).GetCreatedAt),
		"updated_at": recurringTime((*pipelinev1.RecurringRun).GetUpdatedAt),
	},
}

func recurringText(of func(*pipelinev1.RecurringRun) string) list.Field[*pipelinev1.RecurringRunState] {
	return list.Field[*pipelinev1.RecurringRunState]{
		Text: func(r *pipelinev1.RecurringRunState) string { return of(r.GetRecurringRun()) },
	}
}

func recurringTime(of func(*pipelinev1.RecurringRun) *timestamppb.Timestamp) list.Field[*pipelinev1.RecurringRunState] {
	return list.Field[*pipelinev1.RecurringRunState]{
		Time: func(r *pipelinev1.RecurringRunState) *timestamppb.Timestamp { return of(r.GetRecurringRun()) },
	}
}

// ListRecurringRuns implements RecurringRunService. As in a list of runs, specs
// are left out.
func (s *recurring) ListRecurringRuns(ctx context.Context, r *pipelinev1.ListRecurringRunsRequest) (*pipelinev1.ListRecurringRunsResponse, error) {
	scope, err := listScope(r.GetNamespace(), r.GetExperimentId())
	if err != nil {
		return nil, err
	}
	q, err := list.Parse(r, scope...)
	if err != nil {
		return nil, err
	}
	all, err := values(ctx, s.State.Recurring, "")
	if err != nil {
		return nil, err
	}
	page, err := list.Select(q, recurringFields, all)
	response := &pipelinev1.ListRecurringRunsResponse{TotalSize: int32(page.Total), NextPageToken: page.Next}
	for _, of := range page.Items {
		response.RecurringRuns = append(response.RecurringRuns, listedRecurring(of))
	}
	return response, err
}

// listScope is the predicates of a list that is narrowed to a namespace and an
// experiment; empty means all.
func listScope(namespace, experimentID string) ([]*metav1.Predicate, error) {
	var scope []*metav1.Predicate
	if namespace != "" {
		in, err := namespaceOf(namespace)
		if err != nil {
			return nil, err
		}
		scope = append(scope, list.Equals("namespace", in))
	}
	if experimentID != "" {
		scope = append(scope, list.Equals("experiment_id", experimentID))
	}
	return scope, nil
}
