package filterquery_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/filterquery"
)

// show prints an expression with all its parentheses.
func show(e filterquery.Expression) string {
	join := func(of []filterquery.Expression, word string) string {
		parts := make([]string, len(of))
		for i, part := range of {
			parts[i] = show(part)
		}
		return "(" + strings.Join(parts, word) + ")"
	}
	switch e := e.(type) {
	case nil:
		return ""
	case *filterquery.All:
		return join(e.Of, " AND ")
	case *filterquery.Any:
		return join(e.Of, " OR ")
	case *filterquery.Not:
		return "NOT " + show(e.Of)
	case *filterquery.Comparison:
		values := make([]string, len(e.Values))
		for i, value := range e.Values {
			values[i] = value.Text
			if value.Quoted {
				values[i] = "'" + value.Text + "'"
			}
		}
		return fmt.Sprintf("%s %s %s", strings.Join(e.Key, "/"), e.Op, strings.Join(values, ","))
	}
	return fmt.Sprintf("%T", e)
}

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                "",
		"  ":                              "",
		"name='a'":                        "name = 'a'",
		`name = "it's"`:                   "name = 'it's'",
		"name = 'it''s'":                  "name = 'it's'",
		"id >= 12":                        "id >= 12",
		"x != -1.5e3":                     "x <> -1.5e3",
		"a='1' or b='2' AND c='3'":        "(a = '1' OR (b = '2' AND c = '3'))",
		"(a='1' OR b='2') AND NOT c <> 3": "((a = '1' OR b = '2') AND NOT c <> 3)",
		"not (a=1)":                       "NOT a = 1",
		"name like '%a%'":                 "name LIKE '%a%'",
		"state IN ('LIVE', 'ARCHIVED')":   "state IN 'LIVE','ARCHIVED'",
		"id not in (1,2)":                 "id NOT IN 1,2",
		"customProperties.`a.b c`.string_value ILIKE 'x'": "customProperties/a.b c/string_value ILIKE 'x'",
		"customProperties.ok = true":                      "customProperties/ok = true",
	} {
		e, err := filterquery.Parse(text)
		if err != nil || show(e) != want {
			t.Errorf("Parse(%s) = %s, %v; want %s", text, show(e), err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"name":                                 "character 5: an operator",
		"name =":                               "character 7: a value",
		"= 'a'":                                "character 1: the name of a property",
		"name = 'a":                            "character 8: the text that begins here",
		"name = 'a' b":                         `character 12: "b" is not expected`,
		"name = 'a' AND":                       "character 15: the name of a property",
		"(name = 'a'":                          "character 12: a closing parenthesis",
		"name = 'a')":                          `character 11: ")" is not expected`,
		"name IN 'a'":                          "character 9: a list",
		"name IN ('a' 'b')":                    "character 14: a comma",
		"name IN ()":                           "character 10: a value",
		"name = 'a'; DROP":                     "character 11:",
		"name is null":                         "character 6: an operator",
		strings.Repeat("(", 50):                "nested deeper",
		strings.Repeat("x", 10_001):            "longer than",
		strings.Repeat("a=1 OR ", 101) + "a=1": "more than 100 comparisons",
	} {
		_, err := filterquery.Parse(text)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%.40s) = %v; want %q", text, err, want)
		}
	}
}

// Whatever is parsed can be printed and parsed again to the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a='1' OR b=2 AND NOT (c LIKE 'x')", "a.`b c` IN (1,'2')", "((", "'", "a <> -1.5", "ü = 'ü'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := filterquery.Parse(text)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("Parse(%q) = %v", text, err)
			}
			return
		}
		if (e == nil) != (strings.TrimSpace(text) == "") {
			t.Errorf("Parse(%q) = %s", text, show(e))
		}
	})
}
