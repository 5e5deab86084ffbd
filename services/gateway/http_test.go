package gateway

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

func TestPagesAndProbes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for path, want := range map[string]string{
		"/":                     "kfmesh v1.2.3",
		"/healthz":              "alive",
		"/readyz":               "ready",
		"/metrics":              "up 1",
		"/openapi":              "/apis/v2beta1/runs",
		"/openapi.json":         `"/apis/v2beta1/pipelines/upload"`,
		"/apis/v2beta1/healthz": `"multi_user":false`,
	} {
		if got := f.get(t, path); got.code != http.StatusOK || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d without %q: %.300s", path, got.code, want, got.body)
		}
	}
}

func TestReadyNamesWhatIsNot(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.health.SetServingStatus("pipeline", healthv1.HealthCheckResponse_NOT_SERVING)
	got := f.get(t, "/readyz")
	if got.code != http.StatusServiceUnavailable || !strings.Contains(got.body, `"pipeline":"NOT_SERVING"`) || strings.Contains(got.body, "metadata") {
		t.Errorf("got %d %s", got.code, got.body)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, test := range map[string]struct {
		method, path, body string
		code               int
		mention            string
	}{
		"not found":      {"GET", "/apis/v2beta1/pipelines/gone", "", 404, `no pipeline \"gone\"`},
		"invalid":        {"GET", "/apis/v2beta1/pipelines/wrong", "", 400, "root.dag"},
		"precondition":   {"GET", "/apis/v2beta1/pipelines/busy", "", 400, "PIPELINE_HAS_VERSIONS"},
		"no such path":   {"GET", "/apis/v2beta1/recurring", "", 404, "/openapi.json"},
		"no such method": {"PUT", "/apis/v2beta1/pipelines/p", "", 405, "PUT"},
		"unknown field":  {"POST", "/apis/v2beta1/pipelines", `{"name":"x","colour":"red"}`, 400, "colour"},
		"not JSON":       {"POST", "/apis/v2beta1/pipelines", `{`, 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := f.do(t, test.method, test.path, "application/json", strings.NewReader(test.body))
			var form struct {
				Code    int
				Message string
			}
			if err := json.Unmarshal([]byte(got.body), &form); err != nil || form.Code == 0 || form.Message == "" {
				t.Errorf("the error has another form: %s", got.body)
			}
			if got.code != test.code || !strings.Contains(got.body, test.mention) {
				t.Errorf("got %d %s, want %d with %s", got.code, got.body, test.code, test.mention)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	got := f.do(t, "POST", "/apis/v2beta1/runs", "application/json", strings.NewReader(
		`{"display_name":"x","pipeline_spec":{"pipelineInfo":{"name":"hello"}},"runtime_config":{"parameters":{"n":null,"m":3}}}`))
	compact := strings.ReplaceAll(got.body, " ", "")
	for _, want := range []string{
		`"display_name":"x"`, `"pipelineInfo":{"name":"hello"}`, `"finished_at":"1970-01-01T00:00:00Z"`, `"state":"PENDING"`, `"n":null`, `"m":3`,
	} {
		if !strings.Contains(compact, want) {
			t.Errorf("no %s in %s", want, got.body)
		}
	}
	if strings.Contains(compact, "run_details") || strings.Contains(compact, "error") {
		t.Errorf("unset fields are there: %s", got.body)
	}
}

func TestStreamOverREST(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	got := f.get(t, "/kfmesh/v1/runs/r1:watch")
	lines := strings.Split(strings.TrimSpace(got.body), "\n")
	if len(lines) != 2 || !strings.Contains(lines[1], `"result"`) || !strings.Contains(lines[1], "SUCCEEDED") {
		t.Errorf("got %q", got.body)
	}
}

func TestArtifactContent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	outside := filepath.Join(t.TempDir(), "secret")
	for path, content := range map[string]string{
		filepath.Join(f.dir, "run", "report.html"): "<b>hi</b>", outside: "secret",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(f.dir, "link")); err != nil {
		t.Fatal(err)
	}
	f.artifacts.uris = map[int64]string{
		1: f.dir + "/run/report.html", 2: outside, 3: f.dir + "/../" + filepath.Base(filepath.Dir(outside)) + "/secret",
		4: f.dir + "/link", 5: f.dir + "/run", 6: f.dir + "/run/none", 7: "s3://elsewhere/x",
	}
	for path, code := range map[string]int{
		"1": 200, "2": 400, "3": 400, "4": 400, "5": 400, "6": 404, "7": 400, "8": 404, "x": 400,
	} {
		got := f.get(t, "/kfmesh/v1/artifacts/"+path+"/content")
		if got.code != code || strings.Contains(got.body, "secret\n") || got.body == "secret" {
			t.Errorf("artifact %s: got %d %s, want %d", path, got.code, got.body, code)
		}
	}
	got := f.get(t, "/kfmesh/v1/artifacts/1/content")
	if got.body != "<b>hi</b>" || got.header.Get("Content-Security-Policy") != "sandbox" ||
		got.header.Get("Content-Disposition") != "inline; filename=report.html" {
		t.Errorf("got %q with %v", got.body, got.header)
	}
}

// A page of another site can have a browser send a form or text anywhere; what
// it cannot do is hide that it is another site's.
func TestOtherSitesChangeNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, test := range map[string]struct {
		method, header, value string
		refused               bool
	}{
		"a browser's other site":      {http.MethodPost, "Sec-Fetch-Site", "cross-site", true},
		"an old browser's":            {http.MethodPost, "Origin", "https://elsewhere.example", true},
		"a page of this address":      {http.MethodPost, "Sec-Fetch-Site", "same-origin", false},
		"a client that is no browser": {http.MethodPost, "User-Agent", "curl", false},
		"another site that reads":     {http.MethodGet, "Sec-Fetch-Site", "cross-site", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, err := http.NewRequestWithContext(t.Context(), test.method, f.http+"/apis/v2beta1/pipelines/p", strings.NewReader(""))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "text/plain")
			request.Header.Set(test.header, test.value)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if refused := response.StatusCode == http.StatusForbidden; refused != test.refused {
				t.Errorf("got %d, want refused: %t", response.StatusCode, test.refused)
			}
		})
	}
}
