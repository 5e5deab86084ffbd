// Package engine is what happens to workloads over time: on one node, and on the head
// for those of all nodes. The head places them (package scheduler) and runs its own;
// what others run it orders, and mirrors from what they report.
//
// A workload has a life: it waits to be placed, its replicas are made ready,
// started, watched and started again, and its end is written down. Each life is
// a goroutine with one more for each replica; Run owns them all.
//
// What is true, and where:
//
//   - The store holds intent: a workload is stored, placed, before anything of it
//     is started. Its status there is written behind: at once at its end, and
//     otherwise only if it lives longer than a moment (settleAfter).
//   - The disk of the node holds fact: what the runtimes keep there says what
//     was started and how it ended. Whoever finds a workload of this node in the
//     store without knowing it, as after a crash, adopts it from there. So a
//     command never runs twice for one attempt and no end is lost.
//   - The board holds the present, for readers and watchers. The end of a
//     workload shows there as soon as it is on disk; the store follows.
//
// Directories, under <data dir>/workloads/<run>.<group>-<index>/:
//
//	work/       working directory, unless the template names another
//	log         what it wrote, all attempts one after the other
//	staged      there once its files were fetched
//
// beside what its runtime keeps there.
//
// TMPDIR is apart, in the system's own place and removed at the workload's end: the
// path of a Unix socket has room for a hundred bytes, and programs put those there.
//
// When the agent ends, replicas run on.
package engine

import (
	"context"
	"iter"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/batch"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/board"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/configmap"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/detect"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/ports"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/pyenv"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/scheduler"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/secret"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/spare"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/staging"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/volume"
)

// Objects is the object store as the engine needs it.
type Objects interface {
	staging.Store
	// Local returns the directory that the store is, and whether it is one.
	Local() (string, bool)
	// Base returns what URI puts before the slash and the name.
	Base() string
	// Files lists what is at a URI; fault.NotFound when nothing is.
	Files(ctx context.Context, uri string) ([]blob.File, error)
	// Children goes through what lies directly below a name.
	Children(ctx context.Context, name string) iter.Seq2[blob.Child, error]
	// RemoveTree removes what is at a name, if anything is.
	RemoveTree(ctx context.Context, name string) error
}

// Options are what an engine works with.
type Options struct {
	Node      string // name of the node
	Version   string // of the agent
	DataDir   string // absolute
	Joined    bool   // whether the node has joined others, and takes orders from their head
	Address   string // at which the head calls a node that has joined
	Host      string // at which replicas on other nodes reach those of this one
	MaxActive int    // workloads that run at once; 0 chooses by the number of cores
	UV        string // path; empty without uv
	RSH       string // path of kfmesh-rsh; empty without

	Labels   map[string]string   // of the node, for workloads to select it by
	Taints   []*gpuagentv1.Taint // of the node, which keep workloads off that do not tolerate them
	Policy   scheduler.Policy    // of the head
	LeaseTTL time.Duration       // after which it is held for lost when it is not heard of

	State      *state.State
	Secrets    *secret.Vault
	ConfigMaps *configmap.Shelf
	Volumes    *volume.Volumes
	Objects    Objects
	Runtimes   runtime.Set
	Pythons    *pyenv.Finder
	GPUs       detect.GPUs
	Agents     Agents                  // nil where no node can join
	Head       doorv1.RunServiceClient // of a node that has joined
	Log        *slog.Logger
}

// Agents reaches the agents of nodes that have joined.
type Agents interface {
	// Agent returns the connection to a node's agent at an address.
	Agent(node, address string) (grpc.ClientConnInterface, error)
}

