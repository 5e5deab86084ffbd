package gpuagent_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent"
)

// newContainerNode is a node with a container engine; without one the test is skipped.
func newContainerNode(t *testing.T) (n *node, image string) {
	t.Helper()
	image = os.Getenv("KFMESH_TEST_IMAGE")
	if image == "" {
		t.Skip("no container engine: make test-containers has one")
	}
	n = newNode(t)
	n.configure = func(c *gpuagent.Config) { c.Runtime = "auto" }
	return n, image
}

// contained is a workload of one container that runs a script.
func contained(name, image, script string) *gpuagentv1.Workload {
	w := shell(name, script)
	w.Spec.Groups[0].Template.Image = image
	return w
}

// gone deletes workloads and waits until nothing of them is left.
func (a *agent) gone(n *node, names ...string) {
	a.t.Helper()
	for _, name := range names {
		if _, err := a.DeleteWorkload(a.t.Context(), &gpuagentv1.DeleteWorkloadRequest{Name: name}); err != nil {
			a.t.Error(err)
		}
	}
	eventually(a.t, "directories removed", func() bool {
		left, err := filepath.Glob(filepath.Join(n.dir, "agent/workloads/*"))
		return err == nil && len(left) == 0
	})
}

func TestContainerRunsAWorkload(t *testing.T) {
	n, image := newContainerNode(t)
	a := n.start()
	w := contained("c", image, `echo "$COLOR $KFMESH_WORKLOAD ${self.index}"; cat in/data > made; echo yes > ret; exit 0`)
	if err := n.blob.Put(t.Context(), "in/data", []byte("42")); err != nil {
		t.Fatal(err)
	}
	w.Spec.Groups[0].Template.Staging = &gpuagentv1.Staging{
		Downloads: []*gpuagentv1.Transfer{{Uri: n.blob.URI("in/data"), Path: "in/data"}},
		Uploads:   []*gpuagentv1.Transfer{{Uri: n.blob.URI("out/made"), Path: "made"}},
		Returns:   []*gpuagentv1.ReturnedPath{{Path: "ret"}},
	}
	a.submit(w)
	s := a.awaitEnd("c")
	r := s.GetReplicas()[0]
	if s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED || r.GetRuntime() != "container" || string(r.GetFiles()[0].GetContent()) != "yes\n" {
		t.Errorf("status %v", s)
	}
	if got, err := n.blob.Get(t.Context(), "out/made"); err != nil || string(got) != "42" {
		t.Errorf("uploaded %q, %v", got, err)
	}
	if got, err := a.logs(&gpuagentv1.LogsRequest{Name: "c"}); err != nil || got != "blue c 0\n" {
		t.Errorf("log %q, %v", got, err)
	}
	a.gone(n, "c")
}

func TestContainerOrProcess(t *testing.T) {
	n, image := newContainerNode(t)
	a := n.start()
	for _, tt := range []struct{ name, image, asks, want string }{
		{"mapped", "python:3.11", "", "process"},
		{"unmapped", image, "", "container"},
		{"none", "", "", "process"},
		{"told", image, "process", "process"},
	} {
		w := contained(tt.name, tt.image, "true")
		w.Spec.Groups[0].Template.Runtime = tt.asks
		a.submit(w)
		if s := a.awaitEnd(tt.name); s.GetReplicas()[0].GetRuntime() != tt.want || s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
			t.Errorf("%s: status %v, want %s", tt.name, s, tt.want)
		}
	}
	eventually(t, "the node's record", func() bool {
		list, err := a.nodes.ListNodes(t.Context(), &gpuagentv1.ListNodesRequest{})
		if err != nil || len(list.GetNodes()) != 1 {
			return false
		}
		s := list.GetNodes()[0].GetStatus()
		return slices.Equal(s.GetRuntimes(), []string{"process", "container"}) && strings.Contains(s.GetContainerEngine(), " ")
	})
	a.gone(n, "mapped", "unmapped", "none", "told")
}

func TestContainerIsNotOfferedWhereItIsNotConfigured(t *testing.T) {
	n := newNode(t)
	n.configure = func(c *gpuagent.Config) { c.Runtime = "process" }
	a := n.start()
	w := contained("c", "alpine:3.20", "true")
	w.Spec.Groups[0].Template.Runtime = "container"
	a.submit(w)
	want := `runtime "container" is not one that this node is configured for: it has process`
	if s := a.awaitEnd("c"); s.GetReason() != "StartFailed" || s.GetMessage() != want {
		t.Errorf("status %v", s)
	}
}

