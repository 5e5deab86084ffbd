package registry

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// selectItems begins a query of items.
const selectItems = "SELECT id, kind, namespace, name, external_id, state, COALESCE(parent_id, 0), COALESCE(model_id, 0)," +
	" COALESCE(version_id, 0), body, created_at, updated_at FROM registry_items"

// readItems reads items.
func readItems(ctx context.Context, tx *sqlstore.Tx, q *sqlstore.Query) ([]*metadatav1.RegistryItem, error) {
	var items []*metadatav1.RegistryItem
	err := tx.Rows(ctx, q, func(scan func(...any) error) error {
		item, row := new(metadatav1.RegistryItem), new(metadatav1.RegistryItem)
		var body []byte
		err := scan(&row.Id, &row.Kind, &row.Namespace, &row.Name, &row.ExternalId, &row.State, &row.ParentId, &row.ModelId, &row.VersionId,
			&body, &row.CreationTime, &row.LastUpdateTime)
		if err != nil {
			return err
		}
		if err := proto.Unmarshal(body, item); err != nil {
			return fault.Internalf(err, "a stored item of the registry cannot be read")
		}
		proto.Merge(item, row)
		items = append(items, item)
		return nil
	})
	return items, err
}

// body is what of an item no column holds.
func body(item *metadatav1.RegistryItem) ([]byte, error) {
	return packed(&metadatav1.RegistryItem{Description: item.GetDescription(), Properties: item.GetProperties(), Fields: item.GetFields()})
}

// insertItem adds an item, which is as it should be.
func insertItem(ctx context.Context, tx *sqlstore.Tx, item *metadatav1.RegistryItem) (id int64, err error) {
	content, err := body(item)
	if err != nil {
		return 0, err
	}
	now := nowMillis()
	q := sqlstore.Q("INSERT INTO registry_items (namespace, kind, scope, name, external_id, state, parent_id, model_id, version_id, body,"+
		" created_at, updated_at) VALUES").
		List(item.GetNamespace(), item.GetKind(), scopeOf(item), item.GetName(), item.GetExternalId(), item.GetState(), nullable(item.GetParentId()),
			nullable(item.GetModelId()), nullable(item.GetVersionId()), content, now, now).
		Add("RETURNING id")
	_, err = tx.Row(ctx, q, &id)
	return id, err
}

// nullable is an id as a column holds it.
func nullable(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

// scopeOf is the place in which the name of an item is unique; "" when it need not
// be.
func scopeOf(item *metadatav1.RegistryItem) string {
	switch {
	case item.GetKind() == metadatav1.RegistryItem_KIND_SERVING_ENVIRONMENT:
		return "namespace"
	case item.GetParentId() != 0:
		return "item/" + strconv.FormatInt(item.GetParentId(), 10)
	case isArtifact(item.GetKind()) && item.GetVersionId() != 0:
		return "version/" + strconv.FormatInt(item.GetVersionId(), 10)
	}
	return ""
}

// KindName is what people call a kind of item.
func KindName(kind metadatav1.RegistryItem_Kind) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(kind.String(), "KIND_")), "_", " ")
}

func kindNames(kinds []metadatav1.RegistryItem_Kind) string {
	if len(kinds) != 1 {
		return "artifact"
	}
	return KindName(kinds[0])
}

func isArtifact(kind metadatav1.RegistryItem_Kind) bool {
	return kind >= metadatav1.RegistryItem_KIND_MODEL_ARTIFACT && kind <= metadatav1.RegistryItem_KIND_PARAMETER
}

// CreateItem makes an item.
func (r *Registry) CreateItem(ctx context.Context, request *metadatav1.CreateRegistryItemRequest) (*metadatav1.RegistryItem, error) {
	item := proto.CloneOf(request.GetItem())
	item.Namespace = namespaceOf(item)
	if item.GetName() == "" {
		item.Name = strings.ToLower(rand.Text())
	}
	if err := checkItem(item); err != nil {
		return nil, err
	}
	return write(ctx, r, func(tx *sqlstore.Tx) (*metadatav1.RegistryItem, error) {
		if err := checkPlace(ctx, tx, item); err != nil {
			return nil, err
		}
		if err := checkItemFree(ctx, tx, item); err != nil {
			return nil, err
		}
		id, err := insertItem(ctx, tx, item)
		if err != nil {
			return nil, err
		}
		if err := followArtifact(ctx, tx, item, ""); err != nil {
			return nil, err
		}
		return itemByID(ctx, tx, item.GetNamespace(), nil, id)
	})
}

