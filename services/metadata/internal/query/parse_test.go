package query_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/query"
)

const (
	runs       = query.Runs
	exps       = query.Experiments
	logged     = query.LoggedModels
	registered = query.RegisteredModels
	versions   = query.ModelVersions
)

func filter(entity query.Entity, key string, op query.Op, value query.Value) query.Filter {
	return query.Filter{{Entity: entity, Key: key, Op: op, Value: value}}
}

func TestParse(t *testing.T) {
	tests := []struct {
		kind query.Kind
		text string
		want query.Filter
	}{
		{runs, "", nil},
		{runs, " \t\n", nil},
		{runs, "metric.acc >= 0.94", filter(query.Metric, "acc", query.GreaterEqual, query.Number(0.94))},
		{runs, "metric.acc>=100", filter(query.Metric, "acc", query.GreaterEqual, query.Number(100))},
		{runs, "metrics.a>-1e-3", filter(query.Metric, "a", query.Greater, query.Number(-0.001))},
		{runs, "metrics.a < .5", filter(query.Metric, "a", query.Less, query.Number(0.5))},
		{runs, "metrics.a < 1e400", filter(query.Metric, "a", query.Less, query.Number(math.Inf(1)))},
		{runs, "params.m!='tf'", filter(query.Param, "m", query.NotEqual, query.Text("tf"))},
		{runs, `params."m"!="tf"`, filter(query.Param, "m", query.NotEqual, query.Text("tf"))},
		{runs, `metric."legit name" >= 0.243`, filter(query.Metric, "legit name", query.GreaterEqual, query.Number(0.243))},
		{runs, `metrics."X//Y#$$@&Z" = 3`, filter(query.Metric, "X//Y#$$@&Z", query.Equal, query.Number(3))},
		{runs, "metrics.X/Y-Z = 3", filter(query.Metric, "X/Y-Z", query.Equal, query.Number(3))},
		{runs, "metrics.`spacey name` > 5", filter(query.Metric, "spacey name", query.Greater, query.Number(5))},
		{runs, "`metric`.a >= 0.1", filter(query.Metric, "a", query.GreaterEqual, query.Number(0.1))},
		{runs, "`metrics`.`a.b` >= 0.1", filter(query.Metric, "a.b", query.GreaterEqual, query.Number(0.1))},
		{runs, "tags.mlflow.user = 'x'", filter(query.Tag, "mlflow.user", query.Equal, query.Text("x"))},
		{runs, `params.m = "L'Hosp"`, filter(query.Param, "m", query.Equal, query.Text("L'Hosp"))},
		{runs, `params.m = 'L''Hosp'`, filter(query.Param, "m", query.Equal, query.Text("L'Hosp"))},
		{runs, `params.m = '\'`, filter(query.Param, "m", query.Equal, query.Text(`\`))},
		{runs, "params.`a``b` = ''", filter(query.Param, "a`b", query.Equal, query.Text(""))},
		{runs, "params.m like '%x_'", filter(query.Param, "m", query.Like, query.Text("%x_"))},
		{runs, "parameter.m ILIKE '%x_'", filter(query.Param, "m", query.ILike, query.Text("%x_"))},
		{runs, "tags.a IS  NULL", filter(query.Tag, "a", query.IsNull, nil)},
		{runs, "params.a is not\tnull", filter(query.Param, "a", query.IsNotNull, nil)},
		{runs, "attribute.start_time >= 1234", filter(query.Attribute, "start_time", query.GreaterEqual, query.Whole(1234))},
		{runs, "Created < 1.5", filter(query.Attribute, "start_time", query.Less, query.Number(1.5))},
		{runs, "run.status = 'RUNNING'", filter(query.Attribute, "status", query.Equal, query.Text("RUNNING"))},
		{runs, "attr.`Run name` = 'x'", filter(query.Attribute, "run_name", query.Equal, query.Text("x"))},
		{runs, "`Run Name` LIKE 'x'", filter(query.Attribute, "run_name", query.Like, query.Text("x"))},
		{runs, "run_id in ('a',\"b\")", filter(query.Attribute, "run_id", query.In, query.List{"a", "b"})},
		{runs, "attributes.run_id NOT  IN ('a',)", filter(query.Attribute, "run_id", query.NotIn, query.List{"a"})},
		{runs, "datasets.context IN ('train')", filter(query.Dataset, "context", query.In, query.List{"train"})},
		{runs, "dataset.name LIKE 'x%'", filter(query.Dataset, "name", query.Like, query.Text("x%"))},
		{runs, "metrics.rmse < 1 and params.model_class = 'LR'", query.Filter{
			{Entity: query.Metric, Key: "rmse", Op: query.Less, Value: query.Number(1)},
			{Entity: query.Param, Key: "model_class", Op: query.Equal, Value: query.Text("LR")},
		}},
		{runs, "AND params.and='x'AND AND params.b='y' tags.c IS NULL AND", query.Filter{
			{Entity: query.Param, Key: "and", Op: query.Equal, Value: query.Text("x")},
			{Entity: query.Param, Key: "b", Op: query.Equal, Value: query.Text("y")},
			{Entity: query.Tag, Key: "c", Op: query.IsNull},
		}},
		{exps, "name ILIKE 'x%'", filter(query.Attribute, "name", query.ILike, query.Text("x%"))},
		{exps, "experiment_id IN ('1', '2')", filter(query.Attribute, "experiment_id", query.In, query.List{"1", "2"})},
		{exps, "creation_time > 5", filter(query.Attribute, "creation_time", query.Greater, query.Whole(5))},
		{exps, "attribute.last_update_time != 5", filter(query.Attribute, "last_update_time", query.NotEqual, query.Whole(5))},
		{exps, "tag.a IS NOT NULL", filter(query.Tag, "a", query.IsNotNull, nil)},
		{logged, "creation_time >= 1.5", filter(query.Attribute, "creation_timestamp", query.GreaterEqual, query.Number(1.5))},
		{logged, "model_type IN ('a')", filter(query.Attribute, "model_type", query.In, query.List{"a"})},
		{logged, "params.lr NOT IN ('a')", filter(query.Param, "lr", query.NotIn, query.List{"a"})},
		{logged, "metrics.a-b = 1", filter(query.Metric, "a-b", query.Equal, query.Number(1))},
		{registered, "name LIKE 'x%'", filter(query.Attribute, "name", query.Like, query.Text("x%"))},
		{registered, "name NOT IN ('x')", filter(query.Attribute, "name", query.NotIn, query.List{"x"})},
		{registered, "tags.`a b` = 'x'", filter(query.Tag, "a b", query.Equal, query.Text("x"))},
		{versions, "version_number >= 2", filter(query.Attribute, "version_number", query.GreaterEqual, query.Whole(2))},
		{versions, "version_number = '2'", filter(query.Attribute, "version_number", query.Equal, query.Whole(2))},
		{versions, "run_id IN ('a')", filter(query.Attribute, "run_id", query.In, query.List{"a"})},
		{versions, "source_path = 's'", filter(query.Attribute, "source_path", query.Equal, query.Text("s"))},
	}
	for _, test := range tests {
		got, err := query.Parse(test.kind, test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
		} else if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s = %v, want %v", test.text, got, test.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		kind    query.Kind
		text    string
		message string // how it begins
		at      string // of which character it speaks
	}{
		{runs, "metric.acc >= 0.94; metrics.rmse < 1", "Search filter contained multiple expression", "19"},
		{runs, "params.a = 'x';", "Invalid clause(s) in filter string: ';'", "15"},
		{runs, "m.acc >= 0.94", "Invalid entity type 'm'. Valid values are ['metric', ", "1"},
		{runs, "metrics.é > 1 AND Metrics.a > 1", "Invalid entity type 'Metrics'", "19"},
		{runs, "acc >= 0.94", "Invalid attribute key 'acc' specified. Valid keys are '{'Created', ", "1"},
		{runs, "attribute.experiment_id != 1", "Invalid attribute key", "1"},
		{runs, "foo is null", "Invalid attribute key", "1"},
		{runs, "metrics.A > 0.1 OR params.B = 'LR'", "Invalid clause(s) in filter string: 'OR'", "17"},
		{runs, "metrics.A > 0.1 AND (params.B = 'LR')", "Invalid clause(s) in filter string: '('", "21"},
		{runs, "NOT params.A = 'x'", "Invalid clause(s) in filter string: 'NOT'", "1"},
		{runs, "`metrics.A > 0.1", "Invalid clause(s) in filter string: '`metrics.A > 0.1': the quote ` is never closed", "1"},
		{runs, "param`.A > 0.1", "Invalid clause(s) in filter string", "1"},
		{runs, "'params'.A = 'x'", "Invalid clause(s) in filter string: ''params'.A'", "1"},
		{runs, "params.acc = 'LR", "Invalid clause(s) in filter string: ''LR'", "14"},
		{runs, "params.acc = \"LR'", "Invalid clause(s) in filter string", "14"},
		{runs, "tags.acc = = 'LR'", "Invalid clause(s) in filter string: '='", "12"},
		{runs, "params. = 'LR'", "Invalid clause(s) in filter string: 'params.'", "1"},
		{runs, "attribute.status IS 'RUNNING'", "Invalid clause(s) in filter string", "1"},
		{runs, "params.acc LR !=", "Invalid clause(s) in filter string: 'params.acc'", "1"},
		{runs, "metric.acc !=", "Invalid clause(s) in filter string: 'metric.acc !='", "1"},
		{runs, "1==2", "Invalid comparison clause. Expected 'Identifier' found '1'", "1"},
		{runs, "1.0 > metrics.acc", "Invalid comparison clause. Expected 'Identifier' found '1.0'", "1"},
		{runs, "'status' = 'x'", "Invalid comparison clause. Expected 'Identifier' found ''status''", "1"},
		{runs, "metric.model = '5'", "Expected numeric value type for metric. Found '5'", "16"},
		{runs, "metric.model > nan", "Expected numeric value type for metric. Found nan", "16"},
		{runs, "metric.model > 0x10", "Expected numeric value type for metric", "16"},
		{runs, "metric.model > 1_0", "Expected numeric value type for metric", "16"},
		{runs, "metrics.acc != metrics.acc", "Expected numeric value type for metric", "16"},
		{runs, "metrics.acc IN (1)", "While parsing a list in the query", "17"},
		{runs, "params.acc = 5", "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 5", "14"},
		{runs, "params.acc = LR", "Parameter value is either not quoted or unidentified quote types used for string value LR", "14"},
		{runs, "params.acc = `LR`", "Parameter value is either not quoted or unidentified quote types", "14"},
		{runs, "params.a IN ('x')", "Expected a quoted string value for parameter", "13"},
		{runs, "attribute.status = 1", "Expected a quoted string value for attributes. Got value 1", "20"},
		{runs, "start_time > 'x'", "Expected numeric value type for numeric attribute: start_time. Found 'x'", "14"},
		{runs, "params.abc > 'x'", "Invalid comparator '>' not one of '{'!=', '=', 'LIKE', 'ILIKE', 'IS NULL', 'IS NOT NULL'}'", "12"},
		{runs, "params.abc == 'x'", "Invalid comparator '=='", "12"},
		{runs, "params.abc <> 'x'", "Invalid comparator '<>'", "12"},
		{runs, "params.abc NOT LIKE 'x'", "Invalid comparator 'NOT LIKE'", "12"},
		{runs, "params.abc RLIKE 'x'", "Invalid comparator 'RLIKE'", "12"},
		{runs, "metrics.abc ~ 1.0", "Invalid comparator '~' not one of", "13"},
		{runs, "attributes.start_time LIKE 1234", "Invalid comparator 'LIKE'", "23"},
		{runs, "datasets.name >= 'x'", "Invalid comparator '>='", "15"},
		{runs, "dataset.status = 'true'", "Invalid dataset key 'status'", "1"},
		{runs, "dataset.name = 1", "Expected a quoted string value for dataset attributes", "16"},
		{runs, "metrics.acc IS NULL", "IS NULL / IS NOT NULL is only supported for tags and params, not for 'metric' 'acc'", "1"},
		{runs, "status IN ('a')", "Only ['run_id'] attributes support comparison with a list of quoted string values.", "11"},
		{runs, "run_id IN 'a'", "Invalid clause(s) in filter string", "11"},
		{runs, "run_id IN ()", "While parsing a list in the query, expected a non-empty list of string values, but got empty list", "11"},
		{runs, "run_id IN (1)", "While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type in list", "12"},
		{runs, "run_id IN ('a' 'b')", "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list", "16"},
		{runs, "run_id IN (,)", "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list", "12"},
		{runs, "run_id IN ('a'", "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list", "15"},
		{runs, "run_id = ('a')", "Invalid comparator", "8"},
		{exps, "attributes.name = 'x'", "Invalid entity type 'attributes'. Valid entity types are ('attribute', 'tag', 'tags')", "1"},
		{exps, "acc > 1", "Invalid attribute key 'acc' specified. Valid keys are '{'creation_time', 'experiment_id', 'last_update_time', 'name'}'", "1"},
		{exps, "name > 'x'", "Invalid comparator for string attribute: >", "6"},
		{exps, "name IN ('x')", "Only ['experiment_id'] attributes support comparison", "9"},
		{exps, "name IS NULL", "IS NULL / IS NOT NULL is only supported for tags, not for attribute 'name'", "1"},
		{exps, "tags.a > 'x'", "Invalid comparator for tag: >", "8"},
		{exps, "experiment_id > '1'", "Invalid comparator for experiment_id: >", "15"},
		{exps, "experiment_id = 'x'", "Invalid experiment ID: 'x'", "17"},
		{exps, "creation_time > 1.5", "Invalid value for numeric attribute 'creation_time': '1.5'", "17"},
		{exps, "creation_time LIKE 1", "Invalid comparator for numeric attribute: LIKE", "15"},
		{logged, "params.a >= 'x'", "Invalid comparison operator for params.a: '>='. Expected one of", "10"},
		{logged, "tags.a IS NULL", "Invalid comparison operator for tags.a: 'IS NULL'", "1"},
		{logged, "a > 1 OR b", "Invalid attribute key 'a'", "1"},
		{logged, "name = 'x' OR name = 'y'", "Invalid filter string: 'OR' is not expected there. Expected a list of comparisons separated by 'AND'", "12"},
		{logged, "datasets.name = 'x'", "Invalid entity type: 'datasets'. Expected one of ['attributes', 'metrics', 'params', 'tags']", "1"},
		{registered, "run_id = 'x'", "Invalid attribute key 'run_id' specified. Valid keys are '{'name'}'", "1"},
		{registered, "timestamp > 1", "Invalid attribute key 'timestamp'", "1"},
		{registered, "name = 1", "Expected a quoted string value or a list of quoted string values for attributes. Got value 1", "8"},
		{registered, "name = something", "Parameter value is either not quoted", "8"},
		{registered, "name > 'x'", "Invalid comparator for attribute: >", "6"},
		{registered, "tags.a > 'x'", "Invalid comparator for tag: >", "8"},
		{registered, "tags.a IS NULL", "Invalid comparator for tag: IS NULL", "1"},
		{versions, "version_number LIKE 1", "Invalid comparator for attribute version_number: LIKE", "16"},
		{versions, "version_number = 1.5", "Invalid value for numeric attribute 'version_number': '1.5'", "18"},
		{versions, "name = 1", "Only the '{'version_number'}' attributes support comparison with numeric values", "8"},
		{versions, "source_path IN ('a')", "Only ['name', 'run_id'] attributes support comparison", "16"},
		{versions, "creation_timestamp > 1", "Invalid attribute key 'creation_timestamp'", "1"},
	}
	for _, test := range tests {
		_, err := query.Parse(test.kind, test.text)
		switch {
		case !fault.Is(err, fault.Invalid):
			t.Errorf("%s: %v, want an Invalid fault", test.text, err)
		case !strings.HasPrefix(err.Error(), test.message):
			t.Errorf("%s: %q, want %q", test.text, err, test.message)
		case !strings.HasSuffix(err.Error(), " (character "+test.at+" of the filter)"):
			t.Errorf("%s: %q, want character %s", test.text, err, test.at)
		}
	}
}

func TestParseBoundsWhatAFilterHolds(t *testing.T) {
	many := strings.Repeat("params.a = 'x' AND ", 65)
	if _, err := query.Parse(runs, many); !fault.Is(err, fault.Invalid) {
		t.Errorf("65 comparisons: %v, want an Invalid fault", err)
	}
	if _, err := query.Parse(runs, many[:19*64]); err != nil {
		t.Errorf("64 comparisons: %v", err)
	}
	long := "run_id IN (" + strings.Repeat("'a',", 10_001) + ")"
	if _, err := query.Parse(runs, long); !fault.Is(err, fault.Invalid) {
		t.Errorf("10,001 ids: %v, want an Invalid fault", err)
	}
}
