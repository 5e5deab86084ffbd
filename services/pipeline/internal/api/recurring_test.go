package api

import (
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/recur"
)

// hourly is a request for a recurring run with a spec of its own.
func hourly(t *testing.T) *pipelinev1.RecurringRun {
	t.Helper()
	run := helloRun(t)
	return &pipelinev1.RecurringRun{
		DisplayName:    "hourly",
		PipelineSource: &pipelinev1.RecurringRun_PipelineSpec{PipelineSpec: run.GetPipelineSpec()},
		RuntimeConfig:  run.GetRuntimeConfig(),
		Trigger: &pipelinev1.Trigger{Trigger: &pipelinev1.Trigger_CronSchedule{
			CronSchedule: &pipelinev1.CronSchedule{Cron: "@hourly", StartTime: timestamppb.New(time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC))},
		}},
	}
}

func (f *fixture) recurring(t *testing.T, change func(*pipelinev1.RecurringRun)) *pipelinev1.RecurringRun {
	t.Helper()
	asked := hourly(t)
	if change != nil {
		change(asked)
	}
	return must(f.CreateRecurringRun(t.Context(), &pipelinev1.CreateRecurringRunRequest{RecurringRun: asked}))(t)
}

func (f *fixture) getRecurring(t *testing.T, id string) *pipelinev1.RecurringRun {
	t.Helper()
	return must(f.GetRecurringRun(t.Context(), &pipelinev1.GetRecurringRunRequest{RecurringRunId: id}))(t)
}

// makeRun makes a run of a recurring run, as the engine does, and returns it.
func (f *fixture) makeRun(t *testing.T, id string, index int64, at time.Time) (*pipelinev1.Run, error) {
	t.Helper()
	item := must(f.state.Recurring.Get(t.Context(), id))(t)
	order := recur.Order{Of: item.Value, RunID: recur.RunID(id, at), Time: at, Index: index}
	if err := f.maker.MakeRun(t.Context(), order); err != nil {
		return nil, err
	}
	return f.GetRun(t.Context(), &pipelinev1.GetRunRequest{RunId: order.RunID})
}

func TestRecurringRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	made := f.recurring(t, nil)
	got := f.getRecurring(t, made.GetRecurringRunId())
	experiment := must(f.GetExperiment(t.Context(), &pipelinev1.GetExperimentRequest{ExperimentId: got.GetExperimentId()}))(t)
	switch {
	case experiment.GetDisplayName() != "Default" || got.GetNamespace() != "default":
		t.Errorf("it is in %v", experiment)
	case got.GetStatus() != pipelinev1.RecurringRun_ENABLED || got.GetMode() != pipelinev1.RecurringRun_ENABLE || got.GetMaxConcurrency() != 1:
		t.Errorf("it is %v", got)
	case got.GetPipelineSpec().GetFields()["pipelineInfo"] == nil:
		t.Errorf("its spec is %v", got.GetPipelineSpec())
	case got.GetNextRunAt().AsTime().Format(time.DateTime) != "2026-03-02 10:00:00":
		t.Errorf("it runs next at %v", got.GetNextRunAt().AsTime())
	}
	must(f.DisableRecurringRun(t.Context(), &pipelinev1.DisableRecurringRunRequest{RecurringRunId: got.GetRecurringRunId()}))(t)
	if got := f.getRecurring(t, made.GetRecurringRunId()); got.GetStatus() != pipelinev1.RecurringRun_DISABLED ||
		got.GetMode() != pipelinev1.RecurringRun_DISABLE || got.GetNextRunAt() != nil {
		t.Errorf("disabled it is %v", got)
	}
	must(f.EnableRecurringRun(t.Context(), &pipelinev1.EnableRecurringRunRequest{RecurringRunId: got.GetRecurringRunId()}))(t)
	if got := f.getRecurring(t, made.GetRecurringRunId()); got.GetStatus() != pipelinev1.RecurringRun_ENABLED {
		t.Errorf("enabled it is %s", got.GetStatus())
	}
	must(f.DeleteRecurringRun(t.Context(), &pipelinev1.DeleteRecurringRunRequest{RecurringRunId: got.GetRecurringRunId()}))(t)
	_, err := f.GetRecurringRun(t.Context(), &pipelinev1.GetRecurringRunRequest{RecurringRunId: got.GetRecurringRunId()})
	wantFault(t, err, fault.NotFound, got.GetRecurringRunId())
}

func TestRecurringRunRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	archived := f.experiment(t, "archived")
	must(f.ArchiveExperiment(t.Context(), &pipelinev1.ArchiveExperimentRequest{ExperimentId: archived.GetExperimentId()}))(t)
	for name, test := range map[string]struct {
		change  func(*pipelinev1.RecurringRun)
		kind    fault.Kind
		mention string
	}{
		"no name":           {func(r *pipelinev1.RecurringRun) { r.DisplayName = "" }, fault.Invalid, "display_name"},
		"no trigger":        {func(r *pipelinev1.RecurringRun) { r.Trigger = nil }, fault.Invalid, "trigger"},
		"bad cron":          {func(r *pipelinev1.RecurringRun) { r.Trigger.GetCronSchedule().Cron = "daily" }, fault.Invalid, "trigger.cron_schedule.cron"},
		"no pipeline":       {func(r *pipelinev1.RecurringRun) { r.PipelineSource = nil }, fault.Invalid, "pipeline_spec"},
		"missing parameter": {func(r *pipelinev1.RecurringRun) { r.RuntimeConfig = nil }, fault.Invalid, "runtime_config.parameters.name"},
		"no experiment":     {func(r *pipelinev1.RecurringRun) { r.ExperimentId = "x" }, fault.Invalid, "experiment_id"},
		"archived":          {func(r *pipelinev1.RecurringRun) { r.ExperimentId = archived.GetExperimentId() }, fault.Precondition, "archived"},
		"too large": {func(r *pipelinev1.RecurringRun) {
			r.RuntimeConfig.Parameters["name"] = structpb.NewStringValue(strings.Repeat("x", 200<<10))
		}, fault.Invalid, "runtime_config"},
	} {
		asked := hourly(t)
		test.change(asked)
		_, err := f.CreateRecurringRun(t.Context(), &pipelinev1.CreateRecurringRunRequest{RecurringRun: asked})
		if !fault.Is(err, test.kind) || !strings.Contains(err.Error(), test.mention) {
			t.Errorf("%s: got %v, want %s with %q", name, err, test.kind, test.mention)
		}
	}
	_, err := f.CreateRecurringRun(t.Context(), &pipelinev1.CreateRecurringRunRequest{})
	wantFault(t, err, fault.Invalid, "recurring_run")
	for _, err := range []error{
		second(f.EnableRecurringRun(t.Context(), &pipelinev1.EnableRecurringRunRequest{RecurringRunId: "x"})),
		second(f.DisableRecurringRun(t.Context(), &pipelinev1.DisableRecurringRunRequest{RecurringRunId: "x"})),
		second(f.DeleteRecurringRun(t.Context(), &pipelinev1.DeleteRecurringRunRequest{RecurringRunId: "x"})),
	} {
		wantFault(t, err, fault.NotFound, `recurring run "x"`)
	}
}

// second is the error of a call.
func second[T any](_ T, err error) error { return err }

func TestConcurrencyIsClamped(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for asked, want := range map[int64]int64{-1: 1, 0: 1, 1: 1, 10: 10, 11: 10} {
		made := f.recurring(t, func(r *pipelinev1.RecurringRun) { r.MaxConcurrency = asked })
		if made.GetMaxConcurrency() != want {
			t.Errorf("%d became %d, want %d", asked, made.GetMaxConcurrency(), want)
		}
	}
}

func TestMakeRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	made := f.recurring(t, func(r *pipelinev1.RecurringRun) {
		r.RuntimeConfig.Parameters["name"] = structpb.NewStringValue("[[RunUUID]] [[ScheduledTime.15h04]] [[Index]]")
		r.DisplayName = strings.Repeat("ä", 127) // 254 bytes
	})
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	run := must(f.makeRun(t, made.GetRecurringRunId(), 3, at))(t)
	if want := run.GetRunId() + " 10h00 3"; run.GetRuntimeConfig().GetParameters()["name"].GetStringValue() != want {
		t.Errorf("parameters are %v, want %q", run.GetRuntimeConfig().GetParameters(), want)
	}
	if name := run.GetDisplayName(); !strings.HasSuffix(name, "ää-3-20260302100000") || len(name) > maxNameBytes {
		t.Errorf("it is called %q", name)
	}
	if run.GetRecurringRunId() != made.GetRecurringRunId() || !run.GetScheduledAt().AsTime().Equal(at) ||
		run.GetExperimentId() != made.GetExperimentId() || run.GetPipelineSpec() == nil {
		t.Errorf("it is %v", run)
	}
	_, err := f.makeRun(t, made.GetRecurringRunId(), 3, at)
	wantFault(t, err, fault.AlreadyExists, "")
	listed := must(f.ListRuns(t.Context(), &pipelinev1.ListRunsRequest{
		Filter: filter("recurring_run_id", metav1.Predicate_EQUALS, made.GetRecurringRunId()),
	}))(t)
	if len(listed.GetRuns()) != 1 {
		t.Errorf("listed are %v", listed.GetRuns())
	}
}

// TestMakeRunAmidOthers has other runs noted in the experiment all the time.
func TestMakeRunAmidOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	made := f.recurring(t, nil)
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			for range 10 {
				f.start(t, func(r *pipelinev1.Run) { r.ExperimentId = made.GetExperimentId() })
			}
		})
	}
	for i := range int64(20) {
		if _, err := f.makeRun(t, made.GetRecurringRunId(), i+1, time.Unix(i, 0)); err != nil {
			t.Errorf("run %d: %v", i+1, err)
		}
	}
	others.Wait()
}

