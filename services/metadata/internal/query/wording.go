package query

import "fmt"

// wording is how MLflow says what is wrong, which it does differently for every
// kind. Its clients, and their tests, look for these sentences.
type wording struct {
	clause   string // of what makes no sense
	entity   string // of an unknown entity
	operator func(sign string, id identifier, entity Entity, a attribute, ops []Op) string
	texts    string // what attributes want
}

const (
	invalidClause = "Invalid clause(s) in filter string: '%s'"
	fewWanted     = "Invalid entity type '%s'. Valid entity types are ('attribute', 'tag', 'tags')"
	textWanted    = "Expected a quoted string value for attributes. Got value %s"
	listWanted    = "Expected a quoted string value or a list of quoted string values for attributes. Got value %s"
)

var (
	runWording = wording{
		clause: invalidClause,
		entity: "Invalid entity type '%s'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']",
		texts:  textWanted,
		operator: func(sign string, _ identifier, entity Entity, _ attribute, ops []Op) string {
			if entity == Param || entity == Tag {
				ops = append(ops[:len(ops):len(ops)], IsNull, IsNotNull)
			}
			return fmt.Sprintf("Invalid comparator '%s' not one of '%s'", sign, opList(ops))
		},
	}
	experimentWording = wording{
		clause: invalidClause, entity: fewWanted, texts: textWanted,
		operator: func(sign string, id identifier, entity Entity, a attribute, ops []Op) string {
			what := "string attribute"
			switch {
			case entity == Tag:
				what = "tag"
			case a.number:
				what = "numeric attribute"
			case a.listed:
				what = id.key
			}
			return fmt.Sprintf("Invalid comparator for %s: %s. Valid comparators are %s", what, sign, opList(ops))
		},
	}
	registeredModelWording = wording{clause: invalidClause, entity: fewWanted, texts: listWanted, operator: registryOperator}
	modelVersionWording    = wording{clause: invalidClause, entity: fewWanted, texts: listWanted, operator: registryOperator}
	loggedModelWording     = wording{
		clause: "Invalid filter string: '%s' is not expected there. Expected a list of comparisons separated by 'AND' " +
			"(e.g. 'metrics.loss > 0.1 AND params.lr = \"0.01\"')",
		entity: "Invalid entity type: '%s'. Expected one of ['attributes', 'metrics', 'params', 'tags']",
		texts:  listWanted,
		operator: func(sign string, id identifier, _ Entity, _ attribute, ops []Op) string {
			return fmt.Sprintf("Invalid comparison operator for %s: '%s'. Expected one of %s", id.text, sign, opList(ops))
		},
	}
)

func registryOperator(sign string, id identifier, entity Entity, a attribute, ops []Op) string {
	what := "attribute"
	switch {
	case entity == Tag:
		what = "tag"
	case a.number:
		what = "attribute " + id.key
	}
	return fmt.Sprintf("Invalid comparator for %s: %s. Valid comparators are %s", what, sign, opList(ops))
}
