package query

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// attribute is what a key of the thing itself holds.
type attribute struct {
	name   string // canonical; empty means the key itself
	number bool
	whole  bool // takes whole numbers only, or texts of them
	listed bool // may stand before IN
	sorts  bool // may be sorted by
	silent bool // may only be sorted by
}

// table is what one kind may be searched by.
type table struct {
	entities   map[string]Entity
	attributes map[string]attribute
	nullable   []Entity // may stand before IS NULL
	wording    wording
}

var (
	textOps    = []Op{NotEqual, Equal, Like, ILike}
	listOps    = []Op{NotEqual, Equal, Like, ILike, In, NotIn}
	idOps      = []Op{NotEqual, Equal, In, NotIn}
	numberOps  = []Op{Less, LessEqual, Greater, GreaterEqual, Equal, NotEqual}
	datasetKey = []string{"name", "digest", "context"}
)

// everyEntity is the spellings that runs and logged models know.
var everyEntity = map[string]Entity{
	"attribute": Attribute, "attributes": Attribute, "attr": Attribute, "run": Attribute,
	"metric": Metric, "metrics": Metric,
	"parameter": Param, "parameters": Param, "param": Param, "params": Param,
	"tag": Tag, "tags": Tag,
	"dataset": Dataset, "datasets": Dataset,
}

// fewEntities are those that experiments and what is registered know.
var fewEntities = map[string]Entity{"attribute": Attribute, "tag": Tag, "tags": Tag}

var tables = [...]table{
	Runs: {
		entities: everyEntity,
		attributes: map[string]attribute{
			"run_id":       {listed: true, sorts: true},
			"run_name":     {sorts: true},
			"run name":     {name: "run_name"},
			"Run name":     {name: "run_name"},
			"Run Name":     {name: "run_name"},
			"user_id":      {sorts: true},
			"status":       {sorts: true},
			"artifact_uri": {sorts: true},
			"start_time":   {number: true, sorts: true},
			"created":      {name: "start_time", number: true, sorts: true},
			"Created":      {name: "start_time", number: true, sorts: true},
			"end_time":     {number: true, sorts: true},
		},
		nullable: []Entity{Tag, Param},
		wording:  runWording,
	},
	Experiments: {
		entities: fewEntities,
		attributes: map[string]attribute{
			"name":             {sorts: true},
			"experiment_id":    {listed: true, sorts: true},
			"creation_time":    {number: true, whole: true, sorts: true},
			"last_update_time": {number: true, whole: true, sorts: true},
		},
		nullable: []Entity{Tag},
		wording:  experimentWording,
	},
	LoggedModels: {
		entities: everyEntity,
		attributes: map[string]attribute{
			"name":                      {listed: true, sorts: true},
			"model_id":                  {listed: true, sorts: true},
			"model_type":                {listed: true, sorts: true},
			"status":                    {listed: true, sorts: true},
			"source_run_id":             {listed: true, sorts: true},
			"creation_timestamp":        {number: true, sorts: true},
			"creation_timestamp_ms":     {name: "creation_timestamp", number: true, sorts: true},
			"creation_time":             {name: "creation_timestamp", number: true, sorts: true},
			"last_updated_timestamp":    {number: true, sorts: true},
			"last_updated_timestamp_ms": {name: "last_updated_timestamp", number: true, sorts: true},
			"last_updated_time":         {name: "last_updated_timestamp", number: true, sorts: true},
		},
		wording: loggedModelWording,
	},
	RegisteredModels: {
		entities: fewEntities,
		attributes: map[string]attribute{
			"name":                   {listed: true, sorts: true},
			"timestamp":              {name: "last_updated_timestamp", sorts: true, silent: true},
			"last_updated_timestamp": {sorts: true, silent: true},
		},
		wording: registeredModelWording,
	},
	ModelVersions: {
		entities: fewEntities,
		attributes: map[string]attribute{
			"name":                   {listed: true, sorts: true},
			"run_id":                 {listed: true},
			"source_path":            {},
			"version_number":         {number: true, whole: true, sorts: true},
			"creation_timestamp":     {number: true, sorts: true, silent: true},
			"last_updated_timestamp": {number: true, sorts: true, silent: true},
		},
		wording: modelVersionWording,
	},
}

// keys lists the attributes that pass, as MLflow prints a set.
func (t table) keys(pass func(attribute) bool) string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(t.attributes)) {
		if pass(t.attributes[key]) {
			keys = append(keys, key)
		}
	}
	return "{" + quoteAll(keys) + "}"
}

// searchable are the keys that a filter may name.
func searchable(a attribute) bool { return !a.silent }

// sortable are the keys that order_by may name.
func sortable(a attribute) bool { return a.sorts }

// ops are the operators that a key takes, IS NULL aside.
func (k Kind) ops(entity Entity, a attribute) []Op {
	switch {
	case entity == Metric || entity == Attribute && a.number:
		return numberOps
	case k == Experiments && a.listed:
		return idOps
	case entity == Dataset || k == LoggedModels:
		return listOps
	case entity == Attribute && (a.listed || k == Runs):
		return listOps
	}
	return textOps
}

func quoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = "'" + word + "'"
	}
	return strings.Join(quoted, ", ")
}

func opList(ops []Op) string {
	words := make([]string, len(ops))
	for i, op := range ops {
		words[i] = op.String()
	}
	return fmt.Sprintf("{%s}", quoteAll(words))
}
