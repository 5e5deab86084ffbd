package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
)

const (
	neverPolicy = trainingv1.JobRestartPolicy_JOB_RESTART_POLICY_NEVER
	onFailure   = trainingv1.JobRestartPolicy_JOB_RESTART_POLICY_ON_FAILURE
	always      = trainingv1.JobRestartPolicy_JOB_RESTART_POLICY_ALWAYS
	byExitCode  = trainingv1.JobRestartPolicy_JOB_RESTART_POLICY_EXIT_CODE
)

// world is a job with what an agent would run of it.
type world struct {
	job *trainingv1.TrainingJob
	now time.Time
	// workloads by attempt
	workloads map[int32]*gpuagentv1.Workload
	action    Action
	wake      time.Time
	submitted map[int32]int
	deleted   bool
}

func newWorld(policy trainingv1.JobRestartPolicy, run *trainingv1.RunPolicy) *world {
	if run == nil {
		run = &trainingv1.RunPolicy{}
	}
	if run.CleanPodPolicy == 0 {
		run.CleanPodPolicy = trainingv1.CleanPodPolicy_CLEAN_POD_POLICY_NONE
	}
	return &world{
		now: time.Unix(1_700_000_000, 0), workloads: map[int32]*gpuagentv1.Workload{}, submitted: map[int32]int{},
		job: &trainingv1.TrainingJob{
			Kind: "PyTorchJob", Metadata: &metav1.ObjectMeta{Name: "j", Uid: "u", Generation: 1},
			Spec: &trainingv1.TrainingJobSpec{
				Groups: []*trainingv1.JobGroup{
					{Type: "Master", Name: "master", Count: 1, RestartPolicy: policy}, {Type: "Worker", Name: "worker", Count: 2, RestartPolicy: policy},
				},
				RunPolicy:     run,
				SuccessPolicy: &trainingv1.SuccessPolicy{Group: "master", Rule: trainingv1.SuccessRule_SUCCESS_RULE_ALL},
			},
		},
	}
}

// present is the workload of the present attempt.
func (w *world) present() *gpuagentv1.Workload { return w.workloads[w.job.GetStatus().GetAttempt()] }

// look makes steps until there is nothing more to do at once, doing what they ask for.
func (w *world) look() {
	for range 10 {
		step := Next(w.job, w.present(), w.now)
		w.job.Status, w.action, w.wake = step.Status, step.Action, step.Wake
		switch step.Action {
		case Submit:
			w.submit()
			continue
		case Stop:
			w.present().Status.StopRequested = true
		case Delete:
			w.deleted = true
		}
		return
	}
	panic("it does not come to rest")
}

func (w *world) submit() {
	n := w.job.GetStatus().GetAttempt()
	w.submitted[n]++
	out := &gpuagentv1.Workload{Spec: &gpuagentv1.WorkloadSpec{}, Status: &gpuagentv1.WorkloadStatus{
		Phase: gpuagentv1.Phase_PHASE_RUNNING, StartTime: timestamppb.New(w.now),
	}}
	for _, g := range w.job.GetSpec().GetGroups() {
		out.Spec.Groups = append(out.Spec.Groups, &gpuagentv1.ReplicaGroup{Name: g.GetName(), Count: g.GetCount()})
		for i := range g.GetCount() {
			out.Status.Replicas = append(out.Status.Replicas, &gpuagentv1.ReplicaStatus{Group: g.GetName(), Index: i, Phase: gpuagentv1.Phase_PHASE_RUNNING})
		}
	}
	w.workloads[n] = out
}

// end has the replica at a position end, and all others with it if it fails.
func (w *world) end(position int, code int32) {
	p := w.present()
	r := p.GetStatus().GetReplicas()[position]
	r.ExitCode, r.FinishTime, r.Phase = code, timestamppb.New(w.now), gpuagentv1.Phase_PHASE_SUCCEEDED
	if code != 0 {
		r.Phase, r.Message = gpuagentv1.Phase_PHASE_FAILED, fmt.Sprintf("exit status %d", code)
		w.endAll(gpuagentv1.Phase_PHASE_FAILED)
		return
	}
	if !slices.ContainsFunc(p.GetStatus().GetReplicas(), func(r *gpuagentv1.ReplicaStatus) bool { return r.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED }) {
		p.Status.Phase = gpuagentv1.Phase_PHASE_SUCCEEDED
	}
}

