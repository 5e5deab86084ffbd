package listing_test

import (
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/listing"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// safe is all that a compiled filter may consist of, whatever was asked for.
var safe = regexp.MustCompile(`^((name|created_at) (=|<>|<|<=|>|>=) \?|(name|created_at) IN \((\?, )*\?\)|instr\(name, \?\) > 0|1 = 0| AND )*$`)

func FuzzWhere(f *testing.F) {
	f.Add(`{"predicates":[{"operation":"EQUALS","key":"name","string_value":"x' OR 1=1 --"}]}`)
	f.Add(`{"predicates":[{"operation":1,"key":"create_time","stringValue":"2026-01-31T12:00:00Z"},{"operation":"IN","key":"name","string_values":{"values":["a","?"]}}]}`)
	f.Add(`{"predicates":[{"operation":"IS_SUBSTRING","key":"name","string_value":"%"}]}`)
	f.Add(`{"predicates":[{"operation":"LESS_THAN","key":"create_time","timestamp_value":"9999-12-31T23:59:59Z"}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		filter := new(metav1.Filter)
		if protojson.Unmarshal([]byte(body), filter) != nil {
			return
		}
		where, err := table.Where(sqlstore.SQLite, filter)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("%s: %v, want an Invalid fault", body, err)
			}
			return
		}
		if where == nil {
			return
		}
		if !safe.MatchString(where.Text()) {
			t.Errorf("%s became %q", body, where.Text())
		}
		if n := strings.Count(where.Text(), "?"); n != len(where.Args()) {
			t.Errorf("%s became %q with %d values", body, where.Text(), len(where.Args()))
		}
	})
}

func FuzzParseOrder(f *testing.F) {
	for _, orderBy := range []string{"", "name", "name desc", "create_time asc", "name; DROP TABLE artifacts", "\x00"} {
		f.Add(orderBy)
	}
	f.Fuzz(func(t *testing.T, orderBy string) {
		order, err := table.ParseOrder(orderBy)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("%q: %v, want an Invalid fault", orderBy, err)
			}
			return
		}
		switch order.By() {
		case "ORDER BY name, uid", "ORDER BY name DESC, uid DESC", "ORDER BY created_at, uid", "ORDER BY created_at DESC, uid DESC":
		default:
			t.Errorf("%q became %q", orderBy, order.By())
		}
	})
}

func FuzzParseToken(f *testing.F) {
	for _, orderBy := range []string{"name", "create_time"} {
		order, err := table.ParseOrder(orderBy)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(listing.Token(nil, order, listing.Position{Value: "2026-01-31T12:00:00Z", UID: "u"}))
	}
	f.Add("")
	f.Add("eyJsIjoiIn0")
	f.Fuzz(func(t *testing.T, token string) {
		for _, orderBy := range []string{"name", "create_time desc"} {
			order, err := table.ParseOrder(orderBy)
			if err != nil {
				t.Fatal(err)
			}
			after, err := listing.ParseToken(token, nil, order)
			switch {
			case err != nil && !fault.Is(err, fault.Invalid):
				t.Errorf("%q: %v, want an Invalid fault", token, err)
			case err == nil && after != nil && len(after.Args()) != 2:
				t.Errorf("%q became %q with %d values", token, after.Text(), len(after.Args()))
			case err == nil && after == nil && token != "":
				t.Errorf("%q was ignored", token)
			}
		}
	})
}
