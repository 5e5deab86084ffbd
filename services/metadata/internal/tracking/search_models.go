package tracking

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/query"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// modelSubject is logged models: the table tracking_models as l. A metric of a
// model is one of any run and dataset.
var modelSubject = subject{
	num: "l.num",
	attributes: map[string]column{
		"model_id":               {value: "l.model_id", kind: text},
		"name":                   {value: "l.name", kind: text},
		"model_type":             {value: "NULLIF(l.model_type, '')", kind: text, nullable: true},
		"status":                 {value: "l.status", kind: text},
		"source_run_id":          {value: "NULLIF(l.source_run_id, '')", kind: text, nullable: true},
		"creation_timestamp":     {value: "l.created_at"},
		"last_updated_timestamp": {value: "l.updated_at"},
	},
	params:  modelParams,
	tags:    modelTags,
	metrics: modelMetrics,
}

// modelMetrics is the metrics of a model. The table's index is of those that
// measure one, and must be told that these do.
const modelMetrics = "tracking_series m WHERE m.model_id = l.model_id AND m.model_id <> ''"

// SearchModels returns a page of the models of some experiments.
func (s *Store) SearchModels(ctx context.Context, request *metadatav1.SearchLoggedModelsRequest) (*metadatav1.SearchLoggedModelsResponse, error) {
	search, err := newModelSearch(s.db.Dialect(), request)
	if err != nil {
		return nil, err
	}
	response := new(metadatav1.SearchLoggedModelsResponse)
	err = s.db.Read(ctx, func(tx *sqlstore.Tx) error {
		experiments, err := experimentsIn(ctx, tx, namespaceOf(request), search.experiments)
		if err != nil || len(experiments) == 0 {
			return err
		}
		segments := []segment{search.segment(experiments)}
		from, err := parseBookmark(request.GetPageToken(), search.fingerprint)
		if err == nil {
			err = from.check(segments)
		}
		if err != nil {
			return err
		}
		nums, next, err := find(ctx, tx, modelSubject.num, segments, from, search.size)
		if err != nil {
			return err
		}
		response.NextPageToken = next
		response.Models, err = loadModels(ctx, tx, nums)
		return err
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}

// modelSearch is a request for models, understood.
type modelSearch struct {
	dialect     sqlstore.Dialect
	experiments []int64
	filter      query.Filter
	datasets    []measured
	order       []modelOrder
	size        int
	fingerprint string
}

// measured is a dataset that a metric must have been measured on; an empty
// digest means any.
type measured struct{ name, digest string }

// modelOrder is a key to sort by, and the dataset of a metric; empty means any.
type modelOrder struct {
	query.Order
	measured
}

func newModelSearch(dialect sqlstore.Dialect, request *metadatav1.SearchLoggedModelsRequest) (*modelSearch, error) {
	s := &modelSearch{dialect: dialect}
	var err error
	if s.size, err = pageSize(request.GetMaxResults(), defaultModelPage); err != nil {
		return nil, err
	}
	if s.filter, err = query.Parse(query.LoggedModels, request.GetFilter()); err != nil {
		return nil, err
	}
	for _, d := range request.GetDatasets() {
		if d.GetName() == "" {
			return nil, invalid("`dataset_name` in the `datasets` clause must be specified.")
		}
		s.datasets = append(s.datasets, measured{d.GetName(), d.GetDigest()})
	}
	if s.order, err = modelOrders(request.GetOrderBy()); err != nil {
		return nil, err
	}
	if s.experiments, err = parseExperimentIDs(request.GetExperimentIds()); err != nil {
		return nil, err
	}
	s.fingerprint = fingerprint("models", namespaceOf(request), s.experiments, s.filter.String(), s.datasets, s.order)
	return s, nil
}

// maxModelOrders is how many keys models are sorted by at most.
const maxModelOrders = 16

// modelOrders reads what to sort by, which models have as fields.
func modelOrders(orders []*metadatav1.SearchLoggedModelsRequest_ModelOrder) ([]modelOrder, error) {
	if len(orders) > maxModelOrders {
		return nil, invalid("Invalid order_by: it has %d fields; at most %d are allowed", len(orders), maxModelOrders)
	}
	all := make([]modelOrder, len(orders))
	for i, by := range orders {
		all[i] = modelOrder{measured: measured{by.GetDatasetName(), by.GetDatasetDigest()}}
		all[i].Descending = by.Ascending != nil && !by.GetAscending()
		if by.GetDatasetDigest() != "" && by.GetDatasetName() == "" {
			return nil, invalid("`dataset_digest` can only be specified if `dataset_name` is also specified.")
		}
		entity, key, dotted := strings.Cut(by.GetFieldName(), ".")
		if dotted && entity == "metrics" && key != "" {
			all[i].Entity, all[i].Key = query.Metric, key
			continue
		}
		attribute, err := query.ParseOrder(query.LoggedModels, []string{by.GetFieldName()})
		if dotted || err != nil || attribute[0].Descending {
			return nil, invalid("Invalid order by field name: %s. Want an attribute, such as creation_timestamp, or metrics.<name>; "+
				"only metrics are supported with a dot", by.GetFieldName())
		}
		all[i].Key = attribute[0].Key
	}
	return all, nil
}

func (s *modelSearch) segment(experiments []int64) segment {
	seg := segment{from: sqlstore.Q("tracking_models l")}
	seg.where = oneOf(new(sqlstore.Query), "l.experiment_id", experiments).Add("AND l.stage = ?", active)
	byMetric := false
	for _, c := range s.filter {
		seg.where.Add("AND")
		if c.Entity != query.Metric {
			seg.where.Append(modelSubject.condition(s.dialect, c))
			continue
		}
		byMetric = true
		seg.where.Append(s.metric(sqlstore.Q("m.key = ? AND", c.Key).Append(metricValue(s.dialect, c))))
	}
	if !byMetric && len(s.datasets) > 0 {
		seg.where.Add("AND").Append(s.metric(nil))
	}
	s.sort(&seg)
	return seg
}

// metric is the condition that a model has a metric m, measured on one of the
// datasets.
func (s *modelSearch) metric(condition *sqlstore.Query) *sqlstore.Query {
	q := sqlstore.Q("EXISTS (SELECT 1 FROM " + modelMetrics)
	if condition != nil {
		q.Add("AND").Append(condition)
	}
	word := "AND ("
	for _, d := range s.datasets {
		q.Add(word).Append(d.on("m"))
		word = "OR"
	}
	if len(s.datasets) > 0 {
		q.Add(")")
	}
	return q.Add(")")
}

// on is the condition that a metric of a table was measured on the dataset.
func (d measured) on(table string) *sqlstore.Query {
	q := sqlstore.Q(table+".dataset_name = ?", d.name)
	if d.digest != "" {
		q.Add("AND "+table+".dataset_digest = ?", d.digest)
	}
	return q
}

// sort adds what models are sorted by, at last by creation, the newest first, and id.
func (s *modelSearch) sort(seg *segment) {
	for i, by := range s.order {
		seg.terms = append(seg.terms, modelTerm(seg, fmt.Sprintf("o%d", i), by))
	}
	byKey := func(key string) func(modelOrder) bool {
		return func(o modelOrder) bool { return o.Entity == query.Attribute && o.Key == key }
	}
	if !slices.ContainsFunc(s.order, byKey("creation_timestamp")) {
		seg.terms = append(seg.terms, modelSubject.attributes["creation_timestamp"].term(true))
	}
	if !slices.ContainsFunc(s.order, byKey("model_id")) {
		seg.terms = append(seg.terms, modelSubject.attributes["model_id"].term(false))
	}
}

// modelTerm is what models are sorted by: of a metric, the latest value that was
// measured on the dataset.
func modelTerm(seg *segment, alias string, by modelOrder) term {
	if by.Entity == query.Attribute {
		return modelSubject.attributes[by.Key].term(by.Descending)
	}
	seg.from.Add("LEFT JOIN tracking_series "+alias+" ON "+alias+".num = (SELECT m.num FROM "+modelMetrics+" AND m.key = ?", by.Key)
	if by.name != "" {
		seg.from.Add("AND").Append(by.on("m"))
	}
	seg.from.Add("ORDER BY m.at DESC, m.step DESC, m.num LIMIT 1)")
	return term{value: alias + ".value", class: nanClass(alias), kind: float, descending: by.Descending}
}
