package gpuagent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func TestEnds(t *testing.T) {
	a := newNode(t).start()
	tests := []struct {
		name    string
		change  func(*gpuagentv1.Workload, *gpuagentv1.Template)
		phase   gpuagentv1.Phase
		reason  string
		code    int32
		message string
	}{
		{
			"ok", func(_ *gpuagentv1.Workload, t *gpuagentv1.Template) { t.Command = []string{"true"} },
			gpuagentv1.Phase_PHASE_SUCCEEDED, "", 0, "",
		},
		{
			"fails", func(_ *gpuagentv1.Workload, t *gpuagentv1.Template) { t.Command[2] = "echo no good; exit 3" },
			gpuagentv1.Phase_PHASE_FAILED, "NonZeroExit", 3, "exit status 3",
		},
		{
			"signal", func(_ *gpuagentv1.Workload, t *gpuagentv1.Template) { t.Command[2] = "kill -9 $$" },
			gpuagentv1.Phase_PHASE_FAILED, "NonZeroExit", 137, "ended by signal 9 (killed)",
		},
		{
			"absent", func(_ *gpuagentv1.Workload, t *gpuagentv1.Template) { t.Command = []string{"no-such-program"} },
			gpuagentv1.Phase_PHASE_FAILED, "StartFailed", 127, `program "no-such-program" is in no directory of PATH`,
		},
		{"deadline", func(w *gpuagentv1.Workload, t *gpuagentv1.Template) {
			t.Command[2] = "sleep 60"
			w.Spec.Deadline = durationpb.New(200 * time.Millisecond)
		}, gpuagentv1.Phase_PHASE_FAILED, "DeadlineExceeded", 143, "deadline of 200ms"},
		{
			"no entry point", func(_ *gpuagentv1.Workload, t *gpuagentv1.Template) { t.Command, t.Image = nil, "nginx" },
			gpuagentv1.Phase_PHASE_FAILED, "StartFailed", 0, `the entry point of image "nginx" is not known on a host`,
		},
		{"staging", func(_ *gpuagentv1.Workload, t *gpuagentv1.Template) {
			t.Staging = &gpuagentv1.Staging{Downloads: []*gpuagentv1.Transfer{{Uri: "/no/such/file", Path: "x"}}}
		}, gpuagentv1.Phase_PHASE_FAILED, "StagingFailed", 0, "fetch /no/such/file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := shell(strings.ReplaceAll(tt.name, " ", "-"), "exit 0")
			tt.change(w, w.Spec.Groups[0].Template)
			a.submit(w)
			s := a.awaitEnd(w.GetMetadata().GetName())
			r := s.GetReplicas()[0]
			if s.GetPhase() != tt.phase || s.GetReason() != tt.reason || r.GetExitCode() != tt.code || !strings.Contains(s.GetMessage(), tt.message) {
				t.Errorf("status %v\nwant %v, %s, %d, %q", s, tt.phase, tt.reason, tt.code, tt.message)
			}
			if s.GetStartTime() == nil || s.GetFinishTime() == nil || r.GetNode() != "n1" {
				t.Errorf("incomplete status %v", s)
			}
		})
	}
	if tail := a.get("fails").GetStatus().GetReplicas()[0].GetLogTail(); tail != "no good\n" {
		t.Errorf("log tail %q", tail)
	}
}

