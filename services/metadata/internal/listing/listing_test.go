package listing_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/listing"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

var table = listing.Table{
	Columns: map[string]listing.Column{
		"name":        {Name: "name"},
		"uri":         {Name: "uri", Begins: true},
		"create_time": {Name: "created_at", Kind: listing.Time},
	},
	Default: "create_time",
}

func text(operation metav1.Predicate_Operation, key, value string) *metav1.Predicate {
	return &metav1.Predicate{Operation: operation, Key: key, Value: &metav1.Predicate_StringValue{StringValue: value}}
}

func oneOf(key string, values ...string) *metav1.Predicate {
	return &metav1.Predicate{
		Operation: metav1.Predicate_IN, Key: key,
		Value: &metav1.Predicate_StringValues_{StringValues: &metav1.Predicate_StringValues{Values: values}},
	}
}

func when(operation metav1.Predicate_Operation, key string, t time.Time) *metav1.Predicate {
	return &metav1.Predicate{
		Operation: operation, Key: key,
		Value: &metav1.Predicate_TimestampValue{TimestampValue: timestamppb.New(t)},
	}
}

func number(key string, value int32) *metav1.Predicate {
	return &metav1.Predicate{Operation: metav1.Predicate_EQUALS, Key: key, Value: &metav1.Predicate_IntValue{IntValue: value}}
}

func TestWhere(t *testing.T) {
	tests := []struct {
		name       string
		predicates []*metav1.Predicate
		sql        string
		args       int
	}{
		{"equals", []*metav1.Predicate{text(metav1.Predicate_EQUALS, "name", "x")}, "name = ?", 1},
		{"and", []*metav1.Predicate{
			text(metav1.Predicate_NOT_EQUALS, "name", "x"), when(metav1.Predicate_LESS_THAN, "create_time", time.Unix(1, 0)),
		}, "name <> ? AND created_at < ?", 2},
		{"time as text", []*metav1.Predicate{text(metav1.Predicate_GREATER_THAN_EQUALS, "create_time", "2026-01-31T12:00:00Z")}, "created_at >= ?", 1},
		{"in", []*metav1.Predicate{oneOf("name", "a", "b")}, "name IN (?, ?)", 2},
		{"equals, by its beginning", []*metav1.Predicate{text(metav1.Predicate_EQUALS, "uri", "x")}, "substr(uri, 1, 256) = ? AND uri = ?", 2},
		{"in, by beginnings", []*metav1.Predicate{oneOf("uri", "a", "b")}, "substr(uri, 1, 256) IN (?, ?) AND uri IN (?, ?)", 4},
		{"more than, of what begins", []*metav1.Predicate{text(metav1.Predicate_GREATER_THAN, "uri", "x")}, "uri > ?", 1},
		{"in nothing", []*metav1.Predicate{oneOf("name")}, "1 = 0", 0},
		{"substring", []*metav1.Predicate{text(metav1.Predicate_IS_SUBSTRING, "name", "%'--")}, "instr(name, ?) > 0", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			where, err := table.Where(sqlstore.SQLite, &metav1.Filter{Predicates: test.predicates})
			if err != nil {
				t.Fatal(err)
			}
			if where.Text() != test.sql || len(where.Args()) != test.args {
				t.Errorf("%q with %d values, want %q with %d", where.Text(), len(where.Args()), test.sql, test.args)
			}
		})
	}
}

func TestWhereRefuses(t *testing.T) {
	equals := metav1.Predicate_EQUALS
	tests := []struct {
		name      string
		predicate *metav1.Predicate
		field     string
	}{
		{"unknown key", text(equals, "created_at", "x"), "filter.predicates[1].key"},
		{"injected key", text(equals, "name = name OR name", "x"), "filter.predicates[1].key"},
		{"no operation", text(metav1.Predicate_OPERATION_UNSPECIFIED, "name", "x"), "filter.predicates[1].operation"},
		{"unknown operation", text(4, "name", "x"), "filter.predicates[1].operation"},
		{"number", number("name", 3), "filter.predicates[1].value"},
		{"number as time", number("create_time", 3), "filter.predicates[1].value"},
		{"no value", &metav1.Predicate{Operation: equals, Key: "name"}, "filter.predicates[1].value"},
		{"text as time", text(equals, "create_time", "yesterday"), "filter.predicates[1].string_value"},
		{"time as text", when(equals, "name", time.Now()), "filter.predicates[1].timestamp_value"},
		{"in of one value", text(metav1.Predicate_IN, "name", "x"), "filter.predicates[1].value"},
		{"substring of a time", text(metav1.Predicate_IS_SUBSTRING, "create_time", "2026"), "filter.predicates[1]"},
		{"long list", oneOf("name", make([]string, 1001)...), "filter.predicates[1].string_values"},
		{"bad time in list", oneOf("create_time", "2026-01-31T12:00:00Z", "x"), "filter.predicates[1].string_values.values[1]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := table.Where(sqlstore.SQLite, &metav1.Filter{Predicates: []*metav1.Predicate{text(equals, "name", "x"), test.predicate}})
			invalid(t, err, test.field)
		})
	}
	_, err := table.Where(sqlstore.SQLite, &metav1.Filter{Predicates: make([]*metav1.Predicate, 65)})
	invalid(t, err, "filter.predicates")
}