// endAll has everything that runs stop.
func (w *world) endAll(phase gpuagentv1.Phase) {
	for _, r := range w.present().GetStatus().GetReplicas() {
		if r.GetPhase() == gpuagentv1.Phase_PHASE_RUNNING {
			r.Phase = gpuagentv1.Phase_PHASE_STOPPED
		}
	}
	w.present().Status.Phase = phase
}

// pass lets time pass until the job wants to be looked at.
func (w *world) pass() {
	w.now = w.wake
	w.look()
}

func (w *world) holds() string {
	var all []string
	for _, c := range w.job.GetStatus().GetConditions() {
		if c.GetStatus() {
			all = append(all, c.GetType())
		}
	}
	return strings.Join(all, " ")
}

func (w *world) expect(t *testing.T, conditions string) {
	t.Helper()
	if got := w.holds(); got != conditions {
		t.Fatalf("conditions %q, want %q; %s", got, conditions, w.job.GetStatus().GetMessage())
	}
}

func TestAJobSucceedsWithItsMaster(t *testing.T) {
	t.Parallel()
	w := newWorld(onFailure, nil)
	w.look()
	w.expect(t, "Created Running")
	w.end(1, 0)
	w.look()
	w.expect(t, "Created Running")
	w.end(0, 0)
	w.look()
	w.expect(t, "Created Succeeded")
	s := w.job.GetStatus()
	if c := s.GetReplicaStatuses(); c["Master"].GetSucceeded() != 1 || c["Worker"].GetActive() != 1 || c["Worker"].GetSucceeded() != 1 {
		t.Errorf("counts %v", c)
	}
	if w.action != Nothing || w.present().GetStatus().GetStopRequested() {
		t.Error("with policy None what runs is left")
	}
	last := s.GetConditions()[len(s.GetConditions())-1]
	if last.GetReason() != "PyTorchJobSucceeded" || last.GetMessage() != "PyTorchJob j is successfully completed." {
		t.Errorf("condition %v", last)
	}
}

func TestWhatRunsIsStoppedAtTheEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		clean trainingv1.CleanPodPolicy
		all   bool // the workers only hold what the master uses
	}{
		{"by policy Running", trainingv1.CleanPodPolicy_CLEAN_POD_POLICY_RUNNING, false},
		{"by policy All", trainingv1.CleanPodPolicy_CLEAN_POD_POLICY_ALL, false},
		{"when it is ancillary", trainingv1.CleanPodPolicy_CLEAN_POD_POLICY_NONE, true},
	} {
		w := newWorld(neverPolicy, &trainingv1.RunPolicy{CleanPodPolicy: tt.clean})
		w.job.Spec.Groups[1].Ancillary = tt.all
		w.look()
		w.end(0, 0)
		w.look()
		if w.action != Stop || w.job.GetStatus().GetCleaned() {
			t.Errorf("%s: action %d, want to stop", tt.name, w.action)
		}
		w.endAll(gpuagentv1.Phase_PHASE_STOPPED)
		w.look()
		if !w.job.GetStatus().GetCleaned() || w.holds() != "Created Succeeded" {
			t.Errorf("%s: %v", tt.name, w.job.GetStatus())
		}
	}
}

