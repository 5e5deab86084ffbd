package expand

import "testing"

func TestVariables(t *testing.T) {
	t.Parallel()
	values := map[string]string{"A": "1", "B": "$(A)", "EMPTY": ""}
	lookUp := func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
	for text, want := range map[string]string{
		"":                        "",
		"plain":                   "plain",
		"$(A)":                    "1",
		"x$(A)y$(A)z":             "x1y1z",
		"$(B)":                    "$(A)", // a value is not looked into again
		"$(EMPTY)":                "",
		"$(NONE)":                 "$(NONE)",
		"$$(A)":                   "$(A)",
		"$$$(A)":                  "$1",
		"$$":                      "$",
		"$A ${A} $1":              "$A ${A} $1",
		"$(A":                     "$(A",
		"dir=$(mktemp -d) a=$(A)": "dir=$(mktemp -d) a=1",
		"$(x $(A))":               "$(x $(A))", // the name is "x $(A"
		"end$":                    "end$",
	} {
		if got := Variables(text, lookUp); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
