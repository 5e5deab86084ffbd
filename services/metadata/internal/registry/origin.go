package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// origin is where a version comes from.
type origin struct {
	source          string // as it was registered
	artifactURI     string // where the content is
	runID           string
	loggedModel     string
	lineageArtifact int64
}

// originOf finds out what a new version says only in part: from a lineage
// artifact, another version, a logged model or a run it takes the rest.
func originOf(ctx context.Context, tx *sqlstore.Tx, namespace string, v *metadatav1.ModelVersion) (origin, error) {
	from := origin{
		source: v.GetSource(), artifactURI: v.GetSource(), runID: v.GetRunId(), loggedModel: v.GetLoggedModelId(),
		lineageArtifact: v.GetLineageArtifactId(),
	}
	if from.lineageArtifact != 0 {
		if err := from.takeLineage(ctx, tx, namespace); err != nil {
			return from, err
		}
	}
	switch scheme, _, _ := strings.Cut(from.source, ":"); {
	case scheme == "models":
		return from, from.takeModelURI(ctx, tx, namespace)
	case scheme == "runs":
		return from, from.takeRunURI(ctx, tx, namespace)
	case from.loggedModel != "":
		return from, from.takeLoggedModel(ctx, tx, namespace)
	case from.source == "" && from.runID != "":
		return from, from.takeRun(ctx, tx, namespace)
	}
	return from, nil
}

// takeLineage takes what an artifact of the lineage graph says.
func (o *origin) takeLineage(ctx context.Context, tx *sqlstore.Tx, namespace string) error {
	var uri, made string
	q := sqlstore.Q("SELECT uri, context FROM artifacts WHERE id = ? AND namespace IN", o.lineageArtifact).List(artifactNamespaces(namespace)...)
	found, err := tx.Row(ctx, q, &uri, &made)
	if err != nil {
		return err
	}
	if !found {
		return fault.NotFoundf("there is no artifact %d", o.lineageArtifact)
	}
	if o.source == "" && uri == "" {
		return fault.Preconditionf("artifact %d has no content: register one with a URI, such as a model", o.lineageArtifact)
	}
	o.source, o.artifactURI = cmp.Or(o.source, uri), cmp.Or(o.artifactURI, uri)
	run := strings.ReplaceAll(made, "-", "")
	if o.runID == "" && run != "" {
		if _, ok, err := runPlace(ctx, tx, namespace, run); err != nil || ok {
			o.runID = run
			return err
		}
	}
	return nil
}

// artifactNamespaces are the namespaces whose lineage artifacts a namespace's
// models may come from: that of runs which named none is empty.
func artifactNamespaces(namespace string) []any {
	if namespace == defaultNamespace {
		return []any{namespace, ""}
	}
	return []any{namespace}
}

// takeModelURI follows models:/ to a logged model or another version.
func (o *origin) takeModelURI(ctx context.Context, tx *sqlstore.Tx, namespace string) error {
	named, err := parseModelURI(o.source)
	if err != nil {
		return err
	}
	if named.loggedModel != "" {
		o.loggedModel = cmp.Or(o.loggedModel, named.loggedModel)
		return o.takeLoggedModel(ctx, tx, namespace)
	}
	v, err := named.find(ctx, tx, namespace)
	if err != nil {
		return err
	}
	if (o.runID != "" && o.runID != v.GetRunId()) || (o.loggedModel != "" && o.loggedModel != v.GetLoggedModelId()) {
		return invalid("Invalid model version source: '%s'. The run_id and model_id request parameters must match the referenced"+
			" model version.", o.source)
	}
	o.source, o.artifactURI = versionURI(v.GetModelName(), v.GetNumber()), v.GetArtifactUri()
	o.runID, o.loggedModel = v.GetRunId(), v.GetLoggedModelId()
	o.lineageArtifact = cmp.Or(o.lineageArtifact, v.GetLineageArtifactId())
	return nil
}

// takeLoggedModel takes what a logged model says.
func (o *origin) takeLoggedModel(ctx context.Context, tx *sqlstore.Tx, namespace string) error {
	place, run, err := loggedModel(ctx, tx, namespace, o.loggedModel)
	if err != nil {
		return err
	}
	if o.source == "" || strings.HasPrefix(o.source, "models:") {
		o.source, o.artifactURI = cmp.Or(o.source, "models:/"+o.loggedModel), place
	}
	o.runID = cmp.Or(o.runID, run)
	return nil
}