func TestRestartPolicies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		policy trainingv1.JobRestartPolicy
		code   int32
		want   string
	}{
		{neverPolicy, 1, "Created Failed"},
		{neverPolicy, 137, "Created Failed"},
		{onFailure, 1, "Created Restarting"},
		{always, 1, "Created Restarting"},
		{byExitCode, 1, "Created Failed"},
		{byExitCode, 127, "Created Failed"},
		{byExitCode, 128, "Created Restarting"},
		{byExitCode, 255, "Created Restarting"},
	} {
		w := newWorld(tt.policy, nil)
		w.look()
		w.end(1, tt.code)
		w.look()
		w.expect(t, tt.want)
		if tt.want == "Created Restarting" {
			w.pass()
			w.expect(t, "Created Running")
			if w.job.GetStatus().GetAttempt() != 2 || w.job.GetStatus().GetRestarts() != 1 {
				t.Errorf("status %v", w.job.GetStatus())
			}
		}
	}
	w := newWorld(always, nil)
	w.look()
	for i := range 3 {
		w.end(i, 0)
	}
	w.look()
	w.expect(t, "Created Restarting")
}

func TestTheReasonOfAFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(neverPolicy, nil)
	w.look()
	w.end(2, 3)
	w.look()
	want := "PyTorchJob j is failed because 1 Worker replica(s) failed: worker-1: exit status 3"
	if got := w.job.GetStatus().GetMessage(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestBackoffLimitCountsEveryRestart(t *testing.T) {
	t.Parallel()
	for _, limit := range []int32{0, 1, 3} {
		w := newWorld(byExitCode, &trainingv1.RunPolicy{BackoffLimit: &limit})
		w.look()
		started := time.Duration(0)
		for range limit {
			w.end(0, 137)
			w.look()
			w.expect(t, "Created Restarting")
			if pause := w.wake.Sub(w.now); pause <= started {
				t.Errorf("the pause does not grow: %s", pause)
			} else {
				started = pause
			}
			w.pass()
		}
		w.end(0, 137)
		w.look()
		w.expect(t, "Created Failed")
		if !strings.Contains(w.job.GetStatus().GetMessage(), "reached the specified backoff limit") {
			t.Errorf("message %q", w.job.GetStatus().GetMessage())
		}
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(onFailure, &trainingv1.RunPolicy{ActiveDeadline: durationpb.New(time.Minute)})
	w.look()
	w.pass()
	w.expect(t, "Created Failed")
	if w.action != Stop {
		t.Error("what runs is not stopped")
	}
	w.endAll(gpuagentv1.Phase_PHASE_STOPPED)
	w.look()
	w.expect(t, "Created Failed")
	if !w.job.GetStatus().GetCleaned() {
		t.Error("it is not clean")
	}
}

func TestSuspendAndResume(t *testing.T) {
	t.Parallel()
	w := newWorld(onFailure, &trainingv1.RunPolicy{ActiveDeadline: durationpb.New(time.Minute)})
	w.look()
	w.job.Spec.RunPolicy.Suspend = true
	w.look()
	w.expect(t, "Created Suspended")
	if w.action != Stop || w.job.GetStatus().GetStartTime() != nil {
		t.Fatalf("action %d, %v", w.action, w.job.GetStatus())
	}
	w.job.Spec.RunPolicy.Suspend = false // before all have ended
	w.look()
	if w.job.GetStatus().GetAttempt() != 1 || w.action == Submit {
		t.Fatal("the next attempt begins while the first still runs")
	}
	w.endAll(gpuagentv1.Phase_PHASE_STOPPED)
	w.now = w.now.Add(time.Hour)
	w.look()
	w.expect(t, "Created Running")
	s := w.job.GetStatus()
	if s.GetAttempt() != 2 || s.GetRestarts() != 0 || !s.GetStartTime().AsTime().Equal(w.now) {
		t.Errorf("status %v", s)
	}
	if w.look(); !w.wake.Equal(w.now.Add(time.Minute)) {
		t.Error("the deadline does not count from the resumption")
	}
}

func TestSuspendedFromTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(onFailure, &trainingv1.RunPolicy{Suspend: true})
	w.look()
	w.expect(t, "Created Suspended")
	w.job.Spec.RunPolicy.Suspend = false
	w.look()
	w.expect(t, "Created Running")
	if w.job.GetStatus().GetAttempt() != 1 {
		t.Errorf("status %v", w.job.GetStatus())
	}
}

func TestScale(t *testing.T) {
	t.Parallel()
	w := newWorld(neverPolicy, nil)
	w.look()
	w.job.Spec.Groups[1].Count = 3
	w.look()
	if w.action != Stop {
		t.Fatalf("action %d, want to stop", w.action)
	}
	w.endAll(gpuagentv1.Phase_PHASE_STOPPED)
	w.look()
	w.expect(t, "Created Running")
	if w.job.GetStatus().GetAttempt() != 2 || w.job.GetStatus().GetRestarts() != 0 || len(w.present().GetStatus().GetReplicas()) != 4 {
		t.Errorf("status %v", w.job.GetStatus())
	}
}

func TestAnElasticJobLosesAWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(onFailure, nil)
	w.job.Spec.Elastic = &trainingv1.ElasticPolicy{MinReplicas: 1, MaxReplicas: 2}
	w.job.Spec.Groups = w.job.GetSpec().GetGroups()[1:]
	w.job.Spec.Groups[0].Independent = true
	w.job.Spec.SuccessPolicy = &trainingv1.SuccessPolicy{Group: "worker", Rule: trainingv1.SuccessRule_SUCCESS_RULE_ANY}
	w.look()
	w.present().Status.Replicas[1].Phase = gpuagentv1.Phase_PHASE_STARTING // the agent starts it again
	w.look()
	w.expect(t, "Created Running")
	r := w.present().Status.Replicas[1]
	r.Phase, r.Reason, r.Message = gpuagentv1.Phase_PHASE_FAILED, reasonBackoff, "exit status 1, and 3 restarts have been used up"
	w.look()
	w.expect(t, "Created Failed")
	if w.action != Stop {
		t.Error("the others run on")
	}
}

