package cli

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

const recurringID = "8a8a8a8a-0000-4000-8000-000000000006"

// fakeRecurring is the recurring runs of a fake.
type fakeRecurring struct {
	pipelinev1.UnimplementedRecurringRunServiceServer
	mu    sync.Mutex
	there []*pipelinev1.RecurringRun // guarded by mu; newest first
	asked []proto.Message            // guarded by mu; what was asked that changes something
}

func (f *fakeRecurring) note(m proto.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, m)
}

func (f *fakeRecurring) ListRecurringRuns(_ context.Context, r *pipelinev1.ListRecurringRunsRequest) (*pipelinev1.ListRecurringRunsResponse, error) {
	var found []*pipelinev1.RecurringRun
	for _, of := range f.there {
		if (r.GetExperimentId() == "" || r.GetExperimentId() == of.GetExperimentId()) && matches(r.GetFilter(), map[string]string{
			"recurring_run_id": of.GetRecurringRunId(), "display_name": of.GetDisplayName(),
		}) {
			found = append(found, of)
		}
	}
	items, next := page(found, r.GetPageSize(), r.GetPageToken())
	return &pipelinev1.ListRecurringRunsResponse{RecurringRuns: items, NextPageToken: next}, nil
}

func (f *fakeRecurring) GetRecurringRun(_ context.Context, r *pipelinev1.GetRecurringRunRequest) (*pipelinev1.RecurringRun, error) {
	return pick(f.there, "recurring run", r.GetRecurringRunId(), (*pipelinev1.RecurringRun).GetRecurringRunId)
}

func (f *fakeRecurring) CreateRecurringRun(_ context.Context, r *pipelinev1.CreateRecurringRunRequest) (*pipelinev1.RecurringRun, error) {
	f.note(r)
	made := proto.CloneOf(r.GetRecurringRun())
	made.RecurringRunId = recurringID
	if made.GetMode() != pipelinev1.RecurringRun_DISABLE {
		made.NextRunAt = ago(-90 * time.Minute)
	}
	return made, nil
}

func (f *fakeRecurring) EnableRecurringRun(_ context.Context, r *pipelinev1.EnableRecurringRunRequest) (*emptypb.Empty, error) {
	f.note(r)
	return &emptypb.Empty{}, nil
}

func (f *fakeRecurring) DisableRecurringRun(_ context.Context, r *pipelinev1.DisableRecurringRunRequest) (*emptypb.Empty, error) {
	f.note(r)
	return &emptypb.Empty{}, nil
}

func (f *fakeRecurring) DeleteRecurringRun(_ context.Context, r *pipelinev1.DeleteRecurringRunRequest) (*emptypb.Empty, error) {
	f.note(r)
	return &emptypb.Empty{}, nil
}

// scheduled is a populated fake with two recurring runs.
func scheduled(t *testing.T) *fake {
	t.Helper()
	f := populated(t)
	f.recurring.there = []*pipelinev1.RecurringRun{
		{
			RecurringRunId: recurringID, DisplayName: "nightly", Status: pipelinev1.RecurringRun_ENABLED, MaxConcurrency: 2, NoCatchup: true,
			ExperimentId: experimentID, CreatedAt: ago(26 * time.Hour), LastRunAt: ago(10 * time.Hour), NextRunAt: ago(-14 * time.Hour),
			Trigger: &pipelinev1.Trigger{Trigger: &pipelinev1.Trigger_CronSchedule{CronSchedule: &pipelinev1.CronSchedule{Cron: "0 0 2 * * *"}}},
			PipelineSource: &pipelinev1.RecurringRun_PipelineVersionReference{
				PipelineVersionReference: &pipelinev1.PipelineVersionReference{PipelineId: pipelineID},
			},
		},
		{
			RecurringRunId: "poll", DisplayName: "poll", Status: pipelinev1.RecurringRun_ENABLED, MaxConcurrency: 1,
			ExperimentId: "another", CreatedAt: ago(30 * time.Hour), NextRunAt: ago(time.Second),
			Error: &statuspb.Status{Code: int32(codes.InvalidArgument), Message: "there is no pipeline"},
			Trigger: &pipelinev1.Trigger{Trigger: &pipelinev1.Trigger_PeriodicSchedule{
				PeriodicSchedule: &pipelinev1.PeriodicSchedule{IntervalSecond: 600, EndTime: ago(-48 * time.Hour)},
			}},
		},
	}
	return f
}

func TestRecurringRunsAreShown(t *testing.T) {
	for name, args := range map[string]string{
		"get-recurringruns":     "get recurringruns",
		"describe-recurringrun": "describe schedule nightly poll",
	} {
		r := invoke(t, scheduled(t), strings.Fields(args)...)
		if r.status != exitOK {
			t.Errorf("%s: status %d: %s", args, r.status, r.err)
		}
		golden(t, name, r.out)
	}
}

