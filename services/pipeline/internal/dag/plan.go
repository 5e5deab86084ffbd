package dag

import (
	"maps"
	"time"

	"github.com/google/uuid"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/expr"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// Run is what a plan knows of its run.
type Run struct {
	ID           string
	ResourceName string         // what a taskFinalStatus calls the run
	Parameters   map[string]any // of the pipeline, checked, defaults filled in
	Retries      int            // how often the run was retried
}

// Options are the limits of a plan.
type Options struct {
	// MaxIterations is the largest number of iterations of one loop; a loop
	// over more items fails. 0 means no limit.
	MaxIterations int
	// Conditions compiles conditions; plans may share it.
	Conditions *expr.Conditions
	// Load reads a large value where what follows depends on its content: in
	// conditions, as the items of a loop, and where a part of it is asked for. It
	// answers alike whenever asked.
	Load ir.Load
}

// Plan is the state of one run.
type Plan struct {
	spec       *ir.Spec
	run        Run
	options    Options
	space      uuid.UUID
	root       *node
	nodes      map[string]*node // by id
	graphs     map[*ir.DAG]*graph
	components map[string]*ir.Component
	queue      []*node          // to be decided or completed
	memory     memory           // what was saved before a crash
	numbers    map[string]int64 // of artifacts in the metadata service, by uid
	sizes      ir.Sizes
	planned    int // tasks of the run, but for those of loops that are not open yet
	canceled   bool
	now        time.Time // of the event in hand
	effects    Effects   // of the event in hand
}

// New returns the plan of a run that has not started. The spec must be valid.
func New(spec *ir.Spec, run Run, options Options) *Plan {
	if options.Conditions == nil {
		options.Conditions = expr.NewConditions()
	}
	space, err := uuid.Parse(run.ID)
	if err != nil {
		space = uuid.NewSHA1(uuid.NameSpaceURL, []byte(run.ID))
	}
	return &Plan{
		spec:       spec,
		sizes:      ir.NewSizes(spec),
		run:        run,
		options:    options,
		space:      space,
		nodes:      map[string]*node{},
		graphs:     map[*ir.DAG]*graph{},
		components: map[string]*ir.Component{},
		numbers:    map[string]int64{},
	}
}

// Start starts the run. It is called once, and not after Restore.
func (p *Plan) Start(now time.Time) Effects { return p.Restore(nil, false, now) }

// Restore starts the run from the records that were saved of it. Attempts that
// may have been started before are launched again under the same number.
// Canceled says whether Cancel was called before. Records from before the last
// retry of the run are taken up as that retry has it: see retrial.
func (p *Plan) Restore(tasks []*pipelinev1.Task, canceled bool, now time.Time) Effects {
	p.now = now
	p.canceled = canceled
	p.memory = p.remember(tasks)
	p.planned = p.sizes.Of(p.spec.Root)
	p.root = p.newNode(nil, 0, "", "", nil, &p.spec.Root)
	p.enqueue(p.root)
	return p.drain()
}

// Progress tells news of an attempt. News of any attempt but the running one
// are ignored.
func (p *Plan) Progress(attempt Attempt, news Progress, now time.Time) Effects {
	p.now = now
	n := p.running(attempt)
	if n == nil {
		return Effects{}
	}
	n.message, n.warnings = news.Message, news.Warnings
	if news.Workload != "" {
		n.workload = news.Workload
	}
	if news.Running {
		n.started, n.ended = news.Started, time.Time{}
		if n.phase == open {
			n.enter(pipelinev1.RuntimeState_RUNNING, p.now)
		}
	}
	p.changed(n)
	return p.drain()
}

// Finished tells how an attempt ended. The end of any attempt but the running
// one is ignored.
func (p *Plan) Finished(attempt Attempt, result Result, now time.Time) Effects {
	p.now = now
	if n := p.running(attempt); n != nil {
		p.finish(n, result)
	}
	return p.drain()
}

// Recorded tells the numbers that the metadata service gave to the execution of
// a task and to artifacts, by uid.
func (p *Plan) Recorded(taskID string, execution int64, artifacts map[string]int64) Effects {
	for uid, number := range artifacts {
		p.numbers[uid] = number
	}
	if n := p.nodes[taskID]; n != nil && execution != n.recorded {
		n.recorded = execution
		p.changed(n)
	}
	return p.drain()
}

// Added adds an artifact to the outputs of a task that has ended. Nothing of the
// run depends on it.
func (p *Plan) Added(taskID, key string, a ir.Artifact) Effects {
	n := p.nodes[taskID]
	if n == nil || n.kept != nil || n.phase != settled || len(n.outputs.Artifacts[key]) > 0 {
		return Effects{}
	}
	outputs := maps.Clone(n.outputs.Artifacts)
	if outputs == nil {
		outputs = map[string][]ir.Artifact{}
	}
	outputs[key] = []ir.Artifact{a}
	n.outputs.Artifacts = outputs
	p.changed(n)
	return p.drain()
}

// Cancel stops the run: what runs is stopped, and nothing more is started. A
// run that has ended is left as it is.
func (p *Plan) Cancel(now time.Time) Effects {
	p.now = now
	if p.canceled || p.root.phase == settled {
		return Effects{}
	}
	p.canceled = true
	p.cancel(p.root)
	return p.drain()
}

// cancel stops the open nodes of a tree.
func (p *Plan) cancel(n *node) {
	if n.phase != open {
		return
	}
	if n.isLeaf() {
		p.stop(n)
		return
	}
	n.enter(pipelinev1.RuntimeState_CANCELING, p.now)
	p.changed(n)
	for _, c := range n.children {
		if c != nil {
			p.cancel(c)
		}
	}
	if n.loop != nil {
		p.advance(n)
	}
}

// running returns the leaf whose running attempt is meant, nil if it is over.
func (p *Plan) running(a Attempt) *node {
	n := p.nodes[a.TaskID]
	if n == nil || !n.isLeaf() || n.attempt != a.Number || (n.phase != open && n.phase != stopping) {
		return nil
	}
	return n
}

// newNode adds a node to the tree.
func (p *Plan) newNode(parent *node, index int, name, path string, task *ir.Task, component *ir.Component) *node {
	n := &node{
		id:        p.idOf(path),
		name:      name,
		path:      path,
		parent:    parent,
		index:     index,
		task:      task,
		component: component,
	}
	n.kind = p.kindOf(n)
	n.retries = p.run.Retries
	n.anew = parent != nil && parent.anew
	p.recall(n)
	p.nodes[n.id] = n
	return n
}

// idOf derives the id of the task with the path.
func (p *Plan) idOf(path string) string { return uuid.NewSHA1(p.space, []byte(path)).String() }

// kindOf tells the kind of a node and finds the executor of a leaf.
func (p *Plan) kindOf(n *node) pipelinev1.Task_Kind {
	switch {
	case n.iterates():
		return pipelinev1.Task_KIND_LOOP
	case n.component.DAG != nil && n.isIteration():
		return pipelinev1.Task_KIND_ITERATION
	case n.component.DAG != nil:
		return pipelinev1.Task_KIND_DAG
	}
	executor := p.spec.DeploymentSpec.Executors[n.component.ExecutorLabel]
	n.executor = &executor
	if executor.Importer != nil {
		return pipelinev1.Task_KIND_IMPORTER
	}
	return pipelinev1.Task_KIND_CONTAINER
}

func (p *Plan) graphOf(d *ir.DAG) *graph {
	g := p.graphs[d]
	if g == nil {
		g = newGraph(d)
		p.graphs[d] = g
	}
	return g
}

func (p *Plan) componentOf(task *ir.Task) *ir.Component {
	name := task.ComponentRef.Name
	c := p.components[name]
	if c == nil {
		component := p.spec.Components[name]
		c = &component
		p.components[name] = c
	}
	return c
}

func (p *Plan) changed(n *node) { p.effects.Changed = append(p.effects.Changed, n.id) }

func (p *Plan) enqueue(n *node) {
	n.phase = max(n.phase, queued)
	p.queue = append(p.queue, n)
}

// drain works off the queue and returns the effects of the event in hand. The
// queue keeps the depth of calls independent of the length of the pipeline.
func (p *Plan) drain() Effects {
	for len(p.queue) > 0 {
		n := p.queue[0]
		p.queue = p.queue[1:]
		if n.phase == queued {
			p.decide(n)
		} else {
			p.complete(n)
		}
	}
	p.queue = nil
	effects := p.effects
	p.effects = Effects{}
	return effects
}
