package dag

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

const (
	pending  = pipelinev1.RuntimeState_PENDING
	running  = pipelinev1.RuntimeState_RUNNING
	canceled = pipelinev1.RuntimeState_CANCELED
)

// TestRetryRunsWhatFailed runs pipelines in which a step fails, and runs them
// again when it does not: only what failed starts again, and what waited for it.
func TestRetryRunsWhatFailed(t *testing.T) {
	step := func(name string, more ...string) string {
		return "      " + name + ": {componentRef: {name: step}" + strings.Join(append([]string{""}, more...), ", ") + "}\n"
	}
	after := func(names ...string) string { return "dependentTasks: [" + strings.Join(names, ", ") + "]" }
	const always = "triggerPolicy: {strategy: ALL_UPSTREAM_TASKS_COMPLETED}"
	inner := func(name string, tasks ...string) string {
		return "  " + name + ":\n    dag:\n     tasks:\n" + strings.Join(tasks, "")
	}
	for name, c := range map[string]struct {
		components string
		tasks      []string
		fails      []string // paths that fail the first time
		again      []string // paths that start again
	}{
		"a chain": {
			tasks: []string{step("a"), step("b", after("a")), step("c", after("b"))},
			fails: []string{"b"},
			again: []string{"b", "c"},
		},
		"two branches": {
			tasks: []string{step("a"), step("b", after("a")), step("x"), step("y", after("x")), step("end", after("b", "y"))},
			fails: []string{"x"},
			again: []string{"x", "y", "end"},
		},
		"an exit task": {
			components: inner("guarded", step("good"), step("bad")),
			tasks: []string{
				"      guarded: {componentRef: {name: guarded}}\n",
				step("exit", after("guarded"), always),
			},
			fails: []string{"guarded/bad"},
			again: []string{"guarded/bad", "exit"},
		},
		"what follows an exit task": {
			tasks: []string{step("a"), step("exit", after("a"), always), step("last", after("exit")), step("apart")},
			fails: []string{"a"},
			again: []string{"a", "exit", "last"},
		},
		"a DAG behind what failed": {
			components: inner("nested", step("n1"), step("n2", after("n1"))),
			tasks:      []string{step("a"), "      nested: {componentRef: {name: nested}, " + after("a") + ", " + always + "}\n"},
			fails:      []string{"a", "nested/n2"},
			again:      []string{"a", "nested/n1", "nested/n2"},
		},
		"nested DAGs": {
			components: inner("deep", step("d1"), step("d2", after("d1"))) + inner("middle", "      deep: {componentRef: {name: deep}}\n", step("m")),
			tasks:      []string{"      middle: {componentRef: {name: middle}}\n", step("end", after("middle"))},
			fails:      []string{"middle/deep/d2"},
			again:      []string{"middle/deep/d2", "end"},
		},
		"a loop": {
			components: inner("body", step("l1"), step("l2", after("l1"))),
			tasks: []string{
				`      loop: {componentRef: {name: body}, parameterIterator: {itemInput: i, items: {raw: "[1, 2, 3]"}}, iteratorPolicy: {parallelismLimit: 2}}` + "\n",
				step("end", after("loop")),
			},
			fails: []string{"loop[1]/l2"},
			again: []string{"loop[1]/l2", "end"},
		},
		"a branch not taken": {
			tasks: []string{
				step("a"), step("b"),
				`      no: {componentRef: {name: step}, dependentTasks: [a], triggerPolicy: {condition: "1 == 2"}}` + "\n",
				step("after-no", after("no"), always),
			},
			fails: []string{"b"},
			again: []string{"b"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			spec := parse(t, c.components, "  dag:\n   tasks:\n"+strings.Join(c.tasks, ""))
			broken := map[string]any{}
			for _, path := range c.fails {
				broken[path] = errors.New("bad luck")
			}
			w := newWorld(spec, nil, echo(broken))
			if got := w.run(t).State; got != failed {
				t.Fatalf("the run ended %s at first", got)
			}
			started := len(w.order)
			w.answer = echo(nil)
			w.retry(t)
			w.drive(t)
			if w.done.State != succeeded {
				t.Errorf("the run ended %v", w.done)
			}
			if got := w.launches()[started:]; !sameElements(got, c.again) {
				t.Errorf("%q started again; want %q", got, c.again)
			}
		})
	}
}

