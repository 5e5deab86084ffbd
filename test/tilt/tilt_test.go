package tilt

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// inRepository moves the test to the folder of the Tiltfile, which paths in it
// are relative to.
func inRepository(t *testing.T) {
	t.Helper()
	t.Chdir(filepath.Join("..", ".."))
}

func evaluate(t *testing.T, settings map[string]string) map[string]Resource {
	t.Helper()
	resources, err := Evaluate("Tiltfile", settings)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Resource{}
	for _, r := range resources {
		byName[r.Name] = r
	}
	return byName
}

func TestTiltfileHasEveryPart(t *testing.T) {
	inRepository(t)
	resources := evaluate(t, nil)
	mains, err := filepath.Glob("cmd/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"etcd", "nats"}
	for _, main := range mains {
		if name := filepath.Base(filepath.Dir(main)); !strings.HasPrefix(name, "kfmesh") {
			want = append(want, name)
		}
	}
	for _, name := range want {
		r, ok := resources[name]
		switch {
		case !ok:
			t.Errorf("the Tiltfile does not start %s", name)
		case r.Ready == nil:
			t.Errorf("%s has no readiness probe", name)
		case len(r.ServeCmd) == 0:
			t.Errorf("%s serves nothing", name)
		}
	}
	if len(resources) != len(want) {
		t.Errorf("the Tiltfile starts %d things, want %v", len(resources), want)
	}
}

func TestTiltfileBuildsAgainWhatChanges(t *testing.T) {
	inRepository(t)
	for name, r := range evaluate(t, nil) {
		if len(r.Cmd) == 0 {
			continue
		}
		for _, path := range append(slices.Clone(r.Deps), "services/"+name) {
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s depends on %s, which is not there", name, path)
			}
			if !slices.Contains(r.Deps, path) {
				t.Errorf("%s is not built again when %s changes", name, path)
			}
		}
	}
}

func TestTiltfileNeedsAreDeclaredBefore(t *testing.T) {
	inRepository(t)
	resources, err := Evaluate("Tiltfile", nil)
	if err != nil {
		t.Fatal(err)
	}
	var declared []string
	for _, r := range resources {
		for _, need := range r.Needs {
			if !slices.Contains(declared, need) {
				t.Errorf("%s needs %s, which is not declared before it", r.Name, need)
			}
		}
		declared = append(declared, r.Name)
	}
}

func TestTiltfileSettings(t *testing.T) {
	inRepository(t)
	shifted := evaluate(t, map[string]string{"port-offset": "1000", "data-dir": "/somewhere"})
	if got := shifted["gateway"].Ready.URL; got != "http://127.0.0.1:9080/readyz" {
		t.Errorf("the gateway is probed at %s", got)
	}
	if got := shifted["pipeline"].ServeEnv["KFMESH_ETCD_ENDPOINTS"]; got != "127.0.0.1:3379" {
		t.Errorf("the pipeline service is sent to etcd at %s", got)
	}
	for _, r := range shifted {
		for name, setting := range r.ServeEnv {
			if strings.Contains(setting, ".kfmesh") {
				t.Errorf("%s: %s=%s is not below the data directory", r.Name, name, setting)
			}
		}
	}
	if _, err := Evaluate("Tiltfile", map[string]string{"colour": "red"}); err == nil {
		t.Error("an unknown setting is taken")
	}
}
