package engine

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/detect"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// reportEvery is how often a node's record is written though nothing is known to have changed.
const reportEvery = 30 * time.Second

// DefaultLeaseTTL is after what time a node that is not heard of is held for lost.
const DefaultLeaseTTL = 15 * time.Second

// lapses is how often in the time of a lease it is noted how far it goes by now.
const lapses = 10

// report keeps the node's record in the store for as long as the agent lives:
// it is bound to a lease, and made anew when the lease was lost.
func (e *Engine) report(ctx context.Context) error {
	e.describe(ctx)
	for ctx.Err() == nil {
		if err := e.reportUnderLease(ctx); err != nil && ctx.Err() == nil {
			e.Log.WarnContext(ctx, "node is not reported", "error", err)
			select {
			case <-time.After(retryEvery):
			case <-ctx.Done():
			}
		}
	}
	return nil
}

func (e *Engine) reportUnderLease(ctx context.Context) error {
	lease, err := e.State.Backend.Grant(ctx, e.LeaseTTL)
	if err != nil {
		return err
	}
	defer e.giveUp(ctx, lease)
	if err := e.sit(ctx, lease); err != nil {
		return err
	}
	report := time.NewTimer(0)
	defer report.Stop()
	lapse := time.NewTicker(e.LeaseTTL / lapses)
	defer lapse.Stop()
	for {
		if err := e.lend(e.termNow(), lease); err != nil {
			return err
		}
		select {
		case <-lapse.C:
		case <-e.unwell:
			report.Reset(0)
		case <-report.C:
			next, err := e.writeNode(ctx, lease)
			if err != nil {
				return err
			}
			report.Reset(next)
		case <-lease.Done():
			if ctx.Err() == nil {
				e.lapse(ctx)
			}
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// writeNode stores the node's record as it is by now, and returns when to do so next. A
// store that does not answer says nothing about the lease.
func (e *Engine) writeNode(ctx context.Context, lease store.Lease) (next time.Duration, err error) {
	op := e.State.Nodes.UpdateOp(e.Node, e.nodeNow(), store.AnyRevision)
	op.Lease = lease
	_, err = e.State.Backend.Commit(ctx, op)
	if fault.Is(err, fault.Unavailable) {
		e.Log.WarnContext(ctx, "node is not reported yet", "error", err)
		return retryEvery, nil
	}
	return reportEvery, err
}

// watchNode looks every so often at what may have changed. It is apart from report, which
// nothing that hangs may keep from noting how far the lease goes.
func (e *Engine) watchNode(ctx context.Context) {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			e.recheckRuntimes(ctx)
			e.watchGPUs(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// giveUp ends a lease, so that the node is known to be gone at once and not when the lease
// runs out. What a node that has joined runs runs on when its agent ends: until the lease
// runs out, or another agent takes it up.
func (e *Engine) giveUp(ctx context.Context, lease store.Lease) {
	if e.busy() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := lease.Revoke(ctx); err != nil {
		e.Log.DebugContext(ctx, "lease runs out by itself", "error", err)
	}
}

// busy reports whether a node that has joined runs anything.
func (e *Engine) busy() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.Joined && len(e.lives) > 0
}

// describe asks the programs that take a moment to answer.
func (e *Engine) describe(ctx context.Context) {
	uv := detect.UVVersion(ctx, e.UV)
	python, _, err := e.Pythons.Find(ctx, "")
	if err != nil {
		e.Log.InfoContext(ctx, "steps that need Python cannot run here", "error", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.node.Status.UvVersion, e.node.Status.PythonVersion = uv, python.Version
	e.node.Status.AgentVersion = e.Version
	e.node.Status.Ready = true
}

// recheckRuntimes notes which runtimes work by now.
func (e *Engine) recheckRuntimes(ctx context.Context) {
	found := &gpuagentv1.NodeStatus{Gpus: e.gpus()}
	e.checkRuntimes(ctx, found)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.node.Status.Runtimes, e.node.Status.ContainerEngine = found.GetRuntimes(), found.GetContainerEngine()
	e.node.Status.EnforcedLimits, e.node.Status.LimitsMessage = found.GetEnforcedLimits(), found.GetLimitsMessage()
	e.node.Status.GpusFenced, e.node.Status.GpuFenceMessage = found.GetGpusFenced(), found.GetGpuFenceMessage()
}

// checkRuntimes enters into a status which of the offered runtimes work.
func (e *Engine) checkRuntimes(ctx context.Context, status *gpuagentv1.NodeStatus) {
	for _, r := range e.Runtimes.Offered {
		engine, err := r.Check(ctx)
		if err != nil {
			e.Log.DebugContext(ctx, "a runtime does not work here", "runtime", r.Name(), "error", err)
			continue
		}
		status.Runtimes = append(status.Runtimes, r.Name())
		if limiter, ok := r.(runtime.Limiter); ok {
			status.EnforcedLimits, status.LimitsMessage = limiter.Limits()
		}
		if fencer, ok := r.(runtime.Fencer); ok && len(status.GetGpus()) > 0 {
			status.GpusFenced, status.GpuFenceMessage = fencer.Fence(detect.Withheld(status.GetGpus(), nil))
		}
		status.ContainerEngine = cmp.Or(engine, status.GetContainerEngine())
	}
}

// nodeNow is the node's record as it is to be stored.
func (e *Engine) nodeNow() *gpuagentv1.Node {
	replicas := e.replicasNow()
	e.mu.Lock()
	defer e.mu.Unlock()
	detect.Refresh(e.node.GetStatus(), e.DataDir, &e.load)
	e.node.Status.RunningWorkloads, e.node.Status.Replicas = 0, replicas
	for _, l := range e.lives {
		if l.isPlaced() {
			e.node.Status.RunningWorkloads++
		}
	}
	return proto.CloneOf(e.node)
}

// gpus are those of the node: to give out, and to hide from who was given none.
func (e *Engine) gpus() []*gpuagentv1.Gpu {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.node.GetStatus().GetGpus()
}

// given are the GPUs with some indexes as a runtime is told of them: by names that no
// restart of the node changes and that their vendor knows. Shares are named after their
// GPU, each once.
func given(all []*gpuagentv1.Gpu, indexes []int32) ([]runtime.GPU, error) {
	var found []runtime.GPU
	for _, index := range indexes {
		at := slices.IndexFunc(all, func(gpu *gpuagentv1.Gpu) bool { return gpu.GetIndex() == index })
		if at < 0 {
			return nil, fault.Unavailablef("GPU %d, which the replica was given, is no longer there", index)
		}
		gpu := runtime.GPU{UUID: cmp.Or(all[at].GetUuid(), strconv.Itoa(int(index))), Vendor: vendorOf(all[at])}
		if all[at].GetShares() > 0 {
			gpu.UUID = all[at].GetParentUuid()
		}
		if slices.ContainsFunc(found, func(other runtime.GPU) bool { return other.UUID == gpu.UUID }) {
			continue
		}
		for _, node := range all[at].GetDeviceNodes() {
			gpu.Devices = append(gpu.Devices, node.GetPath())
		}
		found = append(found, gpu)
	}
	return found, nil
}

// vendorsOf are those whose GPUs a node has, in order.
func vendorsOf(gpus []*gpuagentv1.Gpu) []string {
	var vendors []string
	for _, gpu := range gpus {
		vendors = append(vendors, vendorOf(gpu))
	}
	slices.Sort(vendors)
	return slices.Compact(vendors)
}

// vendorOf is whose a GPU is. Agents of before it was told knew NVIDIA's.
func vendorOf(gpu *gpuagentv1.Gpu) string { return cmp.Or(gpu.GetVendor(), detect.VendorNvidia) }