func TestParseOrder(t *testing.T) {
	for orderBy, by := range map[string]string{
		"":                 "ORDER BY created_at, uid",
		"name":             "ORDER BY name, uid",
		" name  asc ":      "ORDER BY name, uid",
		"create_time desc": "ORDER BY created_at DESC, uid DESC",
	} {
		order, err := table.ParseOrder(orderBy)
		if err != nil || order.By() != by {
			t.Errorf("ParseOrder(%q) = %q, %v; want %q", orderBy, order.By(), err, by)
		}
	}
	for _, orderBy := range []string{"desc", "name down", "name desc, uid", "name;", "created_at"} {
		_, err := table.ParseOrder(orderBy)
		invalid(t, err, "order_by")
	}
}

func TestTokenGoesOnWhereItWasMade(t *testing.T) {
	order, where := mustOrder(t, "create_time desc"), mustWhere(t, "x")
	token := listing.Token(where, order, listing.Position{Value: "2026-01-31T12:00:00.000000001Z", UID: "u"})
	after, err := listing.ParseToken(token, where, order)
	if err != nil {
		t.Fatal(err)
	}
	want := time.Date(2026, 1, 31, 12, 0, 0, 1, time.UTC).UnixNano()
	if after.Text() != "(created_at, uid) < (?, ?)" || after.Args()[0] != want || after.Args()[1] != "u" {
		t.Errorf("the token stands for %q %v", after.Text(), after.Args())
	}
}

func TestTokenIsBoundToItsList(t *testing.T) {
	order, where := mustOrder(t, "name"), mustWhere(t, "x")
	token := listing.Token(where, order, listing.Position{Value: "v", UID: "u"})
	for name, parse := range map[string]func() (*sqlstore.Query, error){
		"other filter":    func() (*sqlstore.Query, error) { return listing.ParseToken(token, mustWhere(t, "y"), order) },
		"no filter":       func() (*sqlstore.Query, error) { return listing.ParseToken(token, nil, order) },
		"other direction": func() (*sqlstore.Query, error) { return listing.ParseToken(token, where, mustOrder(t, "name desc")) },
		"other key":       func() (*sqlstore.Query, error) { return listing.ParseToken(token, where, mustOrder(t, "")) },
		"noise":           func() (*sqlstore.Query, error) { return listing.ParseToken("no token", where, order) },
		"cut":             func() (*sqlstore.Query, error) { return listing.ParseToken(token[:len(token)-3], where, order) },
		"JSON of another": func() (*sqlstore.Query, error) { return listing.ParseToken("e30", where, order) },
	} {
		_, err := parse()
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		invalid(t, err, "page_token")
	}
}

func mustOrder(t *testing.T, orderBy string) listing.Order {
	t.Helper()
	order, err := table.ParseOrder(orderBy)
	if err != nil {
		t.Fatal(err)
	}
	return order
}

func mustWhere(t *testing.T, name string) *sqlstore.Query {
	t.Helper()
	where, err := table.Where(sqlstore.SQLite, &metav1.Filter{Predicates: []*metav1.Predicate{text(metav1.Predicate_EQUALS, "name", name)}})
	if err != nil {
		t.Fatal(err)
	}
	return where
}

// invalid expects an Invalid fault about one field.
func invalid(t *testing.T, err error, field string) {
	t.Helper()
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), ": "+field+": ") {
		t.Errorf("error %v, want Invalid at %s", err, field)
	}
}