// Engine runs the workloads of a node. It is safe for concurrent use.
type Engine struct {
	Options
	board   *board.Board
	cache   *store.Cache[*gpuagentv1.Workload]
	volumes *store.Cache[*gpuagentv1.PersistentVolume]
	nodes   *store.Cache[*gpuagentv1.Node]
	marks   *store.Cache[*gpuagentv1.NodeMarks]
	queues  *store.Cache[*gpuagentv1.Queue]
	classes *store.Cache[*gpuagentv1.PriorityClass]
	reports *store.Cache[*gpuagentv1.Report] // of all nodes, on the head
	orders  *store.Cache[*gpuagentv1.Order]  // to this node, where it has joined

	work  chan func(context.Context) // for Run's goroutines to do
	ended chan struct{}              // closed when Run no longer takes work
	ready chan struct{}              // closed once the node is known and its workloads are adopted

	dirs, tempDirs *spare.Dirs
	deletions      *batch.Queue[string] // by key

	mu        sync.Mutex
	node      *gpuagentv1.Node     // guarded by mu
	scheduler *scheduler.Scheduler // guarded by mu; of use on the head alone
	alarm     *time.Timer          // guarded by mu; nil unless it is to decide again at a time
	ports     *ports.Ports         // guarded by mu
	load      detect.Load          // guarded by mu; of the node's processors
	lives     map[string]*life     // guarded by mu; by nameOf, until they have ended
	problems  map[string]string    // guarded by mu; what is wrong with GPUs, by UUID
	hopeless  map[string]string    // guarded by mu; why workloads that are to fail then ask for more than there is, by uid
	settled   time.Time            // guarded by mu; when nodes that were there before have had time to come back
	terms     tenures              // guarded by mu; of the other nodes, on the head

	sitting chan struct{} // closed once a node that has joined has a term
	seated  sync.Once     // closes it

	sessions detect.Sessions // what replicas have used; belongs to report

	unwell  chan struct{}     // holds a token when a GPU has had an error that is to be told
	keeping sync.Mutex        // held by the one who writes problems down
	kept    map[string]string // guarded by keeping; what was written down last
}

// New returns an engine. Run makes it work.
func New(o Options) *Engine {
	e := &Engine{
		Options: o,
		board:   board.New(),
		work:    make(chan func(context.Context)),
		ended:   make(chan struct{}),
		ready:   make(chan struct{}),
		dirs:    spare.New(filepath.Join(o.DataDir, "spare"), 0o755),
		ports:   ports.New(),
		lives:   map[string]*life{},
		unwell:  make(chan struct{}, 1),

		hopeless:  map[string]string{},
		terms:     tenures{},
		sitting:   make(chan struct{}),
		scheduler: scheduler.New(o.Policy),

		tempDirs:  spare.New(spareTempDir(o.DataDir), 0o700),
		deletions: newDeletions(o.State),
	}
	if e.LeaseTTL == 0 {
		e.LeaseTTL = DefaultLeaseTTL
	}
	e.cache = store.NewCache(o.State.Workloads, nil, e.observe)
	e.volumes = store.NewCache(o.State.Volumes, nil, e.observeVolumes)
	e.nodes = store.NewCache(o.State.Nodes, nil, e.observeNodes)
	e.marks = store.NewCache(o.State.Marks, nil, e.observeMarks)
	e.queues = store.NewCache(o.State.Queues, nil, e.observeQueues)
	e.classes = store.NewCache(o.State.PriorityClasses, nil, nil)
	e.reports = store.NewCache(o.State.Reports, nil, e.observeReports)
	e.orders = store.NewCache(o.State.OrdersOf(o.Node), nil, e.observeOrders)
	return e
}

// Board is where the present state of all workloads can be read and watched.
func (e *Engine) Board() *board.Board { return e.board }

// Ready returns an error that says what the engine waits for, or nil.
func (e *Engine) Ready() error {
	select {
	case <-e.ready:
		return nil
	default:
		return fault.Unavailablef("node %s is still adopting its workloads", e.Node)
	}
}

