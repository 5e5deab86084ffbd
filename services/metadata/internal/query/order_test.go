package query_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/query"
)

func TestParseOrder(t *testing.T) {
	tests := []struct {
		kind query.Kind
		text string
		want query.Order
	}{
		{runs, "metrics.a", query.Order{Entity: query.Metric, Key: "a"}},
		{runs, "metrics.`Mean Square Error`  aSc", query.Order{Entity: query.Metric, Key: "Mean Square Error"}},
		{runs, `metrics."key1"  desc`, query.Order{Entity: query.Metric, Key: "key1", Descending: true}},
		{runs, "params.a/b DESC ", query.Order{Entity: query.Param, Key: "a/b", Descending: true}},
		{runs, "tags.mlflow.runName", query.Order{Entity: query.Tag, Key: "mlflow.runName"}},
		{runs, "Created desc", query.Order{Key: "start_time", Descending: true}},
		{runs, "attribute.run_name", query.Order{Key: "run_name"}},
		{exps, "name DESC", query.Order{Key: "name", Descending: true}},
		{exps, "attribute.experiment_id", query.Order{Key: "experiment_id"}},
		{registered, "timestamp  DESC", query.Order{Key: "last_updated_timestamp", Descending: true}},
		{registered, "name", query.Order{Key: "name"}},
		{versions, "version_number DESC", query.Order{Key: "version_number", Descending: true}},
		{versions, "creation_timestamp", query.Order{Key: "creation_timestamp"}},
		{logged, "creation_time", query.Order{Key: "creation_timestamp"}},
	}
	for _, test := range tests {
		got, err := query.ParseOrder(test.kind, []string{test.text})
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if want := []query.Order{test.want}; !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %v, want %v", test.text, got, want)
		}
		if again, err := query.ParseOrder(test.kind, []string{got[0].String()}); err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%s = %v, %v; want %v", got[0], again, err, got)
		}
	}
}

func TestParseOrderRefuses(t *testing.T) {
	tests := []struct {
		kind    query.Kind
		text    string
		message string
	}{
		{runs, "m.acc", "Invalid entity type 'm'"},
		{runs, "acc", "Invalid attribute key 'acc' specified. Valid keys are '{'Created', 'artifact_uri'"},
		{runs, "`Run Name`", "Invalid attribute key 'Run Name'"},
		{runs, "`metrics.A", "Invalid order_by clause '`metrics.A'. Could not be parsed."},
		{runs, "metrics.A != 1", "Invalid order_by clause"},
		{runs, "", "Invalid order_by clause ''"},
		{runs, "1", "Invalid order_by clause '1'"},
		{runs, "metrics.a, metrics.b", "Invalid order_by clause"},
		{runs, "metrics.a NULLS LAST", "Invalid order_by clause"},
		{runs, "metrics.a DESC x", "Invalid order_by clause"},
		{runs, "attribute.run_id ACS", "Invalid ordering key in order_by clause 'attribute.run_id ACS'."},
		{runs, "datasets.name", "Invalid identifier type 'dataset'"},
		{exps, "tags.a", "Invalid order_by entity: tag"},
		{exps, "metrics.a", "Invalid entity type 'metrics'"},
		{registered, "creation_timestamp DESC", "Invalid order by key 'creation_timestamp' specified"},
		{registered, "last_updated_timestamp DESC blah", "Invalid order_by clause"},
		{registered, "tags.a", "Invalid order by key 'tags.a'"},
		{registered, "name aCs", "Invalid ordering key"},
		{versions, "run_id", "Invalid attribute key 'run_id' specified"},
	}
	for _, test := range tests {
		_, err := query.ParseOrder(test.kind, []string{test.text})
		if !fault.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), test.message) {
			t.Errorf("%s: %v, want %q", test.text, err, test.message)
		}
	}
	_, err := query.ParseOrder(runs, []string{"metrics.a", "attr.bad"})
	if err == nil || !strings.HasSuffix(err.Error(), "(character 1 of order_by[1])") {
		t.Errorf("%v, want a position in order_by[1]", err)
	}
	_, err = query.ParseOrder(runs, []string{"start_time", "Created DESC"})
	if err == nil || !strings.HasPrefix(err.Error(), "`order_by` contains duplicate fields") {
		t.Errorf("%v, want duplicates to be refused", err)
	}
}
