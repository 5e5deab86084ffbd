package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/query"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// MLflow's sizes of pages.
const (
	defaultModels = 100
	mostModels    = 1000
	mostVersions  = 200_000
)

// searchable says how one kind is searched in MLflow's grammar.
type searchable struct {
	kind       query.Kind
	from       string            // the statement up to its conditions
	namespace  string            // column
	columns    map[string]string // by MLflow's names
	properties propertyTable
	owner      string // column that the owner of properties is
	last       string // what ties are broken by
	unless     string // the order when none is asked for, instead of last
}

var (
	searchedModels = searchable{
		kind: query.RegisteredModels, from: selectModels, namespace: "m.namespace",
		columns:    map[string]string{"name": "m.name", "creation_timestamp": "m.created_at", "last_updated_timestamp": "m.updated_at"},
		properties: modelProperties, owner: "m.id", last: "m.name",
	}
	searchedVersions = searchable{
		kind: query.ModelVersions, from: selectVersions, namespace: "v.namespace",
		columns: map[string]string{
			"name": "m.name", "version_number": "v.number", "run_id": "v.run_id", "source_path": "v.source",
			"creation_timestamp": "v.created_at", "last_updated_timestamp": "v.updated_at",
		},
		properties: versionProperties, owner: "v.id", last: "m.name, v.number DESC", unless: "v.updated_at DESC, m.name, v.number DESC",
	}
)

// search is a request of MLflow's clients.
type search interface {
	GetNamespace() string
	GetFilter() string
	GetOrderBy() []string
	GetMaxResults() int32
	GetPageToken() string
}

// statement is the query of a page, one longer than the page is to be.
func (s searchable) statement(d sqlstore.Dialect, request search, size int, offset int64) (*sqlstore.Query, error) {
	filter, err := query.Parse(s.kind, request.GetFilter())
	if err != nil {
		return nil, err
	}
	order, err := s.order(request.GetOrderBy())
	if err != nil {
		return nil, err
	}
	q := sqlstore.Q(s.from+" WHERE "+s.namespace+" = ?", namespaceOf(request))
	prompts := false
	for _, c := range filter {
		if c.Entity == query.Tag && c.Key == promptTag {
			prompts = prompts || asksForPrompts(c)
			continue
		}
		q.Add("AND").Append(s.condition(d, c))
	}
	q.Add("AND").Append(isPrompt(prompts))
	return q.Add("ORDER BY "+order+" LIMIT ? OFFSET ?", size+1, offset), nil
}

// condition is one condition of a filter.
func (s searchable) condition(d sqlstore.Dialect, c query.Comparison) *sqlstore.Query {
	if c.Entity == query.Attribute {
		return c.Where(d, s.columns[c.Key])
	}
	return sqlstore.Q("EXISTS (SELECT 1 FROM "+s.properties.name+" p WHERE p."+s.properties.owner+" = "+s.owner+" AND p.key = ? AND", c.Key).
		Append(c.Where(d, "p.value")).Add(")")
}

// asksForPrompts reports whether a condition wants MLflow's prompts, which are
// models to the database; no other search finds them.
func asksForPrompts(c query.Comparison) bool {
	text, _ := c.Value.(query.Text)
	return c.Op == query.Equal && strings.EqualFold(string(text), "true") || c.Op == query.NotEqual && strings.EqualFold(string(text), "false")
}

// isPrompt is the condition that the model is a prompt, or that it is none.
func isPrompt(wanted bool) *sqlstore.Query {
	q := sqlstore.Q("EXISTS (SELECT 1 FROM registry_model_properties p WHERE p.model_id = m.id AND p.key = ? AND p.value = 'true')", promptTag)
	if wanted {
		return q
	}
	return sqlstore.Q("NOT").Append(q)
}

// order is an ORDER BY clause that leaves no ties.
func (s searchable) order(clauses []string) (string, error) {
	orders, err := query.ParseOrder(s.kind, clauses)
	if err != nil {
		return "", err
	}
	if len(orders) == 0 && s.unless != "" {
		return s.unless, nil
	}
	parts := make([]string, 0, len(orders)+1)
	for _, order := range orders {
		part := s.columns[order.Key]
		if order.Descending {
			part += " DESC"
		}
		parts = append(parts, part)
	}
	return strings.Join(append(parts, s.last), ", "), nil
}

// offsetToken is a page token as MLflow makes it.
type offsetToken struct {
	Offset int64 `json:"offset"`
}

// offsetOf reads a page token.
func offsetOf(token string) (int64, error) {
	if token == "" {
		return 0, nil
	}
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return 0, invalid("Invalid page token, could not base64-decode")
	}
	var t offsetToken
	if err := json.Unmarshal(raw, &t); err != nil || t.Offset < 0 {
		return 0, invalid("Invalid page token, parsed value=%s", raw)
	}
	return t.Offset, nil
}

// tokenFor makes a page token.
func tokenFor(offset int64) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"offset": %d}`, offset))
}

// pageOf searches, and returns a page with the token of the next one.
func pageOf[T any](ctx context.Context, r *Registry, s searchable, request search, usual, most int,
	load func(context.Context, *sqlstore.Tx, *sqlstore.Query) ([]T, error),
) (items []T, token string, err error) {
	size := int(request.GetMaxResults())
	if size == 0 {
		size = usual
	}
	if size > most {
		return nil, "", invalid("Invalid value for request parameter max_results. It must be at most %d, but got value %d", most, size)
	}
	offset, err := offsetOf(request.GetPageToken())
	if err != nil {
		return nil, "", err
	}
	q, err := s.statement(r.db.Dialect(), request, size, offset)
	if err != nil {
		return nil, "", err
	}
	items, err = read(ctx, r, func(tx *sqlstore.Tx) ([]T, error) { return load(ctx, tx, q) })
	if err != nil || len(items) <= size {
		return items, "", err
	}
	return items[:size], tokenFor(offset + int64(size)), nil
}

// SearchModels returns a page of models.
func (r *Registry) SearchModels(ctx context.Context, request *metadatav1.SearchRegisteredModelsRequest) (*metadatav1.SearchRegisteredModelsResponse, error) {
	models, token, err := pageOf(ctx, r, searchedModels, request, defaultModels, mostModels,
		func(ctx context.Context, tx *sqlstore.Tx, q *sqlstore.Query) ([]*metadatav1.RegisteredModel, error) {
			models, err := readModels(ctx, tx, q)
			if err != nil {
				return nil, err
			}
			return models, fillModels(ctx, tx, models, true)
		})
	if err != nil {
		return nil, err
	}
	return &metadatav1.SearchRegisteredModelsResponse{Models: models, NextPageToken: token}, nil
}

// SearchVersions returns a page of versions.
func (r *Registry) SearchVersions(ctx context.Context, request *metadatav1.SearchModelVersionsRequest) (*metadatav1.SearchModelVersionsResponse, error) {
	versions, token, err := pageOf(ctx, r, searchedVersions, request, mostVersions, mostVersions, readVersions)
	if err != nil {
		return nil, err
	}
	return &metadatav1.SearchModelVersionsResponse{Versions: versions, NextPageToken: token}, nil
}
