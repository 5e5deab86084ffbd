package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"strconv"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

const (
	defaultPage = 20
	largestPage = 1000
)

// listing is a list in Kubeflow's grammar.
type listing struct {
	from   string // the statement up to its conditions
	prefix string // of columns
	kind   listable
	where  *sqlstore.Query // conditions of the request itself
}

// position is where a page ends: what a page token says.
type position struct {
	Value any    `json:"v"` // by which the list is sorted
	ID    int64  `json:"i"`
	List  uint32 `json:"l"` // which list it is
}

// orderColumns are what lists may be sorted by.
var orderColumns = map[string]string{"": "id", "ID": "id", "CREATE_TIME": "created_at", "LAST_UPDATE_TIME": "updated_at", "NAME": "name"}

// query is the statement of one page, which is one longer than the page is to be.
func (l listing) query(d sqlstore.Dialect, options *metadatav1.ListOptions) (*sqlstore.Query, error) {
	column, ok := orderColumns[options.GetOrderBy()]
	if !ok {
		return nil, fault.Invalidf("orderBy", "%q is not an order; want ID, CREATE_TIME, LAST_UPDATE_TIME or NAME", options.GetOrderBy())
	}
	q := sqlstore.Q(l.from + " WHERE").Append(l.where)
	filter, err := l.kind.where(d, options.GetFilterQuery())
	if err != nil {
		return nil, err
	}
	if filter != nil {
		q.Add("AND").Append(filter)
	}
	comparison, direction := ">", ""
	if options.GetDescending() {
		comparison, direction = "<", " DESC"
	}
	after, err := l.after(options)
	if err != nil {
		return nil, err
	}
	if after != nil {
		q.Add("AND ("+l.prefix+column+", "+l.prefix+"id) "+comparison+" (?, ?)", after.Value, after.ID)
	}
	return q.Add("ORDER BY "+l.prefix+column+direction+", "+l.prefix+"id"+direction+" LIMIT ?", pageSize(options)+1), nil
}

// pageSize is the number of things on a page.
func pageSize(options *metadatav1.ListOptions) int {
	if options.GetPageSize() <= 0 {
		return defaultPage
	}
	return min(int(options.GetPageSize()), largestPage)
}

// fingerprint tells lists apart that a token must not be carried between.
func (l listing) fingerprint(options *metadatav1.ListOptions) uint32 {
	sum := fnv.New32a()
	args, _ := json.Marshal(l.where.Args()) // numbers and texts
	for _, part := range []string{l.from, string(args), options.GetFilterQuery(), options.GetOrderBy(), strconv.FormatBool(options.GetDescending())} {
		_, _ = sum.Write([]byte(part + "\x00"))
	}
	return sum.Sum32()
}

// after reads the page token; nil for none.
func (l listing) after(options *metadatav1.ListOptions) (*position, error) {
	if options.GetPageToken() == "" {
		return nil, nil
	}
	refused := fault.Invalidf("nextPageToken", "is not a token that this list gave; want the nextPageToken of the answer before, or nothing")
	raw, err := base64.RawURLEncoding.DecodeString(options.GetPageToken())
	if err != nil {
		return nil, refused
	}
	var p position
	if err := json.Unmarshal(raw, &p); err != nil || p.List != l.fingerprint(options) {
		return nil, refused
	}
	if number, ok := p.Value.(float64); ok {
		p.Value = int64(number)
	}
	if _, ok := p.Value.(string); ok != (options.GetOrderBy() == "NAME") || p.Value == nil {
		return nil, refused
	}
	return &p, nil
}

// listed is what a list needs to know of a thing to go on after it.
type listed interface {
	GetId() int64
	GetName() string
	GetCreationTime() int64
	GetLastUpdateTime() int64
}

// page cuts what was read to a page and returns the token of the next one.
func page[T listed](l listing, options *metadatav1.ListOptions, found []T) ([]T, string, error) {
	size := pageSize(options)
	if len(found) <= size {
		return found, "", nil
	}
	last := found[size-1]
	p := position{ID: last.GetId(), List: l.fingerprint(options)}
	switch options.GetOrderBy() {
	case "CREATE_TIME":
		p.Value = last.GetCreationTime()
	case "LAST_UPDATE_TIME":
		p.Value = last.GetLastUpdateTime()
	case "NAME":
		p.Value = last.GetName()
	default:
		p.Value = last.GetId()
	}
	token, err := json.Marshal(p)
	if err != nil {
		return nil, "", fault.Internalf(err, "a page token cannot be encoded")
	}
	return found[:size], base64.RawURLEncoding.EncodeToString(token), nil
}

// ListModels returns a page of models.
func (r *Registry) ListModels(ctx context.Context, request *metadatav1.ListRegisteredModelsRequest) (*metadatav1.ListRegisteredModelsResponse, error) {
	l := listing{from: selectModels, prefix: "m.", kind: listedModels, where: sqlstore.Q("m.namespace = ?", namespaceOf(request))}
	q, err := l.query(r.db.Dialect(), request.GetOptions())
	if err != nil {
		return nil, err
	}
	return read(ctx, r, func(tx *sqlstore.Tx) (*metadatav1.ListRegisteredModelsResponse, error) {
		models, err := readModels(ctx, tx, q)
		if err != nil {
			return nil, err
		}
		models, token, err := page(l, request.GetOptions(), models)
		if err != nil {
			return nil, err
		}
		return &metadatav1.ListRegisteredModelsResponse{Models: models, NextPageToken: token}, fillModels(ctx, tx, models, false)
	})
}

// ListVersions returns a page of versions.
func (r *Registry) ListVersions(ctx context.Context, request *metadatav1.ListModelVersionsRequest) (*metadatav1.ListModelVersionsResponse, error) {
	l := listing{from: selectVersions, prefix: "v.", kind: listedVersions, where: sqlstore.Q("v.namespace = ?", namespaceOf(request))}
	if request.GetModelId() != 0 {
		l.where.Add("AND v.model_id = ?", request.GetModelId())
	}
	q, err := l.query(r.db.Dialect(), request.GetOptions())
	if err != nil {
		return nil, err
	}
	return read(ctx, r, func(tx *sqlstore.Tx) (*metadatav1.ListModelVersionsResponse, error) {
		if request.GetModelId() != 0 {
			if _, err := modelByID(ctx, tx, namespaceOf(request), request.GetModelId()); err != nil {
				return nil, err
			}
		}
		versions, err := readVersions(ctx, tx, q)
		if err != nil {
			return nil, err
		}
		versions, token, err := page(l, request.GetOptions(), versions)
		return &metadatav1.ListModelVersionsResponse{Versions: versions, NextPageToken: token}, err
	})
}
