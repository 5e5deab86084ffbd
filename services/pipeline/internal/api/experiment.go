package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/list"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// defaultExperiment is the experiment of runs that name none. It is made when
// it is first needed.
const defaultExperiment = "Default"

// experiments implements ExperimentService.
type experiments struct {
	pipelinev1.UnimplementedExperimentServiceServer
	Deps
}

var experimentFields = list.Fields[*pipelinev1.Experiment]{
	ID: (*pipelinev1.Experiment).GetExperimentId,
	Key: map[string]list.Field[*pipelinev1.Experiment]{
		"id":                  {Text: (*pipelinev1.Experiment).GetExperimentId},
		"experiment_id":       {Text: (*pipelinev1.Experiment).GetExperimentId},
		"name":                {Text: (*pipelinev1.Experiment).GetDisplayName},
		"display_name":        {Text: (*pipelinev1.Experiment).GetDisplayName},
		"description":         {Text: (*pipelinev1.Experiment).GetDescription},
		"namespace":           {Text: (*pipelinev1.Experiment).GetNamespace},
		"storage_state":       {Text: func(e *pipelinev1.Experiment) string { return e.GetStorageState().String() }},
		"created_at":          {Time: (*pipelinev1.Experiment).GetCreatedAt},
		"last_run_created_at": {Time: (*pipelinev1.Experiment).GetLastRunCreatedAt},
	},
}

// CreateExperiment implements ExperimentService.
func (s *experiments) CreateExperiment(ctx context.Context, r *pipelinev1.CreateExperimentRequest) (*pipelinev1.Experiment, error) {
	namespace, err := namespaceOf(r.GetExperiment().GetNamespace())
	if err != nil {
		return nil, err
	}
	item, err := s.create(ctx, namespace, r.GetExperiment())
	if fault.Is(err, fault.AlreadyExists) {
		return nil, fault.AlreadyExistsf("an experiment named %q exists in namespace %q: choose another name",
			r.GetExperiment().GetDisplayName(), namespace).WithReason("EXPERIMENT_EXISTS")
	}
	return item.Value, err
}

// create stores an experiment under a name that is free.
func (s *experiments) create(ctx context.Context, namespace string, asked *pipelinev1.Experiment) (store.Item[*pipelinev1.Experiment], error) {
	var item store.Item[*pipelinev1.Experiment]
	if err := checkName("display_name", asked.GetDisplayName()); err != nil {
		return item, err
	}
	item.Value = &pipelinev1.Experiment{
		ExperimentId: newID(),
		DisplayName:  asked.GetDisplayName(),
		Description:  asked.GetDescription(),
		Namespace:    namespace,
		CreatedAt:    s.now(),
		StorageState: pipelinev1.Experiment_AVAILABLE,
	}
	item.Key = item.Value.GetExperimentId()
	var err error
	item.Revision, err = s.State.Backend.Commit(ctx,
		s.claim(experimentNames, namespace, asked.GetDisplayName(), item.Key),
		s.State.Experiments.CreateOp(item.Key, item.Value))
	return item, err
}

// GetExperiment implements ExperimentService.
func (s *experiments) GetExperiment(ctx context.Context, r *pipelinev1.GetExperimentRequest) (*pipelinev1.Experiment, error) {
	item, err := s.experiment(ctx, r.GetExperimentId())
	return item.Value, err
}

func (s *experiments) experiment(ctx context.Context, id string) (store.Item[*pipelinev1.Experiment], error) {
	return get(ctx, s.State.Experiments, "experiment", id, id)
}

// standard returns the default experiment of a namespace, made if there is none.
func (s *experiments) standard(ctx context.Context, namespace string) (store.Item[*pipelinev1.Experiment], error) {
	for {
		claim, err := s.State.Names.Get(ctx, state.NameKey(experimentNames, namespace, defaultExperiment))
		if err == nil {
			return s.experiment(ctx, claim.Value.GetId())
		}
		if !fault.Is(err, fault.NotFound) {
			return store.Item[*pipelinev1.Experiment]{}, err
		}
		item, err := s.create(ctx, namespace, &pipelinev1.Experiment{
			DisplayName: defaultExperiment,
			Description: "Runs that name no experiment.",
		})
		if !fault.Is(err, fault.AlreadyExists) { // another run needed it first
			return item, err
		}
	}
}

// ListExperiments implements ExperimentService.
func (s *experiments) ListExperiments(ctx context.Context, r *pipelinev1.ListExperimentsRequest) (*pipelinev1.ListExperimentsResponse, error) {
	namespace, err := namespaceOf(r.GetNamespace())
	if err != nil {
		return nil, err
	}
	q, err := list.Parse(r, list.Equals("namespace", namespace))
	if err != nil {
		return nil, err
	}
	all, err := values(ctx, s.State.Experiments, "")
	if err != nil {
		return nil, err
	}
	page, err := list.Select(q, experimentFields, all)
	return &pipelinev1.ListExperimentsResponse{
		Experiments: page.Items, TotalSize: int32(page.Total), NextPageToken: page.Next,
	}, err
}

// DeleteExperiment implements ExperimentService.
func (s *experiments) DeleteExperiment(ctx context.Context, r *pipelinev1.DeleteExperimentRequest) (*emptypb.Empty, error) {
	item, err := s.experiment(ctx, r.GetExperimentId())
	if err != nil {
		return nil, err
	}
	_, err = s.State.Backend.Commit(ctx,
		s.State.Experiments.DeleteOp(item.Key, store.AnyRevision),
		s.release(experimentNames, item.Value.GetNamespace(), item.Value.GetDisplayName()))
	return &emptypb.Empty{}, err
}
