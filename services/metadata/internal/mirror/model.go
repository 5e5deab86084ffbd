package mirror

import (
	"cmp"
	"context"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/trackid"
	"github.com/kfmesh/kfmesh/services/metadata/internal/kind"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// maxModelName is how long the name of a logged model is at most.
const maxModelName = 500

// model is a logged model that an artifact is.
type model struct {
	id, name, place string
	made            bool // by the execution itself, which else has read it or was answered with it
	output          bool
}

// modelsOf are the models among what an execution that has ended read and wrote.
func modelsOf(request *metadatav1.PutExecutionRequest) []model {
	var all []model
	for _, event := range request.GetInputs() {
		if m, ok := modelOf(event); ok {
			all = append(all, m)
		}
	}
	reused := request.GetExecution().GetState() == metadatav1.Execution_STATE_CACHED
	for _, event := range request.GetOutputs() {
		if m, ok := modelOf(event); ok {
			m.output, m.made = true, !reused
			all = append(all, m)
		}
	}
	return all
}

// modelOf is an artifact as a model, if it is one that has content.
func modelOf(event *metadatav1.ArtifactEvent) (model, bool) {
	a := event.GetArtifact()
	if a.GetType() != kind.Model || a.GetUri() == "" {
		return model{}, false
	}
	return model{id: trackid.Model(a.GetUid()), name: modelName(cmp.Or(a.GetName(), event.GetKey())), place: a.GetUri()}, true
}

// modelName is a name without what that of a logged model must not hold.
func modelName(name string) string {
	return cut(strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/:.%"'`, r) {
			return '_'
		}
		return r
	}, name), maxModelName)
}

// Directions of tracking_model_links, as in tracking.
const (
	modelRead = 1
	modelMade = 2
)

// putModels adds the models that tasks made, and joins tasks to those they made and
// read. A model that is not there, as one of another kfmesh, is not joined.
func putModels(ctx context.Context, tx *sqlstore.Tx, tasks []*run) error {
	for _, t := range tasks {
		for _, m := range t.models {
			if m.made {
				if err := putModel(ctx, tx, t, m); err != nil {
					return err
				}
			}
			direction := modelRead
			if m.output {
				direction = modelMade
			}
			q := sqlstore.Q("INSERT INTO tracking_model_links (run_num, direction, model_id, step) SELECT CAST(? AS BIGINT), CAST(? AS INTEGER),"+
				" model_id, 0 FROM tracking_models WHERE model_id = ? ON CONFLICT DO NOTHING", t.num, direction, m.id)
			if _, err := tx.Exec(ctx, q); err != nil {
				return err
			}
		}
	}
	return nil
}

// putModel adds a model unless it is there: what is there may have been changed.
func putModel(ctx context.Context, tx *sqlstore.Tx, t *run, m model) error {
	q := sqlstore.Q("INSERT INTO tracking_models (model_id, experiment_id, name, model_type, source_run_id, status, status_message, stage,"+
		" artifact_uri, created_at, updated_at) VALUES").
		List(m.id, t.experiment.id, m.name, "", t.id, "READY", "", active, m.place, t.ended, t.ended).
		Add("ON CONFLICT (model_id) DO NOTHING")
	_, err := tx.Exec(ctx, q)
	return err
}