// TestContainerOutlivesItsAgent goes on with containers under an agent that would
// begin none itself.
func TestContainerOutlivesItsAgent(t *testing.T) {
	n, image := newContainerNode(t)
	dir := t.TempDir()
	n.configure = func(c *gpuagent.Config) { c.Runtime, c.ContainerMounts = "auto", []string{dir} }
	first := n.start()
	for name, status := range map[string]int{"during": 5, "after": 6, "stopped": 0} {
		first.submit(contained(name, image, "trap 'exit 9' TERM; "+until(dir, name, status)))
		awaitFile(t, dir+"/"+name+".ran")
	}
	first.end()
	touch(t, dir+"/during.go")
	n.configure = func(c *gpuagent.Config) { c.Runtime = "process" }
	second := n.start()
	if s := second.awaitEnd("during"); s.GetReplicas()[0].GetExitCode() != 5 || s.GetReplicas()[0].GetRestarts() != 0 {
		t.Errorf("status %v", s)
	}
	touch(t, dir+"/after.go")
	if s := second.awaitEnd("after"); s.GetReplicas()[0].GetExitCode() != 6 || s.GetReplicas()[0].GetRuntime() != "container" {
		t.Errorf("status %v", s)
	}
	if _, err := second.StopWorkload(t.Context(), &gpuagentv1.StopWorkloadRequest{Name: "stopped", Message: "enough"}); err != nil {
		t.Fatal(err)
	}
	if s := second.awaitEnd("stopped"); s.GetPhase() != gpuagentv1.Phase_PHASE_STOPPED || s.GetMessage() != "enough" || s.GetReplicas()[0].GetExitCode() != 9 {
		t.Errorf("status %v", s)
	}
	for _, name := range []string{"during", "after", "stopped"} {
		if ran := strings.Fields(awaitFile(t, dir+"/"+name+".ran")); len(ran) != 1 {
			t.Errorf("%s ran %d times", name, len(ran))
		}
	}
	second.gone(n, "during", "after", "stopped")
}

func TestContainerRestarts(t *testing.T) {
	n, image := newContainerNode(t)
	a := n.start()
	w := contained("again", image, "echo x >> tries; wc -l < tries; test $(wc -l < tries) -ge 3")
	w.Spec.RestartPolicy, w.Spec.BackoffLimit = gpuagentv1.RestartPolicy_RESTART_POLICY_ON_FAILURE, 5
	a.submit(w)
	if s := a.awaitEnd("again"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED || s.GetReplicas()[0].GetRestarts() != 2 {
		t.Errorf("status %v", s)
	}
	if got, err := a.logs(&gpuagentv1.LogsRequest{Name: "again"}); err != nil || got != "1\n2\n3\n" {
		t.Errorf("log %q, %v", got, err)
	}
	a.gone(n, "again")
}

func TestContainerGangMeets(t *testing.T) {
	n, image := newContainerNode(t)
	a := n.start()
	w := contained("gang", image, "")
	port := []*gpuagentv1.Port{{Name: "talk"}}
	w.Spec.Groups = []*gpuagentv1.ReplicaGroup{
		{Name: "server", Template: &gpuagentv1.Template{
			Image: image, Ports: port, Command: []string{"sh", "-c", "echo hello | nc -l -p $PORT_TALK"},
		}},
		{Name: "client", Template: &gpuagentv1.Template{
			Image:   image,
			Command: []string{"sh", "-c", "until nc ${replica.server.0.host} ${replica.server.0.port.talk} > said; do sleep 0.05; done"},
			Staging: &gpuagentv1.Staging{Returns: []*gpuagentv1.ReturnedPath{{Path: "said"}}},
		}},
	}
	a.submit(w)
	s := a.awaitEnd("gang")
	if s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED || string(s.GetReplicas()[1].GetFiles()[0].GetContent()) != "hello\n" {
		t.Errorf("status %v", s)
	}
	a.gone(n, "gang")
}

func TestContainerOfAnOrphanIsRemoved(t *testing.T) {
	n, image := newContainerNode(t)
	dir := t.TempDir()
	n.configure = func(c *gpuagent.Config) { c.Runtime, c.ContainerMounts = "auto", []string{dir} }
	first := n.start()
	first.submit(contained("d", image, "trap 'echo bye > "+dir+"/bye; exit' TERM; "+until(dir, "d", 0)))
	awaitFile(t, dir+"/d.ran")
	first.end()
	if err := commitDelete(t, n.store, "/kfmesh/gpuagent/workloads/default/d"); err != nil {
		t.Fatal(err)
	}
	n.start().gone(n)
	awaitFile(t, dir+"/bye")
}

func TestContainerImageThatCannotBeHad(t *testing.T) {
	n, _ := newContainerNode(t)
	a := n.start()
	a.submit(contained("c", "kfmesh.test/absent:1", "true"))
	if s := a.awaitEnd("c"); s.GetReason() != "ImagePullFailed" || !strings.Contains(s.GetMessage(), "pull kfmesh.test/absent:1") {
		t.Errorf("status %v", s)
	}
	a.gone(n, "c")
}

func TestContainerMountsSecretsAndVolumes(t *testing.T) {
	n, image := newContainerNode(t)
	a := n.start()
	a.createSecret("db", map[string]string{"password": password})
	a.createVolume("shared")
	user := int64(4321)
	for _, name := range []string{"writes", "reads"} {
		w := contained(name, image, "cat /secrets/password; echo; echo $PASSWORD; echo "+name+" >> /data/names; cat /data/names")
		template := w.Spec.Groups[0].Template
		template.SecurityContext = &gpuagentv1.SecurityContext{RunAsUser: &user}
		template.Env = []*gpuagentv1.EnvVar{fromSecret("PASSWORD", "db", "password", false)}
		mountAt(template, "/secrets", secretVolume("db", nil))
		mountAt(template, "/data", named("data", claim("shared")))
		a.submit(w)
		if s := a.awaitEnd(name); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
			t.Errorf("status %v, log %s", s, a.log(name))
		}
	}
	if got, want := a.log("reads"), password+"\n"+password+"\nwrites\nreads\n"; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
	a.gone(n, "writes", "reads")
}

