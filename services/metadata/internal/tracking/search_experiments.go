package tracking

import (
	"context"
	"slices"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/query"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// experimentSubject is experiments: the table tracking_experiments as e.
var experimentSubject = subject{
	num: "e.id",
	attributes: map[string]column{
		"experiment_id":    {value: "e.id"},
		"name":             {value: "e.name", kind: text},
		"creation_time":    {value: "e.created_at"},
		"last_update_time": {value: "e.updated_at"},
	},
	tags: experimentTags,
}

// SearchExperiments returns a page of the experiments of a namespace.
func (s *Store) SearchExperiments(ctx context.Context, request *metadatav1.SearchExperimentsRequest) (*metadatav1.SearchExperimentsResponse, error) {
	size, err := pageSize(request.GetMaxResults(), defaultPage)
	if err != nil {
		return nil, err
	}
	filter, err := query.Parse(query.Experiments, request.GetFilter())
	if err != nil {
		return nil, err
	}
	order, err := query.ParseOrder(query.Experiments, request.GetOrderBy())
	if err != nil {
		return nil, err
	}
	namespace, stages := namespaceOf(request), stagesOf(request.GetView())
	segments := []segment{experimentSegment(s.db.Dialect(), namespace, stages, filter, order)}
	from, err := parseBookmark(request.GetPageToken(), fingerprint("experiments", namespace, stages, filter.String(), order))
	if err == nil {
		err = from.check(segments)
	}
	if err != nil {
		return nil, err
	}
	response := new(metadatav1.SearchExperimentsResponse)
	err = s.db.Read(ctx, func(tx *sqlstore.Tx) error {
		ids, next, err := find(ctx, tx, experimentSubject.num, segments, from, size)
		if err != nil {
			return err
		}
		response.NextPageToken = next
		response.Experiments, err = loadExperiments(ctx, tx, ids)
		return err
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}

func experimentSegment(dialect sqlstore.Dialect, namespace string, stages []string, filter query.Filter, order []query.Order) segment {
	seg := segment{from: sqlstore.Q("tracking_experiments e"), where: sqlstore.Q("e.namespace = ? AND", namespace)}
	oneOf(seg.where, "e.stage", stages)
	for _, c := range filter {
		if seg.where.Add("AND"); c.Entity == query.Attribute && c.Key == "experiment_id" {
			seg.where.Append(isExperiment(c))
		} else {
			seg.where.Append(experimentSubject.condition(dialect, c))
		}
	}
	// As MLflow: the newest first where no order is asked for, and of those that
	// are the same in the order that is, the one with the higher id.
	if len(order) == 0 {
		order = []query.Order{{Key: "creation_time", Descending: true}, {Key: "experiment_id"}}
	}
	if !slices.ContainsFunc(order, func(o query.Order) bool { return o.Key == "experiment_id" }) {
		order = append(order[:len(order):len(order)], query.Order{Key: "experiment_id", Descending: true})
	}
	for _, by := range order {
		seg.terms = append(seg.terms, experimentSubject.attributes[by.Key].term(by.Descending))
	}
	return seg
}

// isExperiment is a comparison of an experiment's id with those that a filter
// spells as texts.
func isExperiment(c query.Comparison) *sqlstore.Query {
	texts, ok := c.Value.(query.List)
	if !ok {
		texts = query.List{string(c.Value.(query.Text))}
	}
	ids := make([]any, len(texts))
	for i, text := range texts {
		ids[i], _ = parseExperimentID(text) // query.Parse has seen that it is one
	}
	not := ""
	if c.Op == query.NotEqual || c.Op == query.NotIn {
		not = "NOT "
	}
	return sqlstore.Q("e.id " + not + "IN").List(ids...)
}
