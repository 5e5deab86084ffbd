package query

import (
	"strings"
	"unicode/utf8"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// What one filter may hold, so that no request makes a statement too long.
const (
	maxComparisons = 64
	maxListed      = 10_000
	maxOrders      = 16
	maxPattern     = 16_000 // bytes
)

// Parse reads a filter. The empty text is the empty filter.
func Parse(kind Kind, text string) (Filter, error) {
	p := &parser{kind: kind, table: tables[kind], where: "the filter", text: text, tokens: lex(text)}
	var filter Filter
	for p.peek().kind != end {
		if p.conjunction() {
			p.at++
			continue
		}
		if len(filter) == maxComparisons {
			return nil, p.fail(p.peek(), "Invalid filter: it has more than %d comparisons", maxComparisons)
		}
		c, err := p.comparison()
		if err != nil {
			return nil, err
		}
		filter = append(filter, c)
	}
	return filter, nil
}

// parser is a place in a filter or an order_by clause.
type parser struct {
	kind   Kind
	table  table
	where  string // what text is, for messages
	text   string
	tokens []token
	at     int
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

// conjunction reports whether AND comes next, and is not a key that is named so.
func (p *parser) conjunction() bool {
	return p.peek().is("AND") && p.tokens[p.at+1].kind != operator
}

// fail is an Invalid fault about what stands at t.
func (p *parser) fail(t token, format string, args ...any) error {
	character := utf8.RuneCountInString(p.text[:t.start]) + 1
	args = append(args, character, p.where)
	return fault.New(fault.Invalid, format+" (character %d of %s)", args...)
}

// comparison reads one comparison.
func (p *parser) comparison() (Comparison, error) {
	id, err := p.identifier()
	if err != nil {
		return Comparison{}, err
	}
	sign, err := p.operator(id)
	if err != nil {
		return Comparison{}, err
	}
	c := Comparison{Op: sign.op}
	a, err := p.resolve(id, searchable, &c.Entity, &c.Key)
	if err != nil {
		return Comparison{}, err
	}
	if sign.op == IsNull || sign.op == IsNotNull {
		return c, p.checkNull(id, c)
	}
	value, err := p.value(id, sign, c.Entity, a)
	if err != nil {
		return Comparison{}, err
	}
	c.Value = value
	return c, p.checkOp(id, sign, c, a)
}

// identifier is the name of what is compared: one token, or several that touch.
type identifier struct {
	token         // the whole, as one
	entity string // empty when there is none before a dot
	key    string
}

// identifier reads a name that an operator must follow.
func (p *parser) identifier() (identifier, error) {
	first := p.peek()
	var parts []token
	for t := first; t.kind == word || t.kind == quoted; t = p.peek() {
		if len(parts) > 0 && t.start != parts[len(parts)-1].after() {
			break
		}
		parts = append(parts, p.next())
	}
	if len(parts) == 0 {
		return identifier{}, p.stray(first)
	}
	whole := token{kind: word, text: p.text[first.start:parts[len(parts)-1].after()], start: first.start}
	id, ok := split(parts)
	if !ok {
		return identifier{}, p.clause(whole)
	}
	id.token = whole
	return id, nil
}

// split tells the entity from the key.
func split(parts []token) (id identifier, ok bool) {
	first, last := parts[0], parts[len(parts)-1]
	var dot string // what stands between entity and key
	switch {
	case len(parts) == 1:
		return splitOne(first)
	case len(parts) == 2 && first.kind == word:
		id.entity, dot = strings.TrimSuffix(first.text, "."), first.text[len(first.text)-1:]
		id.key = last.content()
	case len(parts) == 2 && last.kind == word:
		id.entity, dot = first.content(), last.text[:1]
		id.key = last.text[1:]
		ok = id.key != "" && first.quote() == '`'
		return id, ok && dot == "."
	case len(parts) == 3 && parts[1].kind == word:
		id.entity, dot, id.key = first.content(), parts[1].text, last.content()
		return id, dot == "." && first.quote() == '`'
	}
	return id, dot == "." && id.entity != "" && !strings.Contains(id.entity, ".")
}

// splitOne tells the entity from the key of a name of one part.
func splitOne(part token) (id identifier, ok bool) {
	if part.kind != word {
		return identifier{key: part.content()}, true
	}
	entity, key, found := strings.Cut(part.text, ".")
	if !found {
		return identifier{key: part.text}, true
	}
	return identifier{entity: entity, key: key}, entity != "" && key != ""
}

// resolve looks an identifier up.
func (p *parser) resolve(id identifier, pass func(attribute) bool, entity *Entity, key *string) (attribute, error) {
	*key = id.key
	if id.entity != "" {
		found, ok := p.table.entities[id.entity]
		if !ok || found == Dataset && p.kind != Runs {
			return attribute{}, p.fail(id.token, p.table.wording.entity, id.entity)
		}
		*entity = found
	}
	switch *entity {
	case Attribute:
		a, ok := p.table.attributes[id.key]
		if !ok || !pass(a) {
			return attribute{}, p.fail(id.token, "Invalid attribute key '%s' specified. Valid keys are '%s'", id.key, p.table.keys(pass))
		}
		if a.name != "" {
			*key = a.name
		}
		return a, nil
	case Dataset:
		for _, known := range datasetKey {
			if id.key == known {
				return attribute{listed: true}, nil
			}
		}
		return attribute{}, p.fail(id.token, "Invalid dataset key '%s' specified. Valid keys are '{%s}'", id.key, quoteAll(datasetKey))
	}
	return attribute{listed: p.kind == LoggedModels, number: *entity == Metric}, nil
}

// clause says that a filter makes no sense at t.
func (p *parser) clause(t token) error {
	if t.kind == unclosed {
		return p.fail(t, p.table.wording.clause+": the quote %s is never closed", t.text, t.text[:1])
	}
	return p.fail(t, p.table.wording.clause, t.text)
}

// stray says what is wrong with something that no comparison begins with.
func (p *parser) stray(t token) error {
	if t.kind == semicolon && p.tokens[p.at+1].kind != end {
		return p.fail(t, "Search filter contained multiple expression '%s'. Provide AND-ed expression list.", p.text)
	}
	return p.clause(t)
}
