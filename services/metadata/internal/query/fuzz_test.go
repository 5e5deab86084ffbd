package query_test

import (
	"reflect"
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/query"
)

// What is parsed is printed so that it is parsed again, and what is not is said
// to be invalid.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"", "metrics.`a b` >= -1.5e3 AND params.x LIKE '%it''s%'", "run_id IN ('a', \"b\",) and tags.x is not null",
		"attribute.start_time < 12 AND datasets.context != 'x' AND name='\\'", "`metrics`.`a` = .5", "a.b.c = 'x';;", "'", "version_number='1'",
	} {
		f.Add(uint8(0), text)
	}
	f.Fuzz(func(t *testing.T, kind uint8, text string) {
		k := query.Kind(kind % 5)
		filter, err := query.Parse(k, text)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("%q: %v, want an Invalid fault", text, err)
			}
			return
		}
		again, err := query.Parse(k, filter.String())
		if err != nil || !reflect.DeepEqual(again, filter) {
			t.Errorf("%q was printed as %q, which is %v, %v", text, filter, again, err)
		}
	})
}

func FuzzParseOrder(f *testing.F) {
	for _, text := range []string{"", "metrics.`a b` DESC", "name", "tags.\"x\" asc", "timestamp"} {
		f.Add(uint8(0), text)
	}
	f.Fuzz(func(t *testing.T, kind uint8, text string) {
		k := query.Kind(kind % 5)
		orders, err := query.ParseOrder(k, []string{text})
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("%q: %v, want an Invalid fault", text, err)
			}
			return
		}
		again, err := query.ParseOrder(k, []string{orders[0].String()})
		if err != nil || !reflect.DeepEqual(again, orders) {
			t.Errorf("%q was printed as %q, which is %v, %v", text, orders[0], again, err)
		}
	})
}
