package list

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/kfmesh/kfmesh/internal/fault"
)

type item struct {
	id, name string
	created  time.Time
}

var fields = Fields[item]{
	ID: func(i item) string { return i.id },
	Key: map[string]Field[item]{
		"id":         {Text: func(i item) string { return i.id }},
		"name":       {Text: func(i item) string { return i.name }},
		"created_at": {Time: func(i item) *timestamppb.Timestamp { return timestamppb.New(i.created) }},
	},
}

type request struct {
	token, sortBy, filter string
	size                  int32
}

func (r request) GetPageToken() string { return r.token }
func (r request) GetPageSize() int32   { return r.size }
func (r request) GetSortBy() string    { return r.sortBy }
func (r request) GetFilter() string    { return r.filter }

func day(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }

var items = []item{
	{"3", "train", day(3)},
	{"1", "train", day(1)},
	{"2", "evaluate", day(2)},
	{"4", "Load 100%", day(2)},
}

func run(t *testing.T, r request) (Page[item], error) {
	t.Helper()
	q, err := Parse(r)
	if err != nil {
		return Page[item]{}, err
	}
	return Select(q, fields, items)
}

func ids(items []item) string {
	var b strings.Builder
	for _, i := range items {
		b.WriteString(i.id)
	}
	return b.String()
}

func TestSelect(t *testing.T) {
	t.Parallel()
	predicate := func(p string) string { return `{"predicates":[` + p + `]}` }
	for name, test := range map[string]struct {
		request
		want string
	}{
		"default order":          {request{}, "1243"},
		"descending":             {request{sortBy: "created_at desc"}, "3421"},
		"ties by id":             {request{sortBy: "name asc"}, "4213"},
		"ties by id, reversed":   {request{sortBy: "name DESC"}, "3124"},
		"enum number, camelCase": {request{filter: predicate(`{"operation":1,"key":"name","stringValue":"train"}`)}, "13"},
		"enum name, snake_case":  {request{filter: predicate(`{"operation":"NOT_EQUALS","key":"name","string_value":"train"}`)}, "24"},
		"URL-encoded":            {request{filter: url.QueryEscape(predicate(`{"operation":"EQUALS","key":"name","string_value":"evaluate"}`))}, "2"},
		"percent in plain JSON":  {request{filter: predicate(`{"operation":"EQUALS","key":"name","string_value":"Load 100%"}`)}, "4"},
		"substring":              {request{filter: predicate(`{"operation":"IS_SUBSTRING","key":"name","string_value":"ai"}`)}, "13"},
		"in":                     {request{filter: predicate(`{"operation":"IN","key":"id","string_values":{"values":["4","1","9"]}}`)}, "14"},
		"in nothing":             {request{filter: predicate(`{"operation":"IN","key":"id","string_values":{}}`)}, ""},
		"later than":             {request{filter: predicate(`{"operation":"GREATER_THAN","key":"created_at","timestamp_value":"2026-01-02T00:00:00Z"}`)}, "3"},
		"time as text":           {request{filter: predicate(`{"operation":"LESS_THAN_EQUALS","key":"created_at","string_value":"2026-01-02T00:00:00Z"}`)}, "124"},
		"both must hold": {request{filter: predicate(`{"operation":"LESS_THAN","key":"id","string_value":"3"},` +
			`{"operation":"GREATER_THAN_EQUALS","key":"id","string_value":"2"}`)}, "2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := run(t, test.request)
			if err != nil {
				t.Fatal(err)
			}
			if got := ids(page.Items); got != test.want || page.Total != len(test.want) {
				t.Errorf("got %q, total %d; want %q", got, page.Total, test.want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		request
		field string
	}{
		"negative size":       {request{size: -1}, "page_size"},
		"unknown sort key":    {request{sortBy: "colour"}, "sort_by"},
		"unknown direction":   {request{sortBy: "name up"}, "sort_by"},
		"filter is no JSON":   {request{filter: "name=x"}, "filter"},
		"broken encoding":     {request{filter: "%zz"}, "filter"},
		"unknown filter part": {request{filter: `{"predicate":[]}`}, "filter"},
		"unknown filter key":  {request{filter: `{"predicates":[{"operation":1,"key":"x","stringValue":""}]}`}, "filter.predicates[0].key"},
		"no operation":        {request{filter: `{"predicates":[{"key":"name","stringValue":""}]}`}, "filter.predicates[0].operation"},
		"number for text":     {request{filter: `{"predicates":[{"operation":1,"key":"name","int_value":1}]}`}, "filter.predicates[0]"},
		"not a time":          {request{filter: `{"predicates":[{"operation":1,"key":"created_at","string_value":"x"}]}`}, "filter.predicates[0].string_value"},
		"token is no base64":  {request{token: "?"}, "page_token"},
		"token is no JSON":    {request{token: "eA"}, "page_token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := run(t, test.request)
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), test.field+": ") {
				t.Errorf("got %v, want an invalid fault at %s", err, test.field)
			}
		})
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	for _, sortBy := range []string{"", "created_at desc", "name", "name desc", "id"} {
		whole, err := run(t, request{sortBy: sortBy})
		if err != nil {
			t.Fatal(err)
		}
		for size := int32(1); size <= 5; size++ {
			var all []item
			r := request{sortBy: sortBy, size: size}
			for {
				page, err := run(t, r)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, page.Items...)
				if r.token = page.Next; r.token == "" {
					break
				}
			}
			if !slices.Equal(all, whole.Items) {
				t.Errorf("pages of %d by %q hold %s, the whole list is %s", size, sortBy, ids(all), ids(whole.Items))
			}
		}
	}
}

