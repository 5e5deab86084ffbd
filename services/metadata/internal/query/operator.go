package query

import (
	"slices"
	"strings"
)

// sign is an operator as it was written; known is false for one that there is not.
type sign struct {
	token
	op    Op
	known bool
}

// operator reads what stands between an identifier and its value.
func (p *parser) operator(id identifier) (sign, error) {
	t := p.peek()
	if t.kind == operator || t.is("LIKE") || t.is("ILIKE") || t.is("RLIKE") || t.is("IN") {
		p.at++
		return p.signed(id, t)
	}
	words := p.keywords(t, "NOT", "IN")
	if words == nil {
		words = p.keywords(t, "NOT", "LIKE")
	}
	if words == nil {
		words = p.keywords(t, "IS", "NULL")
	}
	if words == nil {
		words = p.keywords(t, "IS", "NOT", "NULL")
	}
	if words == nil {
		return sign{}, p.clause(id.token)
	}
	p.at += len(words)
	t.text = strings.Join(words, " ")
	return p.signed(id, t)
}

// keywords returns the keywords when they come next.
func (p *parser) keywords(first token, keywords ...string) []string {
	if first.kind != word || p.at+len(keywords) >= len(p.tokens) {
		return nil
	}
	for i, keyword := range keywords {
		if !p.tokens[p.at+i].is(keyword) {
			return nil
		}
	}
	return keywords
}

// signed looks an operator up. What is compared must be an identifier: a text or
// a number is none.
func (p *parser) signed(id identifier, t token) (sign, error) {
	if id.text[0] == '\'' || isNumber(id.text) {
		return sign{}, p.fail(id.token, "Invalid comparison clause. Expected 'Identifier' found '%s'", id.text)
	}
	t.text = strings.ToUpper(t.text)
	at := slices.Index(opWords[:], t.text)
	return sign{token: t, op: Op(max(at, 0)), known: at >= 0}, nil
}

// checkOp refuses an operator that the key does not take.
func (p *parser) checkOp(id identifier, s sign, c Comparison, a attribute) error {
	ops := p.kind.ops(c.Entity, a)
	if s.known && slices.Contains(ops, s.op) {
		if pattern, ok := c.Value.(Text); ok && (s.op == Like || s.op == ILike) && len(pattern) > maxPattern {
			return p.fail(s.token, "Invalid pattern for %s: it has %d bytes; at most %d are allowed", s.text, len(pattern), maxPattern)
		}
		return nil
	}
	return p.fail(s.token, "%s", p.table.wording.operator(s.text, id, c.Entity, a, ops))
}

// checkNull refuses IS NULL where it cannot be asked.
func (p *parser) checkNull(id identifier, c Comparison) error {
	if slices.Contains(p.table.nullable, c.Entity) {
		return nil
	}
	if len(p.table.nullable) == 0 {
		return p.fail(id.token, "%s", p.table.wording.operator(c.Op.String(), id, c.Entity, attribute{}, textOps))
	}
	if p.kind == Experiments {
		return p.fail(id.token, "IS NULL / IS NOT NULL is only supported for tags, not for attribute '%s'", c.Key)
	}
	return p.fail(id.token, "IS NULL / IS NOT NULL is only supported for tags and params, not for '%s' '%s'", c.Entity, c.Key)
}