// Adopted waits until the node's workloads are known and adopted.
func (e *Engine) Adopted(ctx context.Context) error {
	select {
	case <-e.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run adopts what the node was doing and works until ctx ends. Replicas that run
// then are left running.
func (e *Engine) Run(ctx context.Context) error {
	defer e.Runtimes.Close()
	closeSpares, err := e.openSpares()
	defer closeSpares()
	if err != nil {
		return err
	}
	status := detect.Hardware(ctx, e.GPUs, e.Log)
	e.checkRuntimes(ctx, status)
	status.AgentAddress, status.Host, status.Taints = e.Address, e.Host, e.Taints
	problems := e.recallProblems(ctx, status.GetGpus())
	e.mu.Lock()
	e.problems = problems
	e.node = &gpuagentv1.Node{Metadata: &metav1.ObjectMeta{Name: e.Node, Labels: e.Labels}, Status: status}
	status.MaxWorkloads = int32(e.maxActive())
	e.scheduler.SetNode(seen(e.node))
	e.mu.Unlock()

	group, ctx := errgroup.WithContext(ctx)
	for _, cache := range e.caches() {
		group.Go(func() error { return ended(ctx, cache.Run(ctx)) })
	}
	group.Go(func() error { return e.report(ctx) })
	group.Go(func() error {
		e.watchNode(ctx)
		return nil
	})
	group.Go(func() error {
		e.hearGPUs(ctx)
		return nil
	})
	group.Go(func() error { return e.begin(ctx) })
	for {
		select {
		case f := <-e.work:
			group.Go(func() error {
				f(ctx)
				return nil
			})
		case <-ctx.Done():
			close(e.ended) // before the wait: what it waits for may want to spawn
			return group.Wait()
		}
	}
}

// cached is what is mirrored from the store.
type cached interface {
	Run(context.Context) error
	WaitSynced(context.Context) error
}

// caches are those that the engine needs.
func (e *Engine) caches() []cached {
	if e.Joined {
		return []cached{e.volumes, e.orders}
	}
	return []cached{e.volumes, e.marks, e.nodes, e.queues, e.classes, e.reports, e.cache}
}

// activePerCore is how many workloads run at once for each core of the node.
const activePerCore = 16

func (e *Engine) maxActive() int {
	if e.MaxActive > 0 {
		return e.MaxActive
	}
	return max(activePerCore, activePerCore*int(e.node.GetStatus().GetCpuMilli()/1000))
}

// ended turns the error of something that ran until ctx ended into none.
func ended(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// begin opens for business once everything stored was looked at.
func (e *Engine) begin(ctx context.Context) error {
	for _, cache := range e.caches() {
		if err := ended(ctx, cache.WaitSynced(ctx)); err != nil || ctx.Err() != nil {
			return err
		}
	}
	e.sweep(ctx)
	if !e.Joined {
		if err := e.sweepOrders(ctx); err != nil {
			return ended(ctx, err)
		}
		e.mu.Lock()
		e.enlist(store.Item[*gpuagentv1.Node]{Key: e.Node, Value: e.node}) // with its marks, which are known by now
		e.loseAbsent()
		e.unsettle()
		e.decide() // on those that were waiting when the last agent ended
		e.mu.Unlock()
	}
	close(e.ready)
	e.reapAll(ctx)
	if !e.Joined {
		e.keepSweeping(ctx)
	}
	return nil
}

// spawn has Run do something in a goroutine of its own. It returns false when
// Run has ended, and then it is not done.
func (e *Engine) spawn(f func(context.Context)) bool {
	select {
	case e.work <- f:
		return true
	case <-e.ended:
		return false
	}
}

// observe hears of every change in the store, in order, and adopts workloads of
// this node that it does not know.
func (e *Engine) observe(updates []store.Update[*gpuagentv1.Workload]) {
	e.board.Observe(updates)
	for _, u := range updates {
		if w, ok := e.board.Get(u.Item.Key); ok && !u.Deleted && !state.Ended(w.GetStatus().GetPhase()) {
			e.adopt(w)
		}
	}
}

// adopt takes up the life of a stored workload, unless that is going on.
func (e *Engine) adopt(w *gpuagentv1.Workload) {
	placed := w.GetStatus().GetPhase() != gpuagentv1.Phase_PHASE_PENDING
	e.mu.Lock()
	_, known := e.lives[w.GetMetadata().GetUid()]
	var l *life
	if !known {
		l = newLife(e, w)
		close(l.known)
		if w.GetStatus().GetStopRequested() {
			l.stop(errStopAsked)
		}
		e.lives[l.uid] = l
		if placed {
			e.restore(l)
		} else {
			e.scheduler.Submit(e.jobOf(w))
			if e.Ready() == nil { // before, those that run already must be entered first
				e.decide()
			}
		}
	}
	e.mu.Unlock()
	if l != nil {
		e.spawn(l.lead)
	}
}

// life returns the life of a workload that has not ended.
func (e *Engine) life(w *gpuagentv1.Workload) *life {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lives[w.GetMetadata().GetUid()]
}

// Durations of the engine.
const (
	lastMoment   = 500 * time.Millisecond // what others have to end when a replica they need has failed
	settleAfter  = 200 * time.Millisecond // a life shorter than this is stored once, at its end
	storeTimeout = 30 * time.Second       // of one write that must not be given up with its request
	retryEvery   = 500 * time.Millisecond
	forgetEvery  = 10 * time.Second
)
