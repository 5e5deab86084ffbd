package mlflow

import (
	"encoding/json"
	"math"
	"net/url"
	"reflect"
	"testing"
)

// plainOf is what encoding/json makes of the same JSON.
func plainOf(v value) any {
	switch v.kind {
	case boolean:
		return v.text == "true"
	case number:
		return json.Number(v.text)
	case text:
		return v.text
	case list:
		all := []any{}
		for _, item := range v.items {
			all = append(all, plainOf(item.value))
		}
		return all
	case object:
		all := map[string]any{}
		for _, item := range v.items {
			all[item.name] = plainOf(item.value)
		}
		return all
	default:
		return nil
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-2.5e3,true,false,null,"x"],"b":{}}`, ` [ ] `, `"\u00e9\ud83d\ude00\ud83d\n\"\\\/"`, `01`, `1.`, `1e`, `-`, `"`, `{"a"}`, `[1,]`,
		"\"\xff\"", "\"\xcf\xfc\"", "\"\x01\"", `{"a":1}x`, `NaN`, `-Infinity`, `tru`, `"\u12`, `"\x"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parse(s)
		var want any
		if wantErr := json.Unmarshal([]byte(s), &want); wantErr != nil {
			return // more is taken than encoding/json takes
		}
		if err != nil {
			t.Fatalf("%q is JSON, and not to parse: %v", s, err)
		}
		again, _ := json.Marshal(plainOf(got))
		var read any
		if err := json.Unmarshal(again, &read); err != nil || !reflect.DeepEqual(read, want) {
			t.Fatalf("%q: got %v, want %v (%v)", s, read, want, err)
		}
		var dumped any
		if err := json.Unmarshal(got.dump(nil), &dumped); err != nil || !reflect.DeepEqual(dumped, want) {
			t.Fatalf("%q: dumped %s, want %v (%v)", s, got.dump(nil), want, err)
		}
	})
}

func TestWhatIsNoJSON(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "{", `{"a"`, `{"a":`, `{"a":1`, `{a:1}`, "[1", "[1,]", "01", "1.", ".5", "1e", "-", "nul", `"a`, `"\q"`, `"\u12g4"`, "1 2", "\"\n\""} {
		if v, err := parse(s); err == nil {
			t.Errorf("%q was read as %v", s, plainOf(v))
		}
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	v, err := parse(`{"i":"12","whole":1.0,"x":"NaN","y":-Infinity,"z":"1.5","big":1e999,"half":1.5,"b":true,"camelCase":"c","twice":1,"twice":2,"none":null}`)
	if err != nil {
		t.Fatal(err)
	}
	f := newForm(v)
	if f.integer("i") != 12 || f.integer("whole") != 1 || f.integer("twice") != 2 || f.integer("nowhere") != 0 || !f.flag("b") ||
		!math.IsNaN(f.number("x")) || !math.IsInf(f.number("y"), -1) || f.number("z") != 1.5 || !math.IsInf(f.number("big"), 1) ||
		f.text("camel_case") != "c" || f.has("none") {
		t.Error("a field was misread")
	}
	if f.failure() != nil {
		t.Errorf("a field is said to be wrong: %v", f.failure())
	}
	for field, read := range map[string]func(form){
		"half": func(f form) { f.integer("half") },
		"b":    func(f form) { f.number("b") },
		"z":    func(f form) { f.flag("z") },
		"i":    func(f form) { f.texts("i") },
	} {
		if f := newForm(v); f.failure() == nil {
			if read(f); f.failure() == nil {
				t.Errorf("%s was read as what it is not", field)
			}
		}
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	q, err := url.ParseQuery("run_id=a&run_id=b&one=x&n=5&yes=True&no=maybe")
	if err != nil {
		t.Fatal(err)
	}
	f := queryForm(q)
	if got := f.texts("run_id"); !reflect.DeepEqual(got, []string{"a", "b"}) || len(f.texts("one")) != 1 || f.text("run_id") != "a" ||
		f.integer("n") != 5 || !f.flag("yes") || f.failure() != nil {
		t.Errorf("misread, with %v", f.failure())
	}
	if f.flag("no"); f.failure() == nil {
		t.Error("maybe is a boolean")
	}
}

func TestNumbersAsMLflowWritesThem(t *testing.T) {
	t.Parallel()
	for x, want := range map[float64]string{
		1: "1.0", 0.1: "0.1", 1e-9: "1e-09", 1e300: "1e+300", math.Inf(1): `"Infinity"`, math.Inf(-1): `"-Infinity"`, 123456789: "123456789.0",
	} {
		r := reply{b: []byte("{")}
		if r.number("x", x); string(r.b) != `{"x":`+want {
			t.Errorf("%g: got %s", x, r.b)
		}
	}
	r := reply{b: []byte("{")}
	if r.number("x", math.NaN()); string(r.b) != `{"x":"NaN"` {
		t.Errorf("got %s", r.b)
	}
}

func TestTextsAreJSON(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "plain", "ü😀", "a\"b\\c\n\t\r\x01\x7f", "\xff half"} {
		var got string
		if err := json.Unmarshal(appendText(nil, s), &got); err != nil || got != string([]rune(s)) {
			t.Errorf("%q: got %q, %v", s, got, err)
		}
		if err := json.Unmarshal(appendASCII(nil, s), &got); err != nil || got != string([]rune(s)) {
			t.Errorf("%q: got %q, %v", s, got, err)
		}
	}
}
