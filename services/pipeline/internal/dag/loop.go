package dag

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// loop is the state of a loop node.
type loop struct {
	inputs    ir.Values // of the loop, shared by all iterations
	parameter string    // name of the input that is the item, if items are parameters
	items     []any
	artifact  string // name of the input that is the item, if items are artifacts
	artifacts []ir.Artifact
	next      int // first iteration that was not opened
	active    int // iterations that are open
	limit     int // of active; 0 means none
}

// openLoop opens as many iterations as may run at once.
func (p *Plan) openLoop(n *node) {
	l, err := p.newLoop(n)
	if err != nil {
		p.fail(n, err.Error())
		return
	}
	count := len(l.items) + len(l.artifacts)
	if limit := p.options.MaxIterations; limit > 0 && count > limit {
		p.fail(n, fmt.Sprintf("the loop has %d items; at most %d are allowed", count, limit))
		return
	}
	if !p.room(n, count) {
		return
	}
	n.loop = l
	n.children = make([]*node, count)
	n.pending = count
	p.enterOpen(n)
	p.advance(n)
}

// room reserves room in the run for the iterations of a loop and what is in them.
// It fails the loop when there is none: loops in loops may come to more than
// memory holds.
func (p *Plan) room(n *node, count int) bool {
	tasks := p.planned + count*(1+p.sizes.Of(*n.component))
	if tasks > ir.MaxTasks {
		p.fail(n, fmt.Sprintf("the run would have %d tasks with the %d iterations of this loop; at most %d are allowed", tasks, count, ir.MaxTasks))
		return false
	}
	p.planned = tasks
	return true
}

// advance opens further iterations as far as the limit allows. Of a canceled
// run only those are opened that were open before a crash, or had ended; the
// others count as canceled.
func (p *Plan) advance(n *node) {
	l := n.loop
	for ; l.next < len(n.children) && (l.limit == 0 || l.active < l.limit); l.next++ {
		path := n.path + "[" + strconv.Itoa(l.next) + "]"
		if p.canceled && !p.memory.opened[path] && !p.hadEnded(path) {
			n.pending--
			n.canceled++
			continue
		}
		c := p.newNode(n, l.next, n.name, path, n.task, n.component)
		n.children[l.next] = c
		l.active++
		p.changed(c)
		p.enqueue(c)
	}
	if n.pending == 0 {
		p.queue = append(p.queue, n)
	}
}

func (p *Plan) newLoop(n *node) (*loop, error) {
	l := &loop{inputs: n.inputs}
	if policy := n.task.IteratorPolicy; policy != nil {
		l.limit = int(policy.ParallelismLimit)
	}
	if it := n.task.ArtifactIterator; it != nil {
		l.artifact = it.ItemInput
		l.artifacts = n.inputs.Artifacts[it.Items.InputArtifact]
		return l, nil
	}
	it := n.task.ParameterIterator
	l.parameter = it.ItemInput
	items, err := p.itemsOf(it, n.inputs)
	if err != nil {
		return nil, err
	}
	l.items = items
	return l, nil
}

// itemsOf returns the list that a loop runs over.
func (p *Plan) itemsOf(it *ir.ParameterIterator, inputs ir.Values) ([]any, error) {
	if it.Items.InputParameter == "" {
		return parseItems("the loop's items", it.Items.Raw)
	}
	what := fmt.Sprintf("the loop's input %q", it.Items.InputParameter)
	value, err := p.options.Load.Value(inputs.Parameters[it.Items.InputParameter])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	switch v := value.(type) {
	case []any:
		return v, nil
	case string:
		return parseItems(what, v)
	case nil:
		return nil, fmt.Errorf("%s has no value; it must be a list", what)
	default:
		return nil, fmt.Errorf("%s is a %T; it must be a list", what, v)
	}
}

func parseItems(what, text string) ([]any, error) {
	var items []any
	if err := json.Unmarshal([]byte(text), &items); err != nil {
		return nil, fmt.Errorf("%s must be a JSON list: %w", what, err)
	}
	return items, nil
}

// inputsOf returns the inputs of an iteration: those of the loop and its item.
func (l *loop) inputsOf(n *node) ir.Values {
	in := l.inputs
	if l.parameter != "" {
		in.Parameters = withEntry(in.Parameters, l.parameter, l.items[n.index])
	}
	if l.artifact != "" {
		in.Artifacts = withEntry(in.Artifacts, l.artifact, l.artifacts[n.index:n.index+1])
	}
	return in
}

func withEntry[V any](m map[string]V, key string, value V) map[string]V {
	c := make(map[string]V, len(m)+1)
	maps.Copy(c, m)
	c[key] = value
	return c
}
