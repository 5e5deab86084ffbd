package query

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// String is a filter that Parse reads back, whatever the kind that it is of.
func (f Filter) String() string {
	parts := make([]string, len(f))
	for i, c := range f {
		parts[i] = c.String()
	}
	return strings.Join(parts, " AND ")
}

// String is the comparison as a filter has it.
func (c Comparison) String() string {
	entity := [...]string{"attribute", "metrics", "params", "tags", "datasets"}[c.Entity]
	text := fmt.Sprintf("%s.%s %s", entity, enclose(c.Key, "`"), c.Op)
	if c.Value == nil {
		return text
	}
	return text + " " + literal(c.Value)
}

// String is the clause as order_by has it.
func (o Order) String() string {
	text := Comparison{Entity: o.Entity, Key: o.Key, Op: Equal}.String()
	text = strings.TrimSuffix(text, " =")
	if o.Descending {
		return text + " DESC"
	}
	return text + " ASC"
}

// literal is a value as a filter has it.
func literal(v Value) string {
	switch v := v.(type) {
	case Whole:
		return strconv.FormatInt(int64(v), 10)
	case Number:
		return decimal(float64(v))
	case List:
		texts := make([]string, len(v))
		for i, text := range v {
			texts[i] = enclose(text, "'")
		}
		return "(" + strings.Join(texts, ", ") + ")"
	case Text:
		return enclose(string(v), "'")
	}
	return ""
}

// decimal is a number that is not read back as a whole one.
func decimal(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "1e999"
	case math.IsInf(v, -1):
		return "-1e999"
	}
	text := strconv.FormatFloat(v, 'g', -1, 64)
	if strings.ContainsAny(text, ".e") {
		return text
	}
	return text + ".0"
}

// enclose quotes text.
func enclose(text, quote string) string {
	return quote + strings.ReplaceAll(text, quote, quote+quote) + quote
}