func TestStagingThereAndBack(t *testing.T) {
	n := newNode(t)
	a := n.start()
	if err := n.blob.Put(t.Context(), "in/data", []byte("42")); err != nil {
		t.Fatal(err)
	}
	w := shell("staged", `cat in/data extra > made && mkdir -p deep && echo hi > deep/x && echo "$A" > ret`)
	w.Spec.Groups[0].Template.Env = []*gpuagentv1.EnvVar{{Name: "A", Value: "${self.index} in ${workdir}, $${HOME}"}}
	w.Spec.Groups[0].Template.Staging = &gpuagentv1.Staging{
		Downloads: []*gpuagentv1.Transfer{{Uri: n.blob.URI("in/data"), Path: "in/data"}},
		Files:     []*gpuagentv1.InlineFile{{Path: "extra", Content: []byte("!")}},
		Uploads:   []*gpuagentv1.Transfer{{Uri: n.blob.URI("out/made"), Path: "made"}, {Uri: n.blob.URI("out/deep"), Path: "deep"}, {Uri: n.blob.URI("no"), Path: "no"}},
		Returns:   []*gpuagentv1.ReturnedPath{{Path: "ret"}, {Path: "none"}},
	}
	a.submit(w)
	s := a.awaitEnd("staged")
	r := s.GetReplicas()[0]
	if s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
		t.Fatalf("status %v", s)
	}
	for key, want := range map[string]string{"out/made": "42!", "out/deep/x": "hi\n"} {
		if got, err := n.blob.Get(t.Context(), key); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", key, got, err)
		}
	}
	if len(r.GetFiles()) != 1 || !strings.HasPrefix(string(r.GetFiles()[0].GetContent()), "0 in "+n.dir) || !strings.HasSuffix(string(r.GetFiles()[0].GetContent()), ", ${HOME}\n") {
		t.Errorf("returned %v", r.GetFiles())
	}
	if fmt.Sprint(r.GetMissingUploads()) != "[no]" {
		t.Errorf("missing %v", r.GetMissingUploads())
	}
}

func TestGangKnowsItsAddresses(t *testing.T) {
	a := newNode(t).start()
	w := shell("gang", "")
	w.Spec.Groups = []*gpuagentv1.ReplicaGroup{
		{Name: "ps", Template: &gpuagentv1.Template{
			Command: []string{"sh", "-c", `echo "$PORT_RPC_MAIN" > port`},
			Ports:   []*gpuagentv1.Port{{Name: "rpc-main"}},
			Staging: &gpuagentv1.Staging{Returns: []*gpuagentv1.ReturnedPath{{Path: "port"}}},
		}},
		{Name: "worker", Count: 2, Template: &gpuagentv1.Template{
			Command: []string{"sh", "-c", "echo ${self.index} ${replica.ps.0.host}:${replica.ps.0.port.rpc-main} > to"},
			Staging: &gpuagentv1.Staging{Returns: []*gpuagentv1.ReturnedPath{{Path: "to"}}},
		}},
	}
	a.submit(w)
	s := a.awaitEnd("gang")
	if s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED || len(s.GetReplicas()) != 3 {
		t.Fatalf("status %v", s)
	}
	port := s.GetReplicas()[0].GetPorts()["rpc-main"]
	for i, want := range []string{fmt.Sprintf("%d\n", port), fmt.Sprintf("0 127.0.0.1:%d\n", port), fmt.Sprintf("1 127.0.0.1:%d\n", port)} {
		if got := string(s.GetReplicas()[i].GetFiles()[0].GetContent()); got != want || port == 0 {
			t.Errorf("replica %d: %q, want %q", i, got, want)
		}
	}
}

func TestAGangFailsTogether(t *testing.T) {
	a := newNode(t).start()
	w := shell("gang", "exit 9")
	w.Spec.Groups = append(w.Spec.Groups, &gpuagentv1.ReplicaGroup{
		Name: "other", Template: &gpuagentv1.Template{Command: []string{"sleep", "300"}},
	})
	a.submit(w)
	s := a.awaitEnd("gang")
	if s.GetPhase() != gpuagentv1.Phase_PHASE_FAILED || s.GetMessage() != "main-0: exit status 9" {
		t.Errorf("status %v", s)
	}
	if r := s.GetReplicas()[1]; r.GetPhase() != gpuagentv1.Phase_PHASE_STOPPED || r.GetReason() != "SiblingFailed" {
		t.Errorf("sibling %v", r)
	}
}

