package query

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// numeral is a decimal number: no hexadecimal, no infinity, no NaN.
var numeral = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

func isNumber(text string) bool { return numeral.MatchString(text) }

// value reads what a key is compared with.
func (p *parser) value(id identifier, s sign, entity Entity, a attribute) (Value, error) {
	t := p.peek()
	if t.kind != word && t.kind != quoted && t.kind != opening {
		if t.kind == end {
			t = token{text: p.text[id.start:s.after()], start: id.start}
		}
		return nil, p.clause(t)
	}
	if t.kind == opening {
		return p.list(id, s, entity, a)
	}
	if s.known && (s.op == In || s.op == NotIn) {
		return nil, p.fail(t, p.table.wording.clause+": %s wants a list of quoted texts in parentheses", t.text, s.op)
	}
	p.at++
	if a.number {
		return p.number(id, t, entity, a)
	}
	return p.single(t, entity, a)
}

// single reads a text.
func (p *parser) single(t token, entity Entity, a attribute) (Value, error) {
	if q := t.quote(); q == '\'' || q == '"' {
		return p.checkID(t, a)
	}
	switch {
	case t.kind == quoted || !isNumber(t.text):
		return nil, p.fail(t, "Parameter value is either not quoted or unidentified quote types used for string value %s. "+
			"Use either single or double quotes.", t.text)
	case p.kind == ModelVersions && entity == Attribute:
		return nil, p.fail(t, "Only the '%s' attributes support comparison with numeric values.",
			p.table.keys(func(a attribute) bool { return a.number && !a.silent }))
	}
	return nil, p.unquoted(t, entity)
}

// unquoted says that a text was wanted.
func (p *parser) unquoted(t token, entity Entity) error {
	switch entity {
	case Attribute:
		return p.fail(t, p.table.wording.texts, t.text)
	case Dataset:
		return p.fail(t, "Expected a quoted string value for dataset attributes. Got value %s", t.text)
	}
	return p.fail(t, "Expected a quoted string value for %s (e.g. 'my-value'). Got value %s", entity, t.text)
}

// checkID reads a text; where an experiment's id is wanted, one that is a number.
func (p *parser) checkID(t token, a attribute) (Value, error) {
	if p.kind == Experiments && a.listed {
		if _, err := strconv.ParseInt(t.content(), 10, 64); err != nil {
			return nil, p.fail(t, "Invalid experiment ID: %s. Experiment ID must be an integer", t.text)
		}
	}
	return Text(t.content()), nil
}

// number reads a number. Metrics have Number, attributes Whole where they can.
func (p *parser) number(id identifier, t token, entity Entity, a attribute) (Value, error) {
	text := t.text
	if a.whole && p.kind == ModelVersions && t.kind == quoted && t.quote() != '`' { // MLflow takes a version as a text too
		text = t.content()
	}
	switch {
	case entity == Metric && !isNumber(text):
		return nil, p.fail(t, "Expected numeric value type for metric. Found %s", t.text)
	case !isNumber(text):
		return nil, p.fail(t, "Expected numeric value type for numeric attribute: %s. Found %s", id.key, t.text)
	case entity == Attribute:
		if whole, err := strconv.ParseInt(text, 10, 64); err == nil {
			return Whole(whole), nil
		}
		if a.whole {
			return nil, p.fail(t, "Invalid value for numeric attribute '%s': '%s'", id.key, t.text)
		}
	}
	number, _ := strconv.ParseFloat(text, 64) // one out of range is an infinity
	return Number(number), nil
}

// list reads the texts of IN.
func (p *parser) list(id identifier, s sign, entity Entity, a attribute) (Value, error) {
	open := p.next()
	var list List
	for p.peek().kind != closing {
		t := p.next()
		switch {
		case t.kind == end || t.kind == unclosed || t.kind == comma:
			return nil, p.illFormed(t)
		case t.quote() != '\'' && t.quote() != '"':
			return nil, p.fail(t, "While parsing a list in the query, expected string value, punctuation, or whitespace, "+
				"but got different type in list: %s", t.text)
		case len(list) == maxListed:
			return nil, p.fail(t, "While parsing a list in the query, found more than %d values", maxListed)
		}
		if _, err := p.checkID(t, a); err != nil {
			return nil, err
		}
		list = append(list, t.content())
		if p.peek().kind == comma {
			p.at++
		} else if p.peek().kind != closing {
			return nil, p.illFormed(p.peek())
		}
	}
	closed := p.next()
	whole := token{text: p.text[open.start:closed.after()], start: open.start}
	if err := p.checkList(id, s, whole, entity, a); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, p.fail(open, "While parsing a list in the query, expected a non-empty list of string values, but got empty list")
	}
	return list, nil
}

// checkList refuses a list where none can stand.
func (p *parser) checkList(id identifier, s sign, list token, entity Entity, a attribute) error {
	switch {
	case entity == Metric:
		return p.fail(list, "Expected numeric value type for metric. Found %s", list.text)
	case a.number:
		return p.fail(list, "Expected numeric value type for numeric attribute: %s. Found %s", id.key, list.text)
	case !a.listed && entity == Attribute:
		return p.fail(list, "Only [%s] attributes support comparison with a list of quoted string values.", p.table.listedKeys())
	case !a.listed:
		return p.unquoted(list, entity)
	case s.known && s.op != In && s.op != NotIn:
		return p.fail(s.token, "%s", p.table.wording.operator(s.text+" before a list", id, entity, a, []Op{In, NotIn}))
	}
	return nil
}

// listedKeys are the attributes that may stand before IN.
func (t table) listedKeys() string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(t.attributes)) {
		if t.attributes[key].listed {
			keys = append(keys, key)
		}
	}
	return quoteAll(keys)
}

func (p *parser) illFormed(t token) error {
	return p.fail(t, "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.%s",
		strings.TrimRight(" At "+t.text, " At"))
}