func TestTokenBelongsToItsList(t *testing.T) {
	t.Parallel()
	page, err := run(t, request{size: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []request{
		{token: page.Next, sortBy: "name"},
		{token: page.Next, sortBy: "created_at desc"},
		{token: page.Next, filter: `{"predicates":[{"operation":1,"key":"name","stringValue":"train"}]}`},
	} {
		if _, err := run(t, other); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: got %v, want an invalid fault", other, err)
		}
	}
}

func TestPageSizeIsBounded(t *testing.T) {
	t.Parallel()
	for asked, want := range map[int32]int{0: 20, 1: 1, 200: 200, 201: 200, 1 << 30: 200} {
		if q, err := Parse(request{size: asked}); err != nil || q.Size != want {
			t.Errorf("page size %d became %d, %v; want %d", asked, q.Size, err, want)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add(`{"predicates":[{"operation":1,"key":"name","stringValue":"x"}]}`)
	f.Add(`%7B%22predicates%22%3A%5B%5D%7D`)
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(request{filter: text})
		if err == nil {
			_, err = Select(q, fields, items)
		}
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: got %v, want an invalid fault", text, err)
		}
	})
}

func FuzzToken(f *testing.F) {
	f.Add("eyJsIjoiIiwidiI6IiIsImkiOiIifQ", "created_at")
	f.Add(Query{Key: "name"}.Token(Position{Value: "train", ID: "1"}), "name")
	f.Add(Query{Key: defaultOrder}.Token(Position{Value: "no time", ID: "1"}), "")
	f.Fuzz(func(t *testing.T, text, sortBy string) {
		q, err := Parse(request{token: text, sortBy: sortBy})
		if err == nil {
			_, err = Select(q, fields, items)
		}
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: got %v, want an invalid fault", text, err)
		}
	})
}

func ExampleParse() {
	q, err := Parse(request{sortBy: "created_at desc", size: 2}, Equals("name", "train"))
	if err != nil {
		fmt.Println(err)
		return
	}
	page, err := Select(q, fields, items)
	fmt.Println(ids(page.Items), page.Total, err)
	// Output: 31 2 <nil>
}