// TestMakeRunWithAnOpThatFails stores neither.
func TestMakeRunWithAnOpThatFails(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	made := f.recurring(t, nil)
	item := must(f.state.Recurring.Get(t.Context(), made.GetRecurringRunId()))(t)
	order := recur.Order{Of: item.Value, RunID: newID(), Time: time.Now(), Index: 1}
	err := f.maker.MakeRun(t.Context(), order, f.state.Recurring.UpdateOp(item.Key, item.Value, item.Revision-1))
	wantFault(t, err, fault.Conflict, "")
	_, err = f.GetRun(t.Context(), &pipelinev1.GetRunRequest{RunId: order.RunID})
	wantFault(t, err, fault.NotFound, order.RunID)
}

func TestMakeRunOfTheNewestVersion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.upload(t, "hello")
	made := f.recurring(t, func(r *pipelinev1.RecurringRun) {
		r.PipelineSource = &pipelinev1.RecurringRun_PipelineVersionReference{
			PipelineVersionReference: &pipelinev1.PipelineVersionReference{PipelineId: p.GetPipelineId()},
		}
	})
	newest := must(f.UploadPipelineVersion(t.Context(), &pipelinev1.UploadPipelineVersionRequest{
		PipelineId: p.GetPipelineId(), Name: "second", FileName: "hello.yaml", Content: []byte(helloYAML),
	}))(t)
	run := must(f.makeRun(t, made.GetRecurringRunId(), 1, time.Now()))(t)
	if got := run.GetPipelineVersionReference().GetPipelineVersionId(); got != newest.GetPipelineVersionId() {
		t.Errorf("it runs version %s, want %s", got, newest.GetPipelineVersionId())
	}
	must(f.DeletePipeline(t.Context(), &pipelinev1.DeletePipelineRequest{PipelineId: p.GetPipelineId(), Cascade: true}))(t)
	_, err := f.makeRun(t, made.GetRecurringRunId(), 2, time.Now())
	wantFault(t, err, fault.Invalid, "there is no pipeline")
}

func TestAnExperimentTakesItsRecurringRunsAlong(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	e := f.experiment(t, "baseline")
	in := f.recurring(t, func(r *pipelinev1.RecurringRun) { r.ExperimentId = e.GetExperimentId() })
	other := f.recurring(t, nil)
	must(f.ArchiveExperiment(t.Context(), &pipelinev1.ArchiveExperimentRequest{ExperimentId: e.GetExperimentId()}))(t)
	if got := f.getRecurring(t, in.GetRecurringRunId()); got.GetStatus() != pipelinev1.RecurringRun_DISABLED {
		t.Errorf("it is %s", got.GetStatus())
	}
	if got := f.getRecurring(t, other.GetRecurringRunId()); got.GetStatus() != pipelinev1.RecurringRun_ENABLED {
		t.Errorf("the one beside it is %s", got.GetStatus())
	}
	_, err := f.EnableRecurringRun(t.Context(), &pipelinev1.EnableRecurringRunRequest{RecurringRunId: in.GetRecurringRunId()})
	wantFault(t, err, fault.Precondition, "archived")
	must(f.DeleteExperiment(t.Context(), &pipelinev1.DeleteExperimentRequest{ExperimentId: e.GetExperimentId()}))(t)
	_, err = f.makeRun(t, in.GetRecurringRunId(), 1, time.Now())
	wantFault(t, err, fault.Precondition, "deleted")
}

func TestListRecurringRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	e := f.experiment(t, "baseline")
	for _, name := range []string{"a", "b", "c"} {
		f.recurring(t, func(r *pipelinev1.RecurringRun) { r.DisplayName, r.ExperimentId = name, e.GetExperimentId() })
	}
	f.recurring(t, func(r *pipelinev1.RecurringRun) { r.DisplayName, r.Mode = "off", pipelinev1.RecurringRun_DISABLE })
	name := (*pipelinev1.RecurringRun).GetDisplayName
	for label, test := range map[string]struct {
		request *pipelinev1.ListRecurringRunsRequest
		want    string
	}{
		"all":           {&pipelinev1.ListRecurringRunsRequest{}, "a b c off"},
		"experiment":    {&pipelinev1.ListRecurringRunsRequest{ExperimentId: e.GetExperimentId(), SortBy: "display_name desc"}, "c b a"},
		"status":        {&pipelinev1.ListRecurringRunsRequest{Filter: filter("status", metav1.Predicate_EQUALS, "DISABLED")}, "off"},
		"namespace":     {&pipelinev1.ListRecurringRunsRequest{Namespace: "other"}, ""},
		"two at a time": {&pipelinev1.ListRecurringRunsRequest{PageSize: 2}, "a b"},
	} {
		got := must(f.ListRecurringRuns(t.Context(), test.request))(t)
		if ids(got.GetRecurringRuns(), name) != test.want {
			t.Errorf("%s: got %s, want %s", label, ids(got.GetRecurringRuns(), name), test.want)
		}
	}
	_, err := f.ListRecurringRuns(t.Context(), &pipelinev1.ListRecurringRunsRequest{SortBy: "colour"})
	wantFault(t, err, fault.Invalid, "sort_by")
}