// checkItemFree refuses an item whose name or external id is taken.
func checkItemFree(ctx context.Context, tx *sqlstore.Tx, item *metadatav1.RegistryItem) error {
	var n int64
	if scope := scopeOf(item); scope != "" {
		q := sqlstore.Q("SELECT COUNT(*) FROM registry_items WHERE namespace = ? AND kind = ? AND scope = ? AND name = ?",
			item.GetNamespace(), item.GetKind(), scope, item.GetName())
		if _, err := tx.Row(ctx, q, &n); err != nil {
			return err
		}
		if n > 0 {
			return fault.AlreadyExistsf("%s %q exists there already", KindName(item.GetKind()), item.GetName())
		}
	}
	return checkExternalItem(ctx, tx, item, item.GetExternalId())
}

// checkExternalItem refuses an external id that another item of the kind has.
func checkExternalItem(ctx context.Context, tx *sqlstore.Tx, item *metadatav1.RegistryItem, external string) error {
	if external == "" {
		return nil
	}
	var n int64
	q := sqlstore.Q("SELECT COUNT(*) FROM registry_items WHERE namespace = ? AND kind = ? AND external_id = ? AND id <> ?",
		item.GetNamespace(), item.GetKind(), external, item.GetId())
	if _, err := tx.Row(ctx, q, &n); err != nil {
		return err
	}
	if n > 0 {
		return fault.AlreadyExistsf("a %s has the external id %q already", KindName(item.GetKind()), external)
	}
	return nil
}

// followArtifact lets a version that has no content yet, or that had it where this
// artifact was, have it where the artifact is now.
func followArtifact(ctx context.Context, tx *sqlstore.Tx, item *metadatav1.RegistryItem, before string) error {
	uri := item.GetFields()["uri"]
	if item.GetKind() != metadatav1.RegistryItem_KIND_MODEL_ARTIFACT || item.GetVersionId() == 0 || uri == "" || uri == before {
		return nil
	}
	q := sqlstore.Q("UPDATE registry_versions SET artifact_uri = ?, source = CASE WHEN source = artifact_uri THEN ? ELSE source END, updated_at = ?"+
		" WHERE id = ? AND (artifact_uri = '' OR artifact_uri = ?)", uri, uri, nowMillis(), item.GetVersionId(), before)
	_, err := tx.Exec(ctx, q)
	return err
}

// itemByID finds an item of some kinds.
func itemByID(ctx context.Context, tx *sqlstore.Tx, namespace string, kinds []metadatav1.RegistryItem_Kind, id int64) (*metadatav1.RegistryItem, error) {
	items, err := readItems(ctx, tx, sqlstore.Q(selectItems+" WHERE namespace = ? AND id = ?", namespace, id))
	if err != nil {
		return nil, err
	}
	if len(items) == 0 || (len(kinds) > 0 && !slices.Contains(kinds, items[0].GetKind())) {
		return nil, noID(kindNames(kinds), id)
	}
	return items[0], nil
}

// Item returns one item.
func (r *Registry) Item(ctx context.Context, request *metadatav1.GetRegistryItemRequest) (*metadatav1.RegistryItem, error) {
	return read(ctx, r, func(tx *sqlstore.Tx) (*metadatav1.RegistryItem, error) {
		if request.GetId() != 0 {
			return itemByID(ctx, tx, namespaceOf(request), request.GetKinds(), request.GetId())
		}
		q := sqlstore.Q(selectItems + " WHERE").Append(itemsOf(request))
		if request.GetExternalId() != "" {
			q.Add("AND external_id = ?", request.GetExternalId())
		} else {
			q.Add("AND name = ?", request.GetName())
		}
		items, err := readItems(ctx, tx, q.Add("ORDER BY id DESC LIMIT 1"))
		if err != nil {
			return nil, err
		}
		if len(items) == 0 {
			return nil, noneNamed(kindNames(request.GetKinds()), fmt.Sprintf("name=%q externalId=%q", request.GetName(), request.GetExternalId()))
		}
		return items[0], nil
	})
}

