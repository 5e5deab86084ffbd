package registry

import (
	"cmp"
	"context"
	"regexp"
	"strconv"
	"unicode/utf8"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// highestNumber is the highest number that a name may make a version's.
const highestNumber = 1<<31 - 1

// numberForm is how a number has to be spelled to be a name.
var numberForm = regexp.MustCompile(`^[1-9][0-9]{0,9}$`)

// CreateVersion adds a version to a model.
func (r *Registry) CreateVersion(ctx context.Context, request *metadatav1.CreateModelVersionRequest) (*metadatav1.ModelVersion, error) {
	v := request.GetVersion()
	if utf8.RuneCountInString(v.GetName()) > maxName {
		return nil, tooLong("name", maxName)
	}
	if err := checkSource(v.GetSource(), request.GetMlflowRules()); err != nil {
		return nil, err
	}
	if err := checkProperties(v.GetProperties(), request.GetMlflowRules()); err != nil {
		return nil, err
	}
	return write(ctx, r, func(tx *sqlstore.Tx) (*metadatav1.ModelVersion, error) {
		namespace := namespaceOf(request)
		m, err := findModel(ctx, tx, namespace, v.GetModelName(), v.GetModelId())
		if err != nil {
			return nil, err
		}
		if err := checkExternalVersion(ctx, tx, namespace, v.GetExternalId(), 0); err != nil {
			return nil, err
		}
		from, err := originOf(ctx, tx, namespace, v)
		if err != nil {
			return nil, err
		}
		number, name, err := takeNumber(ctx, tx, m, v.GetName())
		if err != nil {
			return nil, err
		}
		id, err := insertVersion(ctx, tx, m, v, from, number, name)
		if err != nil {
			return nil, err
		}
		if err := finishVersion(ctx, tx, m, v, from, id, number); err != nil {
			return nil, err
		}
		return versionByID(ctx, tx, namespace, id)
	})
}

// takeNumber returns the number and the name of a new version. A name that is a
// number, and free as one, is the number.
func takeNumber(ctx context.Context, tx *sqlstore.Tx, m *metadatav1.RegisteredModel, name string) (int64, string, error) {
	if err := touchModel(ctx, tx, m.GetId(), nowMillis()); err != nil { // and nobody else takes a number until this transaction ends
		return 0, "", err
	}
	var last, taken int64
	if _, err := tx.Row(ctx, sqlstore.Q("SELECT last_number FROM registry_models WHERE id = ?", m.GetId()), &last); err != nil {
		return 0, "", err
	}
	number := last + 1
	if name != "" {
		if _, err := tx.Row(ctx, sqlstore.Q("SELECT COUNT(*) FROM registry_versions WHERE model_id = ? AND name = ?", m.GetId(), name), &taken); err != nil {
			return 0, "", err
		}
		if taken > 0 {
			return 0, "", fault.AlreadyExistsf("Model Version (name=%s, version=%s) already exists.", m.GetName(), name)
		}
		if asked, ok := numberIn(name); ok {
			if _, err := tx.Row(ctx, sqlstore.Q("SELECT COUNT(*) FROM registry_versions WHERE model_id = ? AND number = ?", m.GetId(), asked), &taken); err != nil {
				return 0, "", err
			}
			if taken == 0 {
				number = asked
			}
		}
	}
	var c change
	c.set("last_number", max(last, number))
	return number, cmp.Or(name, strconv.FormatInt(number, 10)), c.exec(ctx, tx, "registry_models", m.GetId())
}

// numberIn is the number that a name is, if it is one that a version may have.
func numberIn(name string) (int64, bool) {
	if !numberForm.MatchString(name) {
		return 0, false
	}
	n, err := strconv.ParseInt(name, 10, 64)
	return n, err == nil && n <= highestNumber
}

// insertVersion adds the row of a version.
func insertVersion(ctx context.Context, tx *sqlstore.Tx, m *metadatav1.RegisteredModel, v *metadatav1.ModelVersion, from origin, number int64, name string) (id int64, err error) {
	now := nowMillis()
	q := sqlstore.Q("INSERT INTO registry_versions (model_id, namespace, number, name, description, author, external_id, state, stage,"+
		" source, artifact_uri, run_id, run_link, logged_model_id, lineage_artifact_id, created_at, updated_at) VALUES").
		List(m.GetId(), m.GetNamespace(), number, name, v.GetDescription(), v.GetAuthor(), v.GetExternalId(), stateText(v.GetState()), stages[1],
			from.source, from.artifactURI, from.runID, v.GetRunLink(), from.loggedModel, from.lineageArtifact, now, now).
		Add("RETURNING id")
	_, err = tx.Row(ctx, q, &id)
	return id, err
}

// finishVersion adds what hangs on a new version.
func finishVersion(ctx context.Context, tx *sqlstore.Tx, m *metadatav1.RegisteredModel, v *metadatav1.ModelVersion, from origin, id, number int64) error {
	if err := versionProperties.put(ctx, tx, id, v.GetProperties()); err != nil {
		return err
	}
	if from.loggedModel != "" {
		if err := tagLoggedModel(ctx, tx, from.loggedModel, m.GetName(), number); err != nil {
			return err
		}
	}
	if from.artifactURI == "" {
		return nil
	}
	_, err := insertItem(ctx, tx, &metadatav1.RegistryItem{
		Kind: metadatav1.RegistryItem_KIND_MODEL_ARTIFACT, Namespace: m.GetNamespace(), Name: m.GetName(), State: "LIVE",
		VersionId: id, Fields: map[string]string{"uri": from.artifactURI},
	})
	return err
}
