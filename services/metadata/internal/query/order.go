package query

import (
	"fmt"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// ParseOrder reads order_by clauses, each "identifier", "identifier ASC" or
// "identifier DESC". None gives none: what order that means is its caller's.
func ParseOrder(kind Kind, clauses []string) ([]Order, error) {
	if len(clauses) > maxOrders {
		return nil, fault.New(fault.Invalid, "Invalid order_by: it has %d clauses; at most %d are allowed", len(clauses), maxOrders)
	}
	var orders []Order
	seen := map[Order]bool{}
	for i, clause := range clauses {
		where := "order_by"
		if len(clauses) > 1 {
			where = fmt.Sprintf("order_by[%d]", i)
		}
		p := &parser{kind: kind, table: tables[kind], where: where, text: clause, tokens: lex(clause)}
		order, err := p.order()
		if err != nil {
			return nil, err
		}
		field := Order{Entity: order.Entity, Key: order.Key}
		if seen[field] {
			return nil, fault.New(fault.Invalid, "`order_by` contains duplicate fields: %q", clauses)
		}
		seen[field] = true
		orders = append(orders, order)
	}
	return orders, nil
}

// order reads one clause.
func (p *parser) order() (Order, error) {
	id, err := p.identifier()
	if err != nil {
		return Order{}, p.notAnOrder(p.peek())
	}
	var order Order
	direction := p.next()
	switch {
	case direction.kind == end || direction.is("ASC"):
	case direction.is("DESC"):
		order.Descending = true
	case direction.kind == word && p.peek().kind == end:
		return Order{}, p.fail(direction, "Invalid ordering key in order_by clause '%s'.", p.text)
	default:
		return Order{}, p.notAnOrder(direction)
	}
	if rest := p.peek(); rest.kind != end {
		return Order{}, p.notAnOrder(rest)
	}
	return order, p.resolveOrder(id, &order)
}

// resolveOrder looks up what is sorted by.
func (p *parser) resolveOrder(id identifier, order *Order) error {
	if id.text[0] == '\'' || isNumber(id.text) {
		return p.notAnOrder(id.token)
	}
	_, err := p.resolve(id, sortable, &order.Entity, &order.Key)
	if p.kind == RegisteredModels && (err != nil || order.Entity != Attribute) {
		return p.fail(id.token, "Invalid order by key '%s' specified. Valid keys are '{'name', 'timestamp'}'", id.text)
	}
	if err != nil {
		return err
	}
	switch {
	case order.Entity == Dataset:
		return p.fail(id.token, "Invalid identifier type 'dataset'")
	case order.Entity == Tag && p.kind != Runs:
		return p.fail(id.token, "Invalid order_by entity: tag")
	}
	return nil
}

func (p *parser) notAnOrder(t token) error {
	return p.fail(t, "Invalid order_by clause '%s'. Could not be parsed.", p.text)
}
