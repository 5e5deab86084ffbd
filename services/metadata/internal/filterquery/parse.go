package filterquery

import "strings"

const (
	longest = 10_000 // bytes of a filter
	most    = 100    // comparisons
	deepest = 20     // parentheses in each other
	listed  = 1000   // values of a list
)

// Parse reads a filter; nil, which holds always, for an empty one. An error is an
// Invalid fault.
func Parse(text string) (Expression, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if len(text) > longest {
		return nil, wrong(longest, "the filter is longer than %d bytes", longest)
	}
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	expression, err := p.any(0)
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != end {
		return nil, wrong(t.at, "%q is not expected here; want AND, OR or the end", t.text)
	}
	return expression, nil
}

// parser reads tokens in order.
type parser struct {
	tokens []token
	at     int
	count  int // comparisons so far
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

// take goes over a sign if it is next.
func (p *parser) take(text string) bool {
	if t := p.peek(); t.kind == sign && t.text == text {
		p.at++
		return true
	}
	return false
}

// keyword goes over a keyword if it is next.
func (p *parser) keyword(text string) bool {
	if p.peek().is(text) {
		p.at++
		return true
	}
	return false
}

func (p *parser) any(depth int) (Expression, error) {
	parts, err := p.joined("OR", func() (Expression, error) { return p.all(depth) })
	if err != nil || len(parts) == 1 {
		return first(parts), err
	}
	return &Any{Of: parts}, nil
}

func (p *parser) all(depth int) (Expression, error) {
	parts, err := p.joined("AND", func() (Expression, error) { return p.not(depth) })
	if err != nil || len(parts) == 1 {
		return first(parts), err
	}
	return &All{Of: parts}, nil
}

func first(parts []Expression) Expression {
	if len(parts) == 0 {
		return nil
	}
	return parts[0]
}

// joined reads parts with a keyword between each two.
func (p *parser) joined(keyword string, part func() (Expression, error)) ([]Expression, error) {
	var parts []Expression
	for {
		expression, err := part()
		if err != nil {
			return nil, err
		}
		parts = append(parts, expression)
		if !p.keyword(keyword) {
			return parts, nil
		}
	}
}

func (p *parser) not(depth int) (Expression, error) {
	if depth > deepest {
		return nil, wrong(p.peek().at, "the filter is nested deeper than %d", deepest)
	}
	if p.keyword("NOT") {
		inner, err := p.not(depth + 1)
		return &Not{Of: inner}, err
	}
	if !p.take("(") {
		return p.comparison()
	}
	inner, err := p.any(depth + 1)
	if err != nil {
		return nil, err
	}
	if !p.take(")") {
		return nil, wrong(p.peek().at, "a closing parenthesis is missing")
	}
	return inner, nil
}

func (p *parser) comparison() (Expression, error) {
	c := &Comparison{At: p.peek().at}
	if p.count++; p.count > most {
		return nil, wrong(c.At, "the filter has more than %d comparisons", most)
	}
	for {
		t := p.next()
		if t.kind != word && t.kind != ticked {
			return nil, wrong(t.at, "the name of a property is expected here, such as name or customProperties.team")
		}
		c.Key = append(c.Key, t.text)
		if !p.take(".") {
			break
		}
	}
	return c, p.operator(c)
}

// operator reads what follows a key.
func (p *parser) operator(c *Comparison) error {
	t := p.next()
	switch {
	case t.is("NOT") && p.keyword("IN"):
		c.Op = NotIn
		return p.list(c)
	case t.is("IN"):
		c.Op = In
		return p.list(c)
	case t.is("LIKE"):
		c.Op = Like
	case t.is("ILIKE"):
		c.Op = ILike
	case t.kind == sign && strings.ContainsAny(t.text, "=<>"):
		c.Op = Op(strings.Replace(t.text, "!=", "<>", 1))
	default:
		return wrong(t.at, "an operator is expected here: =, !=, <, <=, >, >=, LIKE, ILIKE or IN")
	}
	return p.value(c)
}

func (p *parser) list(c *Comparison) error {
	if !p.take("(") {
		return wrong(p.peek().at, "a list is expected here, such as ('a', 'b')")
	}
	for {
		if err := p.value(c); err != nil {
			return err
		}
		if len(c.Values) > listed {
			return wrong(p.peek().at, "the list has more than %d values", listed)
		}
		if p.take(")") {
			return nil
		}
		if !p.take(",") {
			return wrong(p.peek().at, "a comma or a closing parenthesis is expected here")
		}
	}
}

func (p *parser) value(c *Comparison) error {
	t := p.next()
	if t.kind != word && t.kind != quoted {
		return wrong(t.at, "a value is expected here, such as 'text' or 12")
	}
	c.Values = append(c.Values, Value{Text: t.text, Quoted: t.kind == quoted})
	return nil
}
