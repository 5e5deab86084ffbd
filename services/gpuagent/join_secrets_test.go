package gpuagent_test

import (
	"path/filepath"
	"strings"
	"testing"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// secretive is a workload on a node that has a secret in a variable and in a file.
func secretive(name, node, script string) *gpuagentv1.Workload {
	w := shell(name, script)
	template := w.Spec.Groups[0].Template
	template.NodeSelector = map[string]string{"on": node}
	template.Env = []*gpuagentv1.EnvVar{fromSecret("PASSWORD", "db", "password", false)}
	template.Volumes = []*gpuagentv1.Volume{{Name: "s", Source: &gpuagentv1.Volume_Secret{Secret: &gpuagentv1.KeyedSource{Name: "file"}}}}
	return w
}

// TestSecretsAreHandedToTheNodeThatNeedsThem, to no other, and are stored nowhere.
func TestSecretsAreHandedToTheNodeThatNeedsThem(t *testing.T) {
	c := newCluster(t)
	head := c.head.start()
	second, third := c.node(2), c.node(3)
	second.start()
	third.start()
	head.here("n1", "n2", "n3")
	for _, name := range []string{"db", "file", "other"} {
		head.createSecret(name, map[string]string{"password": password})
	}
	dir := t.TempDir()
	w := head.submit(secretive("uses", "n2", `[ ${#PASSWORD} = 21 ] && echo right; while [ ! -e `+dir+`/go ]; do sleep 0.05; done`))
	head.await("uses", inPhase(gpuagentv1.Phase_PHASE_RUNNING))
	eventually(t, "its log", func() bool { return head.logOf("uses", "main") == "right\n" })
	for _, key := range []string{"orders", "reports", "workloads"} {
		entries, _, err := c.head.store.List(t.Context(), "/kfmesh/gpuagent/"+key)
		if err != nil || len(entries) == 0 {
			t.Fatalf("%s: %d, %v", key, len(entries), err)
		}
		for _, e := range entries {
			if strings.Contains(string(e.Value), password) {
				t.Errorf("%s holds the password", e.Key)
			}
		}
	}
	run := w.GetMetadata().GetUid()
	ask := func(j *joined, name string) error {
		_, err := doorv1.NewRunServiceClient(j).RevealSecret(t.Context(), &doorv1.RevealSecretRequest{Run: run, Name: name})
		return err
	}
	for _, name := range []string{"db", "file"} {
		if err := ask(second, name); err != nil {
			t.Errorf("the node that runs it asks for %s: %v", name, err)
		}
		if err := ask(third, name); !fault.Is(err, fault.Denied) {
			t.Errorf("another node asks for %s: %v", name, err)
		}
	}
	if err := ask(second, "other"); !fault.Is(err, fault.Denied) {
		t.Errorf("a secret that nothing refers to: %v", err)
	}
	touchFile(t, filepath.Join(dir, "go"))
	if s := head.awaitEnd("uses"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
		t.Errorf("%v", s)
	}
	if err := ask(second, "db"); !fault.Is(err, fault.Denied) {
		t.Errorf("after its end: %v", err)
	}
	if found := filesWith(t, second.dir, password); len(found) > 0 {
		t.Errorf("left in %v", found)
	}
}

// TestRunKeysAreOfTheirRun, the same for whoever runs it, and for nobody else.
func TestRunKeysAreOfTheirRun(t *testing.T) {
	c := newCluster(t)
	head := c.head.start()
	second, third := c.node(2), c.node(3)
	second.start()
	third.start()
	head.here("n1", "n2", "n3")
	w := head.submit(gang("keyed", "sleep 60", "n1", "n2"))
	head.await("keyed", inPhase(gpuagentv1.Phase_PHASE_RUNNING))
	ask := func(j *joined, run string) (string, error) {
		answer, err := doorv1.NewRunServiceClient(j).GetRunKey(t.Context(), &doorv1.GetRunKeyRequest{Run: run})
		return string(answer.GetKey()), err
	}
	key, err := ask(second, w.GetMetadata().GetUid())
	if err != nil || len(key) != 32 {
		t.Fatalf("key of %d bytes, %v", len(key), err)
	}
	if _, err := ask(third, w.GetMetadata().GetUid()); !fault.Is(err, fault.Denied) {
		t.Errorf("another node: %v", err)
	}
	head.end()
	head = c.head.start()
	if again, err := ask(second, w.GetMetadata().GetUid()); err != nil || again != key {
		t.Errorf("of a head that started again the key is another: %v", err)
	}
	if _, err := head.DeleteWorkload(t.Context(), &gpuagentv1.DeleteWorkloadRequest{Name: "keyed"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its end on the node", func() bool { return len(keys(t, c.head.store, "/kfmesh/gpuagent/reports/")) == 0 })
}
