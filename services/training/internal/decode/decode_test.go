package decode_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/kfmesh/kfmesh/services/training/internal/decode"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

type embedded struct {
	Port decode.Scalar `json:"port" needed:"yes"`
}

type element struct {
	Name  string `json:"name" needed:"yes"`
	Proto string `json:"proto"`
	embedded
}

type whole struct {
	List    []element        `json:"list" unique:"name,proto=TCP"`
	Words   []string         `json:"words"`
	Labels  map[string]int32 `json:"labels"`
	Nothing bool             `json:"nothing" honoured:"no"`
	Any     any              `json:"any"`
}

func TestInto(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`{}`: nil,
		`{"list": [{"name": "a", "port": 1}, {"name": "a", "port": "b", "proto": "UDP"}]}`: nil,
		`{"list": [{"name": "a", "port": 1}, {"name": "a", "port": 1, "proto": "TCP"}]}`:   {`list[1]: Duplicate value: {"name":"a","proto":"TCP"}`},
		`{"list": [{}]}`: {"list[0].name: Required value", "list[0].port: Required value"},
		`{"list": [{"name": null, "port": null}]}`: {"list[0].name: Required value", "list[0].port: Required value"},
		`{"list": [null]}`:                         {`list[0]: Invalid value: "null": must be of type object`},
		`{"list": {}}`:                             {`list: Invalid value: "object": must be of type array`},
		`{"words": [null, 1]}`:                     {`words[0]: Invalid value: "null": must be of type string`, `words[1]: Invalid value: "1": must be of type string`},
		`{"labels": {"a": null, "b": 1}}`:          nil, // null is "not there", as for a field
		`{"labels": {"a": 3000000000}}`:            {"labels[a]: Invalid value: 3000000000: must be an integer of 32 bits"},
		`{"labels": {"a": 1.5}}`:                   {"labels[a]: Invalid value: 1.5: must be an integer of 32 bits"},
		`{"list": [{"name": "a", "port": ""}]}`:    {`list[0].port: Invalid value: "": must not be empty`},
		`{"list": [{"name": "a", "port": 1.5}]}`:   {`list[0].port: Invalid value: "1.5": must be of type string or integer`},
		`{"list": [{"name": "a", "port": true}]}`:  {`list[0].port: Invalid value: "true": must be of type string or integer`},
		`{"any": [null, {"a": 1}]}`:                nil,
	} {
		decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}
		p := &field.Problems{}
		decode.Into(value, &whole{}, "", p)
		var got []string
		if err := p.Err(); err != nil {
			got = strings.Split(strings.TrimPrefix(err.Error(), "invalid request: "), "; ")
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	p := &field.Problems{}
	decode.Into(map[string]any{"nothing": true, "unheardOf": json.Number("1")}, &whole{}, "spec", p)
	if want := []string{"spec.nothing has no effect here", `unknown field "spec.unheardOf"`}; !slices.Equal(p.Warnings(), want) {
		t.Errorf("%q, want %q", p.Warnings(), want)
	}
}
