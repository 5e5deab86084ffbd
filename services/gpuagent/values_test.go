package gpuagent_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
)

// password is a value that must be nowhere but in the replicas that name it.
const password = "correct-horse-battery"

func (a *agent) createSecret(name string, data map[string]string) *gpuagentv1.Secret {
	a.t.Helper()
	values := map[string][]byte{}
	for key, value := range data {
		values[key] = []byte(value)
	}
	s, err := a.secrets.CreateSecret(a.t.Context(), &gpuagentv1.CreateSecretRequest{
		Secret: &gpuagentv1.Secret{Metadata: &metav1.ObjectMeta{Name: name}, Data: values},
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return s
}

func (a *agent) createConfigMap(name string, data map[string]string) {
	a.t.Helper()
	_, err := a.configMaps.CreateConfigMap(a.t.Context(), &gpuagentv1.CreateConfigMapRequest{
		ConfigMap: &gpuagentv1.ConfigMap{Metadata: &metav1.ObjectMeta{Name: name}, Data: data},
	})
	if err != nil {
		a.t.Fatal(err)
	}
}

func fromSecret(variable, name, key string, optional bool) *gpuagentv1.EnvVar {
	return &gpuagentv1.EnvVar{Name: variable, ValueFrom: &gpuagentv1.ValueSource{
		Source: &gpuagentv1.ValueSource_Secret{Secret: &gpuagentv1.KeySelector{Name: name, Key: key, Optional: optional}},
	}}
}

func fromConfigMap(variable, name, key string) *gpuagentv1.EnvVar {
	return &gpuagentv1.EnvVar{Name: variable, ValueFrom: &gpuagentv1.ValueSource{
		Source: &gpuagentv1.ValueSource_ConfigMap{ConfigMap: &gpuagentv1.KeySelector{Name: name, Key: key}},
	}}
}

func fromField(variable, path string) *gpuagentv1.EnvVar {
	return &gpuagentv1.EnvVar{Name: variable, ValueFrom: &gpuagentv1.ValueSource{
		Source: &gpuagentv1.ValueSource_FieldPath{FieldPath: path},
	}}
}

// log is what a workload with one replica wrote.
func (a *agent) log(name string) string {
	a.t.Helper()
	text, err := a.logs(&gpuagentv1.LogsRequest{Name: name})
	if err != nil {
		a.t.Fatal(err)
	}
	return text
}

func TestEnvironmentFromElsewhere(t *testing.T) {
	a := newNode(t).start()
	a.createSecret("db", map[string]string{"password": password})
	a.createConfigMap("app", map[string]string{"mode": "fast ${workdir}"})
	w := shell("env", `[ "$PASSWORD" = correct-horse-battery ] && echo "$MODE|${NONE-unset}|$NAME|$TEAM|$NODE"`)
	w.Metadata.Labels = map[string]string{"example.com/team": "blue"}
	w.Spec.Groups[0].Template.Env = []*gpuagentv1.EnvVar{
		fromSecret("PASSWORD", "db", "password", false), fromConfigMap("MODE", "app", "mode"),
		fromSecret("NONE", "no-such-secret", "k", true),
		fromField("NAME", "metadata.name"), fromField("TEAM", "metadata.labels['example.com/team']"), fromField("NODE", "spec.nodeName"),
	}
	a.submit(w)
	if s := a.awaitEnd("env"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
		t.Fatalf("status %v", s)
	}
	if got, want := a.log("env"), "fast ${workdir}|unset|env|blue|n1\n"; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	a := newNode(t).start()
	a.createSecret("db", map[string]string{"password": password})
	for name, tt := range map[string]struct {
		change func(*gpuagentv1.Template)
		reason string
		says   string
	}{
		"secret": {
			func(t *gpuagentv1.Template) { t.Env = []*gpuagentv1.EnvVar{fromSecret("P", "dbx", "password", false)} },
			"CreateContainerConfigError", `env P: wants key "password": secret "dbx" does not exist in namespace default`,
		},
		"key": {
			func(t *gpuagentv1.Template) { t.Env = []*gpuagentv1.EnvVar{fromSecret("P", "db", "pass", false)} },
			"CreateContainerConfigError", `env P: secret "db" of namespace default has no key "pass"; it has password`,
		},
		"config-map": {
			func(t *gpuagentv1.Template) { t.Env = []*gpuagentv1.EnvVar{fromConfigMap("M", "app", "mode")} },
			"CreateContainerConfigError", `env M: wants key "mode": config map "app" does not exist in namespace default`,
		},
		"claim": {
			func(t *gpuagentv1.Template) { mountAt(t, "/data", claim("nothing")) },
			"FailedMount", "volume v: there is no volume default/nothing",
		},
		"mounted-secret": {
			func(t *gpuagentv1.Template) { mountAt(t, "/data", secretVolume("nothing", nil)) },
			"FailedMount", `volume v: secret "nothing" does not exist in namespace default`,
		},
		"mounted-key": {
			func(t *gpuagentv1.Template) { mountAt(t, "/data", secretVolume("db", map[string]string{"user": "u"})) },
			"FailedMount", `volume v: db has no key "user"; it has password`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := shell(name, "exit 0")
			tt.change(w.Spec.Groups[0].Template)
			a.submit(w)
			s := a.awaitEnd(name)
			if s.GetPhase() != gpuagentv1.Phase_PHASE_FAILED || s.GetReason() != tt.reason || s.GetMessage() != tt.says {
				t.Errorf("ended %v, %s, %q\nwant %s, %q", s.GetPhase(), s.GetReason(), s.GetMessage(), tt.reason, tt.says)
			}
		})
	}
}

// TestSecretsStaySecret looks for a value wherever kfmesh keeps something.
func TestSecretsStaySecret(t *testing.T) {
	n := newNode(t)
	a := n.start()
	created := a.createSecret("db", map[string]string{"password": password})
	if len(created.GetData()) > 0 || created.GetSizes()["password"] != int64(len(password)) {
		t.Errorf("created %v", created)
	}
	dir := t.TempDir()
	w := shell("w", until(dir, "w", 0))
	w.Spec.Groups[0].Template.Env = []*gpuagentv1.EnvVar{fromSecret("PASSWORD", "db", "password", false)}
	mountAt(w.Spec.Groups[0].Template, "/secret-place/db", secretVolume("db", nil))
	a.submit(w)
	awaitFile(t, dir+"/w.ran")
	absent := func(when string) {
		t.Helper()
		entries, _, err := n.store.List(t.Context(), "/")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if bytes.Contains(e.Value, []byte(password)) {
				t.Errorf("%s the value is stored under %s", when, e.Key)
			}
		}
		for _, path := range filesWith(t, n.dir, password) {
			t.Errorf("%s the value is in %s", when, path)
		}
		if text := a.get("w").String(); strings.Contains(text, password) {
			t.Errorf("%s the value is in %s", when, text)
		}
	}
	absent("while it runs")
	uid := a.get("w").GetMetadata().GetUid()
	touch(t, dir+"/w.go")
	if s := a.awaitEnd("w"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
		t.Fatalf("status %v", s)
	}
	absent("after its end")
	eventually(t, "the files in memory removed", func() bool {
		left, err := filepath.Glob("/dev/shm/kfmesh-" + uid + "*")
		return err == nil && len(left) == 0
	})
}