func TestATTLDeletes(t *testing.T) {
	t.Parallel()
	w := newWorld(neverPolicy, &trainingv1.RunPolicy{Ttl: durationpb.New(time.Minute)})
	w.look()
	for i := range 3 {
		w.end(i, 0)
	}
	w.look()
	if w.deleted {
		t.Fatal("deleted too early")
	}
	w.pass()
	if !w.deleted {
		t.Fatal("not deleted")
	}
}

func TestALostWorkloadIsAFailureThatCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(neverPolicy, nil)
	w.look()
	delete(w.workloads, 1)
	w.look()
	w.expect(t, "Created Restarting")
	w.pass()
	if w.expect(t, "Created Running"); w.job.GetStatus().GetRestarts() != 1 {
		t.Errorf("status %v", w.job.GetStatus())
	}
}

// TestProperties has anything happen to a job in any order, and the controller forget
// and repeat what it did: no attempt begins while another runs or twice, what has ended stays
// ended, and restarts stay within their limit.
func TestProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		policy := rapid.SampledFrom([]trainingv1.JobRestartPolicy{neverPolicy, onFailure, always, byExitCode}).Draw(t, "policy")
		limit := rapid.Int32Range(0, 3).Draw(t, "limit")
		w := newWorld(policy, &trainingv1.RunPolicy{BackoffLimit: &limit})
		ended := ""
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			before := proto.CloneOf(w.job.GetStatus())
			p := w.present()
			runs := p != nil && !over(p)
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0:
				if runs {
					w.end(rapid.IntRange(0, len(p.GetStatus().GetReplicas())-1).Draw(t, "replica"), rapid.SampledFrom([]int32{0, 1, 137}).Draw(t, "code"))
				}
			case 1:
				w.job.Spec.RunPolicy.Suspend = !w.job.GetSpec().GetRunPolicy().GetSuspend()
			case 2:
				if runs && p.GetStatus().GetStopRequested() {
					w.endAll(gpuagentv1.Phase_PHASE_STOPPED)
				}
			case 3:
				w.now = w.now.Add(time.Minute)
			case 4:
				w.job.Spec.Groups[1].Count = rapid.Int32Range(1, 3).Draw(t, "workers")
			case 5: // the last step was not stored, and is made again
				step := Next(w.job, w.present(), w.now)
				if step.Action == Submit && w.workloads[step.Status.GetAttempt()] == nil && (p == nil || over(p)) {
					w.job.Status = step.Status
					w.submit()
					w.job.Status = before
				}
			}
			w.look()
			for n, other := range w.workloads {
				if n != w.job.GetStatus().GetAttempt() && !over(other) {
					t.Fatalf("attempt %d still runs beside attempt %d", n, w.job.GetStatus().GetAttempt())
				}
				if w.submitted[n] > 1 && n > w.job.GetStatus().GetAttempt() {
					t.Fatalf("attempt %d was submitted %d times", n, w.submitted[n])
				}
			}
			if w.job.GetStatus().GetRestarts() > limit {
				t.Fatalf("%d restarts, limit %d", w.job.GetStatus().GetRestarts(), limit)
			}
			if ended != "" && w.holds() != ended {
				t.Fatalf("ended with %q and is %q", ended, w.holds())
			}
			if Ended(w.job.GetStatus()) {
				ended = w.holds()
			}
		}
	})
}

