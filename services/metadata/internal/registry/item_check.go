package registry

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// itemKind is what a kind of item has.
type itemKind struct {
	states []string // the first one is that of an item which says none
	parent metadatav1.RegistryItem_Kind
	model  bool // whether it belongs to a registered model
	always bool // whether it always has a version
}

var artifactStates = []string{"UNKNOWN", "PENDING", "LIVE", "MARKED_FOR_DELETION", "DELETED", "ABANDONED", "REFERENCE"}

// deployed is the state of an inference service that serves.
const deployed = "DEPLOYED"

var itemKinds = map[metadatav1.RegistryItem_Kind]itemKind{
	metadatav1.RegistryItem_KIND_MODEL_ARTIFACT:      {states: artifactStates},
	metadatav1.RegistryItem_KIND_DOC_ARTIFACT:        {states: artifactStates},
	metadatav1.RegistryItem_KIND_DATASET_ARTIFACT:    {states: artifactStates},
	metadatav1.RegistryItem_KIND_METRIC:              {states: artifactStates},
	metadatav1.RegistryItem_KIND_PARAMETER:           {states: artifactStates},
	metadatav1.RegistryItem_KIND_SERVING_ENVIRONMENT: {states: []string{""}},
	metadatav1.RegistryItem_KIND_INFERENCE_SERVICE: {
		states: []string{deployed, "UNDEPLOYED"}, parent: metadatav1.RegistryItem_KIND_SERVING_ENVIRONMENT, model: true,
	},
	metadatav1.RegistryItem_KIND_SERVE_MODEL: {
		states: []string{"UNKNOWN", "NEW", "RUNNING", "COMPLETE", "FAILED", "CACHED", "CANCELED"},
		parent: metadatav1.RegistryItem_KIND_INFERENCE_SERVICE, always: true,
	},
}

// checkItem checks an item by itself and gives it a state if it has none.
func checkItem(item *metadatav1.RegistryItem) error {
	kind, ok := itemKinds[item.GetKind()]
	if !ok {
		return fault.Invalidf("item.kind", "is %s; want a kind of item", item.GetKind())
	}
	if item.GetState() == "" {
		item.State = kind.states[0]
	}
	if !slices.Contains(kind.states, item.GetState()) {
		return fault.Invalidf("state", "%q is not a state of a %s; want one of %s", item.GetState(), KindName(item.GetKind()), strings.Join(kind.states, ", "))
	}
	if utf8.RuneCountInString(item.GetName()) > maxName {
		return tooLong("name", maxName)
	}
	return checkProperties(item.GetProperties(), false)
}

// checkPlace checks that what an item hangs on is there.
func checkPlace(ctx context.Context, tx *sqlstore.Tx, item *metadatav1.RegistryItem) error {
	kind, namespace := itemKinds[item.GetKind()], item.GetNamespace()
	if kind.parent != 0 {
		if _, err := itemByID(ctx, tx, namespace, []metadatav1.RegistryItem_Kind{kind.parent}, item.GetParentId()); err != nil {
			return err
		}
	}
	if kind.model {
		if _, err := modelByID(ctx, tx, namespace, item.GetModelId()); err != nil {
			return err
		}
	}
	if item.GetVersionId() == 0 && !kind.always {
		return nil
	}
	v, err := versionByID(ctx, tx, namespace, item.GetVersionId())
	if err == nil && kind.model && v.GetModelId() != item.GetModelId() {
		err = fault.Invalidf("modelVersionId", "version %d is of model %q, not of the registered model %d", v.GetId(), v.GetModelName(), item.GetModelId())
	}
	return err
}

// checkParents checks that the place is there that a list is about.
func checkParents(ctx context.Context, tx *sqlstore.Tx, request placed) error {
	if id := request.GetVersionId(); id != 0 {
		if _, err := versionByID(ctx, tx, namespaceOf(request), id); err != nil {
			return err
		}
	}
	if id := request.GetParentId(); id != 0 {
		parents := []metadatav1.RegistryItem_Kind{metadatav1.RegistryItem_KIND_SERVING_ENVIRONMENT, metadatav1.RegistryItem_KIND_INFERENCE_SERVICE}
		if kinds := request.GetKinds(); len(kinds) == 1 {
			parents = []metadatav1.RegistryItem_Kind{itemKinds[kinds[0]].parent}
		}
		if _, err := itemByID(ctx, tx, namespaceOf(request), parents, id); err != nil {
			return err
		}
	}
	return nil
}

// checkNotDeployed refuses to delete what an inference service serves.
func checkNotDeployed(ctx context.Context, tx *sqlstore.Tx, condition string, id int64, named string) error {
	items, err := readItems(ctx, tx, sqlstore.Q(selectItems+" WHERE "+condition, id).Add("AND kind = ? AND state = ? ORDER BY id LIMIT 1",
		metadatav1.RegistryItem_KIND_INFERENCE_SERVICE, deployed))
	if err != nil || len(items) == 0 {
		return err
	}
	return fault.Preconditionf("%s is served by inference service %q: undeploy that one first", named, items[0].GetName()).WithReason("MODEL_IN_USE")
}