// takeRunURI follows runs:/RUN/PATH; that of a run which is not here stays.
func (o *origin) takeRunURI(ctx context.Context, tx *sqlstore.Tx, namespace string) error {
	rest := strings.TrimLeft(strings.TrimPrefix(o.source, "runs:"), "/")
	run, inside, _ := strings.Cut(rest, "/")
	place, ok, err := runPlace(ctx, tx, namespace, run)
	if err != nil || !ok {
		return err
	}
	o.artifactURI = below(place, inside)
	o.runID = cmp.Or(o.runID, run)
	return nil
}

// takeRun takes the model that a run made, or else what it has under "model".
func (o *origin) takeRun(ctx context.Context, tx *sqlstore.Tx, namespace string) error {
	place, ok, err := runPlace(ctx, tx, namespace, o.runID)
	if err != nil {
		return err
	}
	if !ok {
		return fault.NotFoundf("Run with id=%s not found", o.runID)
	}
	q := sqlstore.Q("SELECT l.model_id FROM tracking_model_links l JOIN tracking_runs r ON r.num = l.run_num"+
		" JOIN tracking_models t ON t.model_id = l.model_id"+
		" WHERE r.run_id = ? AND l.direction = 2 AND t.stage = 'active' ORDER BY l.step DESC, t.num DESC LIMIT 1", o.runID)
	found, err := tx.Row(ctx, q, &o.loggedModel)
	if err != nil {
		return err
	}
	if found {
		return o.takeLoggedModel(ctx, tx, namespace)
	}
	o.source = below(place, "model")
	o.artifactURI = o.source
	return nil
}

// runPlace is where the artifacts of a run are, and whether there is the run.
func runPlace(ctx context.Context, tx *sqlstore.Tx, namespace, run string) (place string, ok bool, err error) {
	q := sqlstore.Q("SELECT r.artifact_uri FROM tracking_runs r JOIN tracking_experiments e ON e.id = r.experiment_id"+
		" WHERE r.run_id = ? AND e.namespace = ?", run, namespace)
	ok, err = tx.Row(ctx, q, &place)
	return place, ok, err
}

// loggedModel is where a logged model is and which run made it.
func loggedModel(ctx context.Context, tx *sqlstore.Tx, namespace, id string) (place, run string, err error) {
	q := sqlstore.Q("SELECT t.artifact_uri, t.source_run_id FROM tracking_models t JOIN tracking_experiments e ON e.id = t.experiment_id"+
		" WHERE t.model_id = ? AND e.namespace = ? AND t.stage = 'active'", id, namespace)
	found, err := tx.Row(ctx, q, &place, &run)
	if err == nil && !found {
		err = fault.NotFoundf("Logged model with ID '%s' not found.", id)
	}
	return place, run, err
}

// below is a place in another.
func below(place, inside string) string {
	if inside == "" {
		return place
	}
	return strings.TrimRight(place, "/") + "/" + inside
}

// modelVersionsTag is MLflow's tag of a logged model that lists the versions which
// were made of it.
const modelVersionsTag = "mlflow.modelVersions"

// registration is a version as that tag has it.
type registration struct {
	Name    string `json:"name"`
	Version int64  `json:"version"`
}

// tagLoggedModel adds a version to those that a logged model says were made of it.
func tagLoggedModel(ctx context.Context, tx *sqlstore.Tx, model, name string, number int64) error {
	var num int64
	found, err := tx.Row(ctx, sqlstore.Q("SELECT num FROM tracking_models WHERE model_id = ?", model), &num)
	if err != nil || !found {
		return err
	}
	var text string
	if _, err := tx.Row(ctx, sqlstore.Q("SELECT value FROM tracking_model_tags WHERE model_num = ? AND key = ?", num, modelVersionsTag), &text); err != nil {
		return err
	}
	var all []registration
	if text != "" && json.Unmarshal([]byte(text), &all) != nil {
		all = nil // someone wrote something else there
	}
	list, err := encodeRegistrations(append(all, registration{Name: name, Version: number}))
	if err != nil {
		return err
	}
	q := sqlstore.Q("INSERT INTO tracking_model_tags (model_num, key, value) VALUES").List(num, modelVersionsTag, list).
		Add("ON CONFLICT (model_num, key) DO UPDATE SET value = excluded.value")
	_, err = tx.Exec(ctx, q)
	return err
}

// encodeRegistrations writes registrations as MLflow does, to the space.
func encodeRegistrations(all []registration) (string, error) {
	texts := make([]string, len(all))
	for i, one := range all {
		name, err := json.Marshal(one.Name)
		if err != nil {
			return "", fault.Internalf(err, "registrations cannot be encoded")
		}
		texts[i] = fmt.Sprintf(`{"name": %s, "version": %d}`, name, one.Version)
	}
	return "[" + strings.Join(texts, ", ") + "]", nil
}