// TestADisruptionIsNotHeldAgainstAJob has the agent place an attempt anew.
func TestADisruptionIsNotHeldAgainstAJob(t *testing.T) {
	t.Parallel()
	w := newWorld(neverPolicy, nil)
	w.look()
	s := w.present().GetStatus()
	s.Epoch, s.Phase, s.Message = 2, gpuagentv1.Phase_PHASE_PENDING, "waits to run anew: node n2 was lost"
	w.look()
	w.expect(t, "Created Restarting")
	if got := w.job.GetStatus(); got.GetRestarts() != 0 || got.GetAttempt() != 1 || got.GetMessage() != s.GetMessage() {
		t.Errorf("status %v", got)
	}
	s.Phase, s.Message = gpuagentv1.Phase_PHASE_RUNNING, ""
	w.look()
	w.expect(t, "Created Running")
}

// TestUnsatisfiable has a job fail for good whose attempt asks for more than there is.
func TestUnsatisfiable(t *testing.T) {
	w := newWorld(onFailure, nil)
	w.look()
	for _, r := range w.present().GetStatus().GetReplicas() {
		r.Phase, r.Reason, r.Message = gpuagentv1.Phase_PHASE_FAILED, "Unsatisfiable", "asks for more than there is: 3 GPUs"
	}
	w.endAll(gpuagentv1.Phase_PHASE_FAILED)
	w.look()
	c := w.job.GetStatus().GetConditions()[len(w.job.GetStatus().GetConditions())-1]
	if !Is(w.job.GetStatus(), Failed) || len(w.submitted) != 1 || c.GetReason() != "PyTorchJobUnsatisfiable" ||
		c.GetMessage() != "PyTorchJob j has failed because it asks for more than there is: 3 GPUs" {
		t.Errorf("%v after %d attempts: %v", w.holds(), len(w.submitted), c)
	}
}

// TestNotAllJoin has an elastic job be done whose last workers never found room.
func TestNotAllJoin(t *testing.T) {
	w := newWorld(onFailure, nil)
	w.job.Spec.Elastic = &trainingv1.ElasticPolicy{MinReplicas: 1, MaxReplicas: 2}
	w.job.Spec.SuccessPolicy = &trainingv1.SuccessPolicy{Group: "worker", Rule: trainingv1.SuccessRule_SUCCESS_RULE_ANY}
	w.look()
	replicas := w.present().GetStatus().GetReplicas()
	replicas[0].Phase, replicas[1].Phase = gpuagentv1.Phase_PHASE_SUCCEEDED, gpuagentv1.Phase_PHASE_SUCCEEDED
	replicas[2].Phase, replicas[2].Reason = gpuagentv1.Phase_PHASE_STOPPED, "NotPlaced"
	w.present().Status.Phase = gpuagentv1.Phase_PHASE_SUCCEEDED
	w.look()
	if !Is(w.job.GetStatus(), Succeeded) || len(w.submitted) != 1 {
		t.Errorf("%v after %d attempts", w.holds(), len(w.submitted))
	}
}