func TestARunSaysWhatMadeIt(t *testing.T) {
	for id, shown := range map[string]string{recurringID: "nightly (" + recurringID + ")", "gone": "gone"} {
		f := scheduled(t)
		f.runs[0].RecurringRunId = id
		if r := invoke(t, f, "describe", "run", "last"); !strings.Contains(r.out, "Recurring run   "+shown+"\n") {
			t.Errorf("%s: %s%s", id, r.out, r.err)
		}
	}
}

func TestRecurringRunsAreNarrowed(t *testing.T) {
	f := scheduled(t)
	if r := invoke(t, f, "get", "rr", "--experiment", "Default", "-o", "name"); r.out != "recurringrun/"+recurringID+"\n" {
		t.Errorf("got %q, %s", r.out, r.err)
	}
	if r := invoke(t, f, "get", "runs", "--recurring-run", "nothing"); r.status != exitFailed || !strings.Contains(r.err, `no recurringrun "nothing"`) {
		t.Errorf("got %d, %s", r.status, r.err)
	}
}

func TestCreateRecurringRun(t *testing.T) {
	f := scheduled(t)
	r := invoke(t, f, "create", "recurringrun", "often", tiny, "-p", "epochs=3", "--cron", "0 */5 * * * *",
		"--start", "2026-01-31T09:00:00+01:00", "--max-concurrency", "4", "--no-catchup", "-e", "Default")
	if r.status != exitOK || !strings.Contains(r.out, "first run 2026-03-01 13:30:00 (in 90m)") {
		t.Fatalf("status %d: %s%s", r.status, r.out, r.err)
	}
	asked := f.recurring.asked[0].(*pipelinev1.CreateRecurringRunRequest).GetRecurringRun()
	cron := asked.GetTrigger().GetCronSchedule()
	if cron.GetCron() != "0 */5 * * * *" || cron.GetStartTime().AsTime().Format(time.RFC3339) != "2026-01-31T08:00:00Z" || cron.GetEndTime() != nil {
		t.Errorf("the schedule is %v", cron)
	}
	if asked.GetDisplayName() != "often" || asked.GetMaxConcurrency() != 4 || !asked.GetNoCatchup() || asked.GetExperimentId() != experimentID ||
		asked.GetPipelineSpec() == nil || asked.GetRuntimeConfig().GetParameters()["epochs"].GetNumberValue() != 3 {
		t.Errorf("asked for %v", asked)
	}
}

func TestCreateRecurringRunOfTheNewestVersion(t *testing.T) {
	for args, version := range map[string]string{"": "", " --version v1": versionID} {
		f := scheduled(t)
		r := invoke(t, f, strings.Fields("create schedule poll --pipeline breast-cancer -p epochs=1 --every 10m --disabled"+args)...)
		if r.status != exitOK || !strings.Contains(r.out, "kfmesh enable 8a8a8a8a") {
			t.Fatalf("status %d: %s%s", r.status, r.out, r.err)
		}
		asked := f.recurring.asked[0].(*pipelinev1.CreateRecurringRunRequest).GetRecurringRun()
		if ref := asked.GetPipelineVersionReference(); ref.GetPipelineId() != pipelineID || ref.GetPipelineVersionId() != version {
			t.Errorf("%q asked for %v", args, ref)
		}
		if asked.GetMode() != pipelinev1.RecurringRun_DISABLE || asked.GetTrigger().GetPeriodicSchedule().GetIntervalSecond() != 600 {
			t.Errorf("asked for %v", asked)
		}
	}
}

func TestRecurringRunUsage(t *testing.T) {
	for args, says := range map[string]string{
		"create recurringrun x FILE":                                    "say when",
		"create recurringrun x FILE --cron @daily --every 1h":           "not both",
		"create recurringrun x --cron @daily":                           "give the file",
		"create recurringrun x FILE --every 1500ms":                     "whole seconds",
		"create recurringrun x FILE --cron @daily --start today":        "is not a time",
		"create recurringrun x FILE --cron @daily --max-concurrency 11": "give 1 to 10",
		"create recurringrun x FILE --cron @daily --version v1":         "goes with --pipeline",
		"enable run last": "runs cannot be enabled",
	} {
		words := strings.Fields(strings.ReplaceAll(args, "FILE", tiny))
		if r := invoke(t, scheduled(t), words...); r.status != exitUsage || !strings.Contains(r.err, says) {
			t.Errorf("%s: status %d: %s", args, r.status, r.err)
		}
	}
	r := invoke(t, scheduled(t), "create", "recurringrun", "x", tiny, "--cron", "*/5 * * * *")
	if r.status != exitUsage || !strings.Contains(r.err, `"0 */5 * * * *"`) {
		t.Errorf("five fields: status %d: %s", r.status, r.err)
	}
}

func TestRecurringRunsAreSwitched(t *testing.T) {
	for _, args := range []string{"enable nightly", "disable rr/nightly", "delete schedule last"} {
		f := scheduled(t)
		r := invoke(t, f, strings.Fields(args)...)
		if r.status != exitOK || !strings.Contains(r.out, "d recurringrun "+recurringID+" (nightly)") || len(f.recurring.asked) != 1 {
			t.Errorf("%s: status %d: %s%s", args, r.status, r.out, r.err)
		}
	}
}
