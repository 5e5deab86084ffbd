package tracking

import (
	"context"

	"github.com/kfmesh/kfmesh/services/metadata/internal/query"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// subject is what a search looks at, in SQL.
type subject struct {
	num        string // expression of its number
	attributes map[string]column
	params     pairs
	tags       pairs
	metrics    string // the table of metrics and the condition that joins it as m
}

// column is where an attribute is.
type column struct {
	value    string
	kind     kind
	nullable bool
}

// term is the attribute as something to sort by.
func (c column) term(descending bool) term {
	t := term{value: c.value, kind: c.kind, descending: descending}
	if c.nullable {
		t.class = missingClass(c.value)
	}
	return t
}

// missingClass is the class of an expression that is never NaN.
func missingClass(value string) string { return "CASE WHEN " + value + " IS NULL THEN 2 ELSE 0 END" }

// nanClass is the class of a metric joined as a table.
func nanClass(table string) string {
	return "CASE WHEN " + table + ".is_nan THEN 1 WHEN " + table + ".value IS NULL THEN 2 ELSE 0 END"
}

// where appends the conditions of a filter.
func (s subject) where(q *sqlstore.Query, dialect sqlstore.Dialect, filter query.Filter) {
	for _, c := range filter {
		q.Add("AND").Append(s.condition(dialect, c))
	}
}

// condition is what one comparison asks of a thing.
func (s subject) condition(dialect sqlstore.Dialect, c query.Comparison) *sqlstore.Query {
	switch c.Entity {
	case query.Param:
		return s.pair(dialect, s.params, c)
	case query.Tag:
		return s.pair(dialect, s.tags, c)
	case query.Metric:
		return sqlstore.Q("EXISTS (SELECT 1 FROM "+s.metrics+" AND m.key = ? AND", c.Key).Append(metricValue(dialect, c)).Add(")")
	case query.Dataset:
		return dataset(dialect, s.num, c)
	}
	expression := s.attributes[c.Key].value
	if _, fraction := c.Value.(query.Number); fraction { // the column holds whole numbers
		expression = "CAST(" + expression + " AS DOUBLE PRECISION)"
	}
	return c.Where(dialect, expression)
}

// pair is a comparison of a parameter or tag: it does not hold where there is
// none, IS NULL aside.
func (s subject) pair(dialect sqlstore.Dialect, in pairs, c query.Comparison) *sqlstore.Query {
	exists := "EXISTS (SELECT 1 FROM " + in.table + " p WHERE p." + in.owner + " = " + s.num + " AND p.key = ?"
	switch c.Op {
	case query.IsNull:
		return sqlstore.Q("NOT "+exists+")", c.Key)
	case query.IsNotNull:
		return sqlstore.Q(exists+")", c.Key)
	}
	return sqlstore.Q(exists+" AND", c.Key).Append(c.Where(dialect, "p.value")).Add(")")
}

// metricValue is a comparison of the metric m: of NaN only != holds.
func metricValue(dialect sqlstore.Dialect, c query.Comparison) *sqlstore.Query {
	value := c.Where(dialect, "m.value")
	if c.Op == query.NotEqual {
		return sqlstore.Q("(m.is_nan OR").Append(value).Add(")")
	}
	return sqlstore.Q("NOT m.is_nan AND").Append(value)
}

// datasetContext is the tag of reading a dataset that says what for.
const datasetContext = "mlflow.data.context"

// dataset is a comparison of a dataset that a run reads; any one will do.
func dataset(dialect sqlstore.Dialect, run string, c query.Comparison) *sqlstore.Query {
	if c.Key == "context" {
		return sqlstore.Q("EXISTS (SELECT 1 FROM tracking_input_tags t WHERE t.run_num = "+run+" AND t.key = ? AND", datasetContext).
			Append(c.Where(dialect, "t.value")).Add(")")
	}
	column := map[string]string{"name": "d.name", "digest": "d.digest"}[c.Key]
	return sqlstore.Q("EXISTS (SELECT 1 FROM tracking_inputs i JOIN tracking_datasets d ON d.num = i.dataset_num" +
		" WHERE i.run_num = " + run + " AND").Append(c.Where(dialect, column)).Add(")")
}

// find returns the numbers of a page of things and the token of the next.
func find(ctx context.Context, tx *sqlstore.Tx, num string, segments []segment, from bookmark, size int) (nums []int64, next string, err error) {
	var after []any
	for _, text := range from.Cells {
		cell, _ := cellValue(text) // parseBookmark has seen that it is one
		after = append(after, cell)
	}
	at := from
	for i := from.Segment; i < len(segments) && len(nums) <= size; i++ {
		cells := make([]any, 2*len(segments[i].terms))
		err := tx.Rows(ctx, segments[i].query(num, after, size+1-len(nums)), func(scan func(...any) error) error {
			var found int64
			if err := scan(into(&found, cells)...); err != nil {
				return err
			}
			if nums = append(nums, found); len(nums) == size {
				at.Segment, at.Cells = i, spell(cells)
			}
			return nil
		})
		if err != nil {
			return nil, "", err
		}
		after = nil
	}
	if len(nums) <= size {
		return nums, "", nil
	}
	return nums[:size], at.String(), nil
}

// into is where a row of a segment's query goes.
func into(num *int64, cells []any) []any {
	all := []any{num}
	for i := range cells {
		all = append(all, &cells[i])
	}
	return all
}

// spell spells classes and values, which take turns.
func spell(cells []any) []string {
	texts := make([]string, 0, len(cells)/2)
	for i := 0; i < len(cells); i += 2 {
		class, _ := cells[i].(int64)
		texts = append(texts, cellText(class, cells[i+1]))
	}
	return texts
}

// oneOf appends that an expression is one of some numbers, of which there is one
// at least.
func oneOf[T any](q *sqlstore.Query, expression string, values []T) *sqlstore.Query {
	if len(values) == 1 {
		return q.Add(expression+" = ?", values[0])
	}
	return q.Add(expression + " IN").List(boxed(values)...)
}