func TestRestarts(t *testing.T) {
	a := newNode(t).start()
	w := shell("again", "echo x >> tries; test $(wc -l < tries) -ge 3")
	w.Spec.RestartPolicy, w.Spec.BackoffLimit = gpuagentv1.RestartPolicy_RESTART_POLICY_ON_FAILURE, 5
	a.submit(w)
	if s := a.awaitEnd("again"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED || s.GetReplicas()[0].GetRestarts() != 2 {
		t.Errorf("status %v", s)
	}
	w = shell("in-vain", "exit 4")
	w.Spec.RestartPolicy, w.Spec.BackoffLimit = gpuagentv1.RestartPolicy_RESTART_POLICY_ON_FAILURE, 2
	a.submit(w)
	s := a.awaitEnd("in-vain")
	if s.GetReason() != "BackoffLimitExceeded" || s.GetMessage() != "exit status 4, and 2 restarts have been used up" {
		t.Errorf("status %v", s)
	}
}

func TestStop(t *testing.T) {
	a := newNode(t).start()
	a.submit(shell("s", "trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done"))
	a.await("s", inPhase(gpuagentv1.Phase_PHASE_RUNNING))
	a.await("s", func(s *gpuagentv1.WorkloadStatus) bool { return s.GetReplicas()[0].GetPid() != 0 })
	stopped, err := a.StopWorkload(t.Context(), &gpuagentv1.StopWorkloadRequest{Name: "s", Message: "enough"})
	if err != nil || !stopped.GetStatus().GetStopRequested() {
		t.Fatalf("%v, %v", stopped, err)
	}
	if s := a.awaitEnd("s"); s.GetPhase() != gpuagentv1.Phase_PHASE_STOPPED || s.GetMessage() != "enough" {
		t.Errorf("status %v", s)
	}
	if again, err := a.StopWorkload(t.Context(), &gpuagentv1.StopWorkloadRequest{Name: "s"}); err != nil || again.GetStatus().GetMessage() != "enough" {
		t.Errorf("a second stop: %v, %v", again, err)
	}
}

func TestWhatDoesNotFitWaits(t *testing.T) {
	a := newNode(t).start()
	big := shell("big", "true")
	big.Spec.Groups[0].Template.Resources = &gpuagentv1.Resources{CpuMilli: 4_000_000}
	w := a.submit(big)
	if s := w.GetStatus(); s.GetPhase() != gpuagentv1.Phase_PHASE_PENDING || !strings.Contains(s.GetMessage(), "asks for 4000") {
		t.Errorf("status %v", s)
	}
	if _, err := a.StopWorkload(t.Context(), &gpuagentv1.StopWorkloadRequest{Name: "big"}); err != nil {
		t.Fatal(err)
	}
	if s := a.awaitEnd("big"); s.GetPhase() != gpuagentv1.Phase_PHASE_STOPPED {
		t.Errorf("status %v", s)
	}
	memory := a.await("big", func(*gpuagentv1.WorkloadStatus) bool { return true })
	_ = memory
	half := func(name, script string) *gpuagentv1.Workload {
		w := shell(name, script)
		w.Spec.Groups[0].Template.Resources = &gpuagentv1.Resources{MemoryBytes: nodeMemory(t, a) * 2 / 3}
		return w
	}
	dir := t.TempDir()
	a.submit(half("first", "while ! [ -e "+dir+"/go ]; do sleep 0.01; done"))
	if s := a.submit(half("second", "true")).GetStatus(); s.GetPhase() != gpuagentv1.Phase_PHASE_PENDING || !strings.Contains(s.GetMessage(), "waits for memory") {
		t.Errorf("status %v", s)
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s := a.awaitEnd("second"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
		t.Errorf("status %v", s)
	}
}

func nodeMemory(t *testing.T, a *agent) int64 {
	t.Helper()
	var bytes int64
	eventually(t, "the node's record", func() bool {
		list, err := a.nodes.ListNodes(t.Context(), &gpuagentv1.ListNodesRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if len(list.GetNodes()) == 1 {
			bytes = list.GetNodes()[0].GetStatus().GetMemoryBytes()
		}
		return bytes > 0
	})
	return bytes
}

func TestLogs(t *testing.T) {
	n := newNode(t)
	a := n.start()
	a.submit(shell("talks", "echo one; echo two; while ! [ -e go ]; do sleep 0.01; done; echo three; pwd >&2"))
	work := ""
	eventually(t, "output", func() bool {
		found, err := filepath.Glob(filepath.Join(n.dir, "agent/workloads/*.main-0/work"))
		if err == nil && len(found) == 1 {
			work = found[0]
		}
		return work != ""
	})
	followed := make(chan string, 1)
	go func() {
		text, err := a.logs(&gpuagentv1.LogsRequest{Name: "talks", Follow: true})
		if err != nil {
			t.Error(err)
		}
		followed <- text
	}()
	if err := os.WriteFile(filepath.Join(work, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want := "one\ntwo\nthree\n" + work + "\n"
	if got := <-followed; got != want {
		t.Errorf("followed %q, want %q", got, want)
	}
	a.awaitEnd("talks")
	if got, err := a.logs(&gpuagentv1.LogsRequest{Name: "talks", TailLines: 2}); err != nil || got != "three\n"+work+"\n" {
		t.Errorf("tail %q, %v", got, err)
	}
	if _, err := a.DeleteWorkload(t.Context(), &gpuagentv1.DeleteWorkloadRequest{Name: "talks"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its directory removed", func() bool { _, err := os.Stat(work); return err != nil })
	if got, err := a.logs(&gpuagentv1.LogsRequest{Name: "talks", Group: "main"}); err != nil || got != want {
		t.Errorf("after deletion %q, %v", got, err)
	}
	if _, err := a.logs(&gpuagentv1.LogsRequest{Name: "never"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("error %v, want NotFound", err)
	}
}

func TestSubmitTwice(t *testing.T) {
	a := newNode(t).start()
	dir := t.TempDir()
	for i := range 3 {
		_, err := a.SubmitWorkload(t.Context(), &gpuagentv1.SubmitWorkloadRequest{Workload: shell("one", "echo x >> "+dir+"/ran")})
		if i > 0 != fault.Is(err, fault.AlreadyExists) {
			t.Fatalf("submission %d: %v", i, err)
		}
	}
	a.awaitEnd("one")
	if got := awaitFile(t, dir+"/ran"); got != "x\n" {
		t.Errorf("ran %q", got)
	}
}

func TestDeleteStops(t *testing.T) {
	n := newNode(t)
	a := n.start()
	dir := t.TempDir()
	a.submit(shell("d", "trap 'echo bye > "+dir+"/bye; exit' TERM; echo $$ > "+dir+"/pid; while :; do sleep 0.01; done"))
	awaitFile(t, dir+"/pid")
	if _, err := a.DeleteWorkload(t.Context(), &gpuagentv1.DeleteWorkloadRequest{Name: "d"}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.GetWorkload(t.Context(), &gpuagentv1.GetWorkloadRequest{Name: "d"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("error %v, want NotFound", err)
	}
	awaitFile(t, dir+"/bye")
	a.submit(shell("d", "true")) // the name is free
	if s := a.awaitEnd("d"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
		t.Errorf("status %v", s)
	}
}

func TestRefusals(t *testing.T) {
	a := newNode(t).start()
	for field, change := range map[string]func(*gpuagentv1.Workload){
		"workload.metadata.name":                      func(w *gpuagentv1.Workload) { w.Metadata.Name = "a/b" },
		"workload.metadata.namespace":                 func(w *gpuagentv1.Workload) { w.Metadata.Namespace = ".." },
		"workload.spec.groups[1].name":                func(w *gpuagentv1.Workload) { w.Spec.Groups = append(w.Spec.Groups, w.Spec.Groups[0]) },
		"workload.spec.groups[0].template.command":    func(w *gpuagentv1.Workload) { w.Spec.Groups[0].Template.Command = nil },
		"workload.spec.groups[0].template.command[0]": func(w *gpuagentv1.Workload) { w.Spec.Groups[0].Template.Command[0] = "${replica.x.0.host}" },
		"workload.spec.groups[0].template.staging.directories[0]": func(w *gpuagentv1.Workload) {
			w.Spec.Groups[0].Template.Staging = &gpuagentv1.Staging{Directories: []string{"../x"}}
		},
		"workload.spec.groups[0].template.readiness_probe.port": func(w *gpuagentv1.Workload) { w.Spec.Groups[0].Template.ReadinessProbe = &gpuagentv1.Probe{Port: "x"} },
		"workload.spec.gang_min":                                func(w *gpuagentv1.Workload) { w.Spec.GangMin = 2 },
		"workload.spec.deadline":                                func(w *gpuagentv1.Workload) { w.Spec.Deadline = durationpb.New(-1) },
	} {
		w := shell("bad", "true")
		change(w)
		_, err := a.SubmitWorkload(t.Context(), &gpuagentv1.SubmitWorkloadRequest{Workload: w})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), field+":") {
			t.Errorf("%s: error %v", field, err)
		}
	}
	w := shell("huge", strings.Repeat("x", 250<<10))
	if _, err := a.SubmitWorkload(t.Context(), &gpuagentv1.SubmitWorkloadRequest{Workload: w}); !fault.Is(err, fault.Exhausted) {
		t.Errorf("error %v, want Exhausted", err)
	}
}

func TestReadiness(t *testing.T) {
	a := newNode(t).start()
	w := shell("probed", `while ! [ -e listen ]; do sleep 0.01; done; exec python3 -m http.server ${replica.main.0.port.http}`)
	tmpl := w.Spec.Groups[0].Template
	tmpl.Ports = []*gpuagentv1.Port{{Name: "http"}}
	tmpl.ReadinessProbe = &gpuagentv1.Probe{Check: &gpuagentv1.Probe_HttpGetPath{HttpGetPath: "/"}, Port: "http", Period: durationpb.New(20 * time.Millisecond)}
	tmpl.Command[2] = strings.Replace(tmpl.Command[2], "while ! [ -e listen ]; do sleep 0.01; done; ", "", 1)
	a.submit(w)
	a.await("probed", func(s *gpuagentv1.WorkloadStatus) bool { return s.GetReplicas()[0].GetReady() })
	if _, err := a.StopWorkload(t.Context(), &gpuagentv1.StopWorkloadRequest{Name: "probed"}); err != nil {
		t.Fatal(err)
	}
	a.awaitEnd("probed")
}

// TestReadinessByAHandler is asked in the process's own environment.
func TestReadinessByAHandler(t *testing.T) {
	a := newNode(t).start()
	dir := t.TempDir()
	w := shell("asked", "while ! [ -e "+dir+"/go ]; do sleep 0.01; done")
	tmpl := w.Spec.Groups[0].Template
	tmpl.Env = []*gpuagentv1.EnvVar{{Name: "OK", Value: dir + "/ok"}}
	tmpl.ReadinessProbe = &gpuagentv1.Probe{
		Handler: &gpuagentv1.Handler{Action: &gpuagentv1.Handler_Exec{Exec: &gpuagentv1.Exec{Command: []string{"sh", "-c", `test -e "$OK"`}}}},
		Period:  durationpb.New(20 * time.Millisecond), FailureThreshold: 1, Timeout: durationpb.New(10 * time.Second),
	}
	a.submit(w)
	ready := func(want bool) {
		t.Helper()
		a.await("asked", func(s *gpuagentv1.WorkloadStatus) bool {
			r := s.GetReplicas()[0]
			return r.GetPhase() == gpuagentv1.Phase_PHASE_RUNNING && r.GetReady() == want
		})
	}
	ready(false)
	touch(t, dir+"/ok")
	ready(true)
	if err := os.Remove(dir + "/ok"); err != nil {
		t.Fatal(err)
	}
	ready(false)
	touch(t, dir+"/go")
	if s := a.awaitEnd("asked"); s.GetReplicas()[0].GetReady() || s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
		t.Errorf("status %v", s)
	}
}

func TestABurstTakesTurns(t *testing.T) {
	a := newNode(t).start()
	const many = 100 // more than run at once
	dir := t.TempDir()
	for i := range many {
		a.submit(shell(fmt.Sprint("w", i), "echo x >> "+dir+"/ran"))
	}
	for i := range many {
		if s := a.awaitEnd(fmt.Sprint("w", i)); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
			t.Errorf("status %v", s)
		}
	}
	if ran := strings.Count(awaitFile(t, dir+"/ran"), "x"); ran != many {
		t.Errorf("%d of %d ran", ran, many)
	}
}