// filesWith returns the files below a directory that hold a text.
func filesWith(t *testing.T, dir, text string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			if data, err := os.ReadFile(path); err == nil && bytes.Contains(data, []byte(text)) {
				found = append(found, path)
			}
		}
		return nil // what goes meanwhile holds nothing
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestNodeSelector(t *testing.T) {
	a := newNode(t).start()
	w := shell("picky", "exit 0")
	w.Spec.Groups[0].Template.NodeSelector = map[string]string{"disk": "ssd"}
	a.submit(w)
	s := a.await("picky", func(s *gpuagentv1.WorkloadStatus) bool { return s.GetMessage() != "" }).GetStatus()
	if want := "waits for a node with label disk=ssd: node n1 has no label disk"; s.GetMessage() != want {
		t.Errorf("message %q, want %q", s.GetMessage(), want)
	}
	fits := shell("fits", "exit 0")
	fits.Spec.Groups[0].Template.NodeSelector = map[string]string{"kubernetes.io/os": "linux"}
	a.submit(fits)
	if s := a.awaitEnd("fits"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
		t.Errorf("status %v", s)
	}
}

// mountAt adds a volume to a template and mounts it.
func mountAt(t *gpuagentv1.Template, path string, v *gpuagentv1.Volume) *gpuagentv1.VolumeMount {
	if i := slices.IndexFunc(t.GetVolumes(), func(had *gpuagentv1.Volume) bool { return had.GetName() == v.GetName() }); i < 0 {
		t.Volumes = append(t.Volumes, v)
	}
	m := &gpuagentv1.VolumeMount{Volume: v.GetName(), Path: path}
	t.Mounts = append(t.Mounts, m)
	return m
}

func secretVolume(name string, items map[string]string) *gpuagentv1.Volume {
	return &gpuagentv1.Volume{Name: "v", Source: &gpuagentv1.Volume_Secret{Secret: &gpuagentv1.KeyedSource{Name: name, Items: items}}}
}

func claim(name string) *gpuagentv1.Volume {
	return &gpuagentv1.Volume{Name: "v", Source: &gpuagentv1.Volume_Claim{Claim: name}}
}
