package registry

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/filterquery"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// listable says what a kind may be filtered by in Kubeflow's grammar.
type listable struct {
	texts      map[string]string // columns, by Kubeflow's names
	numbers    map[string]string
	properties propertyTable // empty for none
	owner      string        // column that the owner of properties is
}

var (
	listedModels = listable{
		texts: map[string]string{
			"name": "m.name", "description": "m.description", "externalId": "m.external_id", "state": "m.state", "owner": "m.owner",
		},
		numbers:    map[string]string{"id": "m.id", "createTimeSinceEpoch": "m.created_at", "lastUpdateTimeSinceEpoch": "m.updated_at"},
		properties: modelProperties, owner: "m.id",
	}
	listedVersions = listable{
		texts: map[string]string{
			"name": "v.name", "description": "v.description", "externalId": "v.external_id", "state": "v.state", "author": "v.author",
		},
		numbers: map[string]string{
			"id": "v.id", "registeredModelId": "v.model_id", "createTimeSinceEpoch": "v.created_at", "lastUpdateTimeSinceEpoch": "v.updated_at",
		},
		properties: versionProperties, owner: "v.id",
	}
	listedItems = listable{
		texts: map[string]string{"name": "name", "externalId": "external_id", "state": "state", "desiredState": "state", "lastKnownState": "state"},
		numbers: map[string]string{
			"id": "id", "servingEnvironmentId": "parent_id", "inferenceServiceId": "parent_id", "registeredModelId": "model_id",
			"modelVersionId": "version_id", "createTimeSinceEpoch": "created_at", "lastUpdateTimeSinceEpoch": "updated_at",
		},
	}
)

// where is the condition that a filterQuery is, or nil for an empty one.
func (l listable) where(d sqlstore.Dialect, filter string) (*sqlstore.Query, error) {
	expression, err := filterquery.Parse(filter)
	if err != nil || expression == nil {
		return nil, err
	}
	return l.condition(d, expression)
}

func (l listable) condition(d sqlstore.Dialect, expression filterquery.Expression) (*sqlstore.Query, error) {
	switch e := expression.(type) {
	case *filterquery.All:
		return l.joined(d, "AND", e.Of)
	case *filterquery.Any:
		return l.joined(d, "OR", e.Of)
	case *filterquery.Not:
		inner, err := l.condition(d, e.Of)
		if err != nil {
			return nil, err
		}
		return sqlstore.Q("NOT (").Append(inner).Add(")"), nil
	case *filterquery.Comparison:
		return l.comparison(d, e)
	}
	return nil, fault.Internalf(fmt.Errorf("%T", expression), "the filter cannot be read")
}

func (l listable) joined(d sqlstore.Dialect, word string, parts []filterquery.Expression) (*sqlstore.Query, error) {
	q := sqlstore.Q("(")
	for i, part := range parts {
		inner, err := l.condition(d, part)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			q.Add(word)
		}
		q.Append(inner)
	}
	return q.Add(")"), nil
}

func (l listable) comparison(d sqlstore.Dialect, c *filterquery.Comparison) (*sqlstore.Query, error) {
	key := strings.Join(c.Key, ".")
	if len(c.Key) > 1 && (c.Key[0] == "customProperties" || c.Key[0] == "custom_properties") && l.owner != "" {
		return l.property(d, c)
	}
	if column, ok := l.texts[key]; ok {
		return compareText(d, column, c)
	}
	if column, ok := l.numbers[key]; ok {
		return compareNumber(column, c)
	}
	return nil, fault.Invalidf("filterQuery", "at character %d: %q is not a property here; want one of %s", c.At+1, key, l.keys())
}

// keys lists what may be filtered by.
func (l listable) keys() string {
	keys := append(slices.Sorted(maps.Keys(l.texts)), slices.Sorted(maps.Keys(l.numbers))...)
	if l.owner != "" {
		keys = append(keys, "customProperties.NAME")
	}
	return strings.Join(keys, ", ")
}

// property is the condition that a custom property is met. A number is compared
// with properties that are numbers, a text with the text of any.
func (l listable) property(d sqlstore.Dialect, c *filterquery.Comparison) (*sqlstore.Query, error) {
	name := c.Key[1:]
	numeric := !c.Values[0].Quoted && c.Values[0].Text != "true" && c.Values[0].Text != "false"
	if last := name[len(name)-1]; len(name) > 1 && strings.HasSuffix(last, "_value") {
		name = name[:len(name)-1]
		numeric = last == "int_value" || last == "double_value"
	}
	q := sqlstore.Q("EXISTS (SELECT 1 FROM "+l.properties.name+" p WHERE p."+l.properties.owner+" = "+l.owner+" AND p.key = ? AND", strings.Join(name, "."))
	var inner *sqlstore.Query
	var err error
	if numeric {
		inner, err = compareNumber("CASE WHEN p.type IN ('int', 'double') THEN CAST(p.value AS DOUBLE PRECISION) END", c)
	} else {
		inner, err = compareText(d, "p.value", c)
	}
	if err != nil {
		return nil, err
	}
	return q.Append(inner).Add(")"), nil
}

// compareText compares a column of text.
func compareText(d sqlstore.Dialect, column string, c *filterquery.Comparison) (*sqlstore.Query, error) {
	switch c.Op {
	case filterquery.Like:
		return d.Like(column, c.Values[0].Text), nil
	case filterquery.ILike:
		return d.ILike(column, c.Values[0].Text), nil
	case filterquery.In, filterquery.NotIn:
		values := make([]any, len(c.Values))
		for i, value := range c.Values {
			values[i] = value.Text
		}
		return sqlstore.Q(column + " " + string(c.Op)).List(values...), nil
	}
	return sqlstore.Q(column+" "+string(c.Op)+" ?", c.Values[0].Text), nil
}

// compareNumber compares a column of numbers.
func compareNumber(column string, c *filterquery.Comparison) (*sqlstore.Query, error) {
	values := make([]any, len(c.Values))
	for i, value := range c.Values {
		number, err := strconv.ParseFloat(value.Text, 64)
		if err != nil {
			return nil, fault.Invalidf("filterQuery", "at character %d: %q is not a number, which %s is compared with", c.At+1, value.Text, strings.Join(c.Key, "."))
		}
		values[i] = number
		if whole, err := strconv.ParseInt(value.Text, 10, 64); err == nil && !strings.HasPrefix(column, "CASE") {
			values[i] = whole
		}
	}
	switch c.Op {
	case filterquery.Like, filterquery.ILike:
		return nil, fault.Invalidf("filterQuery", "at character %d: %s is a number, which has no %s", c.At+1, strings.Join(c.Key, "."), c.Op)
	case filterquery.In, filterquery.NotIn:
		return sqlstore.Q(column + " " + string(c.Op)).List(values...), nil
	}
	return sqlstore.Q(column+" "+string(c.Op)+" ?", values[0]), nil
}
