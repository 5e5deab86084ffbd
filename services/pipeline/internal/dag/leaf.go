package dag

import (
	"errors"
	"fmt"
	"math"
	"time"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// Defaults of a retry policy.
const (
	defaultBackoffFactor = 2
	defaultBackoffMax    = time.Hour
)

// openLeaf launches the first attempt, or takes up what was remembered.
func (p *Plan) openLeaf(n *node) {
	if p.begunNow(n) {
		p.resume(n, p.memory.tasks[n.id])
		return
	}
	p.launch(n, n.attempt+1, time.Time{})
}

func (p *Plan) launch(n *node, attempt int, notBefore time.Time) {
	l := n.launch(notBefore)
	l.Number = attempt
	pod, err := p.spec.Pod(n.component.ExecutorLabel).Bind(func(in ir.ParameterInput) (any, error) { return p.podValue(n, in) })
	if err != nil {
		p.fail(n, "its Kubernetes platform spec: "+err.Error())
		return
	}
	l.Pod = pod
	n.attempt = attempt
	p.effects.Launch = append(p.effects.Launch, l)
	p.changed(n)
}

// podValue is what a reference of the platform spec stands for, nil where its
// parameter has no value. It is resolved beside the task's own inputs.
func (p *Plan) podValue(n *node, in ir.ParameterInput) (any, error) {
	value, err := p.parameter(n, in)
	if errors.Is(err, errAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return p.options.Load.Whole(value)
}

// stop asks for the end of the running attempt.
func (p *Plan) stop(n *node) {
	n.phase = stopping
	n.enter(pipelinev1.RuntimeState_CANCELING, p.now)
	p.effects.Stop = append(p.effects.Stop, n.launch(time.Time{}))
	p.changed(n)
}

// launch describes the present attempt.
func (n *node) launch(notBefore time.Time) Launch {
	return Launch{
		Attempt:   Attempt{TaskID: n.id, Number: n.attempt},
		Name:      n.name,
		Path:      n.path,
		Task:      n.task,
		Component: n.component,
		Executor:  n.executor,
		Inputs:    n.inputs,
		NotBefore: notBefore,
	}
}

// resume takes up a leaf as it was recorded before a crash.
func (p *Plan) resume(n *node, past *pipelinev1.Task) {
	p.memory.restoreLeaf(n, past)
	switch {
	case n.state == pipelinev1.RuntimeState_SUCCEEDED:
		p.settle(n, n.state, "")
	case n.state == pipelinev1.RuntimeState_FAILED:
		p.fail(n, n.message)
	case n.state == pipelinev1.RuntimeState_CANCELED:
		p.settle(n, n.state, n.message)
	case p.canceled:
		p.stop(n)
	case n.tries() > 1 && !n.ended.IsZero(): // the attempt before ended, this one has not begun
		p.launch(n, n.attempt, n.ended.Add(backoff(n.task.RetryPolicy, n.tries()-1)))
	default:
		p.launch(n, n.attempt, time.Time{})
	}
}

// finish ends the running attempt.
func (p *Plan) finish(n *node, r Result) {
	n.exitCode, n.logTail, n.cachedFrom, n.warnings = r.ExitCode, r.LogTail, r.CachedFrom, r.Warnings
	if r.Workload != "" {
		n.workload = r.Workload
	}
	if !r.Started.IsZero() {
		n.started = r.Started
		if n.phase == open {
			n.enter(pipelinev1.RuntimeState_RUNNING, r.Started) // it was so short that nobody said so
		}
	}
	n.ended = r.Ended
	if n.ended.IsZero() {
		n.ended = p.now
	}
	if r.Verdict == Succeeded {
		if err := checkParameters(r.Outputs.Parameters); err != nil {
			r.Verdict, r.Message = Rejected, fmt.Sprintf("an output parameter cannot be stored: %v", err)
		}
	}
	switch {
	case r.Verdict == Succeeded:
		n.outputs = r.Outputs
		p.settle(n, pipelinev1.RuntimeState_SUCCEEDED, "")
	case r.Verdict == Stopped && p.canceled:
		p.settle(n, pipelinev1.RuntimeState_CANCELED, "the run was canceled")
	case r.Verdict != Rejected && !p.canceled && n.mayRetry():
		n.noteFailed(r.Workload)
		n.message = fmt.Sprintf("attempt %d failed: %s", n.attempt, r.Message)
		n.enter(pipelinev1.RuntimeState_PENDING, p.now)
		p.launch(n, n.attempt+1, n.ended.Add(backoff(n.task.RetryPolicy, n.tries())))
	default:
		n.noteFailed(r.Workload)
		p.fail(n, r.Message)
	}
}

// noteFailed notes the workload of an attempt that failed, if it got one.
func (n *node) noteFailed(workload string) {
	if workload != "" {
		n.failed = append(n.failed, workload)
	}
}

// tries is how many attempts there were since the run was last retried.
func (n *node) tries() int { return n.attempt - n.earlier }

// mayRetry reports whether the policy allows an attempt after the present one.
func (n *node) mayRetry() bool {
	return n.task.RetryPolicy != nil && n.tries() <= int(n.task.RetryPolicy.MaxRetryCount)
}

// backoff is how long to wait after the failed attempt: the policy's duration,
// multiplied by its factor for each attempt before, up to its maximum.
func backoff(policy *ir.RetryPolicy, attempt int) time.Duration {
	if policy == nil {
		return 0
	}
	factor, limit := policy.BackoffFactor, time.Duration(policy.BackoffMaxDuration)
	if factor <= 0 {
		factor = defaultBackoffFactor
	}
	if limit <= 0 {
		limit = defaultBackoffMax
	}
	wait := float64(policy.BackoffDuration) * math.Pow(factor, float64(attempt-1))
	return time.Duration(min(wait, float64(limit)))
}