func TestRetryKeepsThePast(t *testing.T) {
	spec := parse(t, "", `
  dag:
    tasks:
      a: {componentRef: {name: step}, retryPolicy: {maxRetryCount: 1}}
      b: {componentRef: {name: step}, dependentTasks: [a]}`)
	w := newWorld(spec, nil, func(l Launch) Result {
		r := echo(map[string]any{"a": errors.New("bad luck")})(l)
		r.Workload = l.Path + "-" + string(rune('0'+l.Number))
		return r
	})
	w.run(t)
	w.retry(t)
	w.drive(t)
	a := w.plan.Task(w.order[0].TaskID)
	if got := a.GetAttempts(); got != 4 { // the policy allows two each time
		t.Errorf("%d attempts", got)
	}
	if got, want := a.GetDetail().GetExecutorDetail().GetFailedMainJobs(), []string{"a-1", "a-2", "a-3", "a-4"}; !slices.Equal(got, want) {
		t.Errorf("workloads %q; want %q", got, want)
	}
	w.answer = echo(nil)
	w.retry(t)
	w.drive(t)
	a = w.plan.Task(w.order[0].TaskID)
	var history []pipelinev1.RuntimeState
	for _, s := range a.GetDetail().GetStateHistory() {
		history = append(history, s.GetState())
	}
	if want := []pipelinev1.RuntimeState{pending, failed, pending, failed, pending, succeeded}; !slices.Equal(withoutRunning(history), want) {
		t.Errorf("history %v; want %v", history, want)
	}
	if a.GetAttempts() != 5 || a.GetMessage() != "" || a.GetRunRetries() != 2 {
		t.Errorf("after success: %v", a)
	}
}

func withoutRunning(history []pipelinev1.RuntimeState) []pipelinev1.RuntimeState {
	return slices.Compact(slices.DeleteFunc(slices.Clone(history), func(s pipelinev1.RuntimeState) bool { return s == running }))
}

func TestRetryOfACanceledRun(t *testing.T) {
	spec := parse(t, "", `
  dag:
    tasks:
      a: {componentRef: {name: step}}
      b: {componentRef: {name: step}, dependentTasks: [a]}
      c: {componentRef: {name: step}, dependentTasks: [b]}`)
	w := newWorld(spec, nil, echo(nil))
	w.start(t)
	w.finish(t, 0)
	w.absorb(t, w.plan.Cancel(w.tick()))
	w.drive(t)
	if w.done.State != canceled {
		t.Fatalf("the run ended %v", w.done)
	}
	clear(w.stopped)
	w.retry(t)
	w.drive(t)
	if got, want := w.launches(), []string{"a", "b", "b", "c"}; w.done.State != succeeded || !slices.Equal(got, want) {
		t.Errorf("the run ended %v after %q; want %q", w.done, got, want)
	}
}

// TestRetryEndsAlike retries random pipelines, with crashes before any record is
// saved. However it goes, tasks end as they do when all goes smoothly, and what
// starts again starts once.
func TestRetryEndsAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		answer := answers(rapid.Uint64().Draw(t, "seed"))
		smooth, rough := newWorld(spec, nil, answer), newWorld(spec, nil, answer)
		smooth.run(t)
		rough.run(t)
		for range rapid.IntRange(1, 3).Draw(t, "retries") {
			if smooth.done.State != failed {
				return
			}
			smooth.retry(t)
			if smooth.done == nil {
				smooth.drive(t)
			}
			rough.retry(t)
			for rough.done == nil {
				step(t, rough, false)
			}
			rough.checkEnd(t)
			if got, want := rough.states(), smooth.states(); !maps.Equal(got, want) {
				t.Fatalf("tasks ended\n%v\nwant\n%v", got, want)
			}
			if got, want := rough.launches(), smooth.launches(); !sameElements(got, want) {
				t.Fatalf("launched %v; want %v", got, want)
			}
			smooth.checkKept(t)
		}
	})
}

// TestCancelOfARetryEnds cancels retries at random times.
func TestCancelOfARetryEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(drawSpec(t), nil, answers(rapid.Uint64().Draw(t, "seed")))
		if w.run(t).State != failed {
			return
		}
		w.retry(t)
		for range rapid.IntRange(0, 10).Draw(t, "steps before") {
			if w.done == nil {
				step(t, w, false)
			}
		}
		if w.done != nil {
			return
		}
		started := len(w.order)
		w.absorb(t, w.plan.Cancel(w.tick()))
		for w.done == nil {
			step(t, w, true)
		}
		w.checkEnd(t)
		if w.done.State != canceled {
			t.Fatalf("canceled run ended %v", w.done)
		}
		if len(w.order) > started {
			t.Fatalf("%q started after the cancel", w.order[started].Path)
		}
	})
}

// checkKept checks that a task whose success was kept was not started by this
// retry, and has its outputs still.
func (w *world) checkKept(t tester) {
	t.Helper()
	for id, n := range w.plan.nodes {
		task := w.plan.Task(id)
		if !n.isLeaf() || n.state != succeeded {
			continue
		}
		if task.GetOutputParameters() == nil {
			t.Fatalf("%q succeeded and has no outputs", n.path)
		}
		if n.retries < w.retries && n.attempt > 0 && w.ended[Attempt{TaskID: id, Number: n.attempt + 1}] {
			t.Fatalf("%q ran again though its success was kept", n.path)
		}
	}
}