// TestContainerPod has an init container, a sidecar with a log of its own, and a readiness probe.
func TestContainerPod(t *testing.T) {
	n, image := newContainerNode(t)
	a := n.start()
	w := contained("pod", image, "cat first; until [ -e go ]; do sleep 0.02; done; echo main")
	shellOf := func(script string) []string { return []string{"sh", "-c", script} }
	template := w.Spec.Groups[0].Template
	template.InitContainers = []*gpuagentv1.Companion{
		{Name: "first", Image: image, Command: shellOf("echo one > $PWD/first; echo first"), WorkingDir: "."},
		{
			Name: "side-1", Image: image, Command: shellOf("echo beside; exec sleep 600"),
			RestartPolicy: gpuagentv1.RestartPolicy_RESTART_POLICY_ALWAYS, Resources: &gpuagentv1.Resources{MemoryLimitBytes: 64 << 20},
		},
	}
	template.ReadinessProbe = &gpuagentv1.Probe{
		Period: durationpb.New(50 * time.Millisecond), Timeout: durationpb.New(10 * time.Second),
		Handler: &gpuagentv1.Handler{Action: &gpuagentv1.Handler_Exec{Exec: &gpuagentv1.Exec{Command: shellOf("touch $PWD/go")}}},
	}
	a.submit(w)
	a.await("pod", func(s *gpuagentv1.WorkloadStatus) bool {
		return s.GetReplicas()[0].GetReady() || s.GetFinishTime() != nil
	})
	if s := a.awaitEnd("pod"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED || len(s.GetWarnings()) != 0 {
		t.Errorf("status %v, log %s", s, a.log("pod"))
	}
	want := func(when string) {
		t.Helper()
		for container, text := range map[string]string{"": "first\none\nmain\n", "first": "first\none\nmain\n", "side-1": "beside\n"} {
			if got, err := a.logs(&gpuagentv1.LogsRequest{Name: "pod", Container: container}); err != nil || got != text {
				t.Errorf("%s, log of %q: %q, %v", when, container, got, err)
			}
		}
	}
	want("present")
	a.gone(n, "pod")
	want("kept")
	if _, err := a.logs(&gpuagentv1.LogsRequest{Name: "pod", Container: "../x"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("error %v", err)
	}
}
