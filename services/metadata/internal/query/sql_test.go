package query_test

import (
	"testing"

	"github.com/kfmesh/kfmesh/services/metadata/internal/query"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

// A text that matches in one engine matches in the other.
func TestWhereOnTexts(t *testing.T) {
	tests := []struct {
		value, filter string
		want          bool
	}{
		{"Abc", "name = 'Abc'", true},
		{"Abc", "name = 'abc'", false},
		{"Abc", "name != 'abc'", true},
		{"Abc", "name LIKE 'A%'", true},
		{"Abc", "name LIKE 'a%'", false},
		{"Abc", "name LIKE 'A_c'", true},
		{"Abc", "name LIKE 'A_'", false},
		{"Abc", "name LIKE '%'", true},
		{"", "name LIKE '%'", true},
		{"", "name LIKE '_'", false},
		{"aébc", "name LIKE 'a_bc'", true},
		{"abc", "name LIKE 'a*'", false},
		{"a*", "name LIKE 'a*'", true},
		{"a?[x]", "name LIKE 'a?[_]'", true},
		{"ax", "name LIKE 'a[xyz]'", false},
		{`a\c`, `name LIKE 'a\_'`, true},
		{`a_`, `name LIKE 'a\_'`, false},
		{`C:\`, `name ILIKE 'c:\'`, true},
		{"Abc", "name ILIKE 'a%'", true},
		{"Abc", "name ILIKE 'aB_'", true},
		{"É", "name ILIKE 'é'", false},
		{"É", "name ILIKE '_'", true},
		{"a*", "name ILIKE 'A*'", true},
		{"abc", "name ILIKE 'A*'", false},
		{"x", "name IN ('x', 'y')", true},
		{"X", "name IN ('x', 'y')", false},
		{"X", "name NOT IN ('x', 'y')", true},
		{"x", "name NOT IN ('x', 'y')", false},
	}
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		for _, test := range tests {
			filter, err := query.Parse(registered, test.filter)
			if err != nil {
				t.Fatal(err)
			}
			q := sqlstore.Q("SELECT COUNT(*) FROM (SELECT CAST(? AS TEXT) AS name) AS one WHERE", test.value).
				Append(filter[0].Where(db.Dialect(), "name"))
			if db.Dialect() == sqlstore.Postgres { // as columns have it
				q = sqlstore.Q(`SELECT COUNT(*) FROM (SELECT CAST(? AS TEXT) COLLATE "C" AS name) AS one WHERE`, test.value).
					Append(filter[0].Where(db.Dialect(), "name"))
			}
			var n int
			err = db.Read(t.Context(), func(tx *sqlstore.Tx) error {
				_, err := tx.Row(t.Context(), q, &n)
				return err
			})
			if err != nil || (n == 1) != test.want {
				t.Errorf("%q: %s is %v, %v; want %v", test.value, test.filter, n == 1, err, test.want)
			}
		}
	})
}

func TestWhereHoldsNoValue(t *testing.T) {
	for text, want := range map[string]string{
		"metrics.a >= 0.5":               "x >= ?",
		"start_time < 12":                "x < ?",
		"params.a != 'x'' OR 1=1 --'":    "x != ?",
		"run_id NOT IN ('a', 'b')":       "x NOT IN (?, ?)",
		"dataset.name LIKE '%'' OR 1=1'": "x GLOB ?",
		"tags.a ILIKE '%'":               "x LIKE ?",
	} {
		filter, err := query.Parse(runs, text)
		if err != nil {
			t.Fatal(err)
		}
		if where := filter[0].Where(sqlstore.SQLite, "x"); where.Text() != want {
			t.Errorf("%s became %q, want %q", text, where.Text(), want)
		}
	}
}