// placed is a request about items in a place.
type placed interface {
	GetNamespace() string
	GetKinds() []metadatav1.RegistryItem_Kind
	GetParentId() int64
	GetVersionId() int64
}

// itemsOf is the condition that an item is in the place a request is about.
func itemsOf(request placed) *sqlstore.Query {
	q := sqlstore.Q("namespace = ?", namespaceOf(request))
	if kinds := request.GetKinds(); len(kinds) > 0 {
		q.Add("AND kind IN").List(boxed(kinds)...)
	}
	if request.GetParentId() != 0 {
		q.Add("AND parent_id = ?", request.GetParentId())
	}
	if request.GetVersionId() != 0 {
		q.Add("AND version_id = ?", request.GetVersionId())
	}
	return q
}

// ListItems returns a page of items.
func (r *Registry) ListItems(ctx context.Context, request *metadatav1.ListRegistryItemsRequest) (*metadatav1.ListRegistryItemsResponse, error) {
	l := listing{from: selectItems, kind: listedItems, where: itemsOf(request)}
	q, err := l.query(r.db.Dialect(), request.GetOptions())
	if err != nil {
		return nil, err
	}
	return read(ctx, r, func(tx *sqlstore.Tx) (*metadatav1.ListRegistryItemsResponse, error) {
		if err := checkParents(ctx, tx, request); err != nil {
			return nil, err
		}
		items, err := readItems(ctx, tx, q)
		if err != nil {
			return nil, err
		}
		items, token, err := page(l, request.GetOptions(), items)
		return &metadatav1.ListRegistryItemsResponse{Items: items, NextPageToken: token}, err
	})
}

// UpdateItem changes an item. What is unset stays.
func (r *Registry) UpdateItem(ctx context.Context, request *metadatav1.UpdateRegistryItemRequest) (*metadatav1.RegistryItem, error) {
	return write(ctx, r, func(tx *sqlstore.Tx) (*metadatav1.RegistryItem, error) {
		item, err := itemByID(ctx, tx, namespaceOf(request), request.GetKinds(), request.GetId())
		if err != nil {
			return nil, err
		}
		before := item.GetFields()["uri"]
		applyItem(item, request)
		if err := checkItem(item); err != nil {
			return nil, err
		}
		if err := checkPlace(ctx, tx, item); err != nil {
			return nil, err
		}
		if err := checkExternalItem(ctx, tx, item, item.GetExternalId()); err != nil {
			return nil, err
		}
		content, err := body(item)
		if err != nil {
			return nil, err
		}
		var c change
		c.set("external_id", item.GetExternalId())
		c.set("state", item.GetState())
		c.set("version_id", nullable(item.GetVersionId()))
		c.set("body", content)
		c.set("updated_at", nowMillis())
		if err := c.exec(ctx, tx, "registry_items", item.GetId()); err != nil {
			return nil, err
		}
		if err := followArtifact(ctx, tx, item, before); err != nil {
			return nil, err
		}
		return itemByID(ctx, tx, item.GetNamespace(), nil, item.GetId())
	})
}

// applyItem changes an item as a request says.
func applyItem(item *metadatav1.RegistryItem, request *metadatav1.UpdateRegistryItemRequest) {
	if request.Description != nil { //nolint:protogetter // unset and empty differ
		item.Description = request.GetDescription()
	}
	if request.ExternalId != nil { //nolint:protogetter // unset and empty differ
		item.ExternalId = request.GetExternalId()
	}
	if request.GetState() != "" {
		item.State = request.GetState()
	}
	if request.GetProperties() != nil {
		item.Properties = request.GetProperties().GetValues()
	}
	if request.GetVersionId() != 0 {
		item.VersionId = request.GetVersionId()
	}
	if item.GetFields() == nil {
		item.Fields = map[string]string{}
	}
	maps.Copy(item.GetFields(), request.GetFields())
}
