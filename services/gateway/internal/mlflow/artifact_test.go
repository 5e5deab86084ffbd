package mlflow

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

const proxyRoot = "/api/2.0/mlflow-artifacts/artifacts"

// keep uploads a file and fails the test unless that works.
func (f *fixture) keep(t *testing.T, path, content string, headers ...string) {
	t.Helper()
	if status, body := f.send(t, http.MethodPut, proxyRoot+"/"+path, content, headers...); status != http.StatusOK || body != "{}" {
		t.Fatalf("%s: got %d %s", path, status, body)
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for path, content := range map[string]string{"0/r/artifacts/model/MLmodel": "a: b", "0/r/artifacts/x.html": "<b>", "0/r/artifacts/z%20%C3%BC%25": "", "top": "1"} {
		f.keep(t, path, content)
	}
	for target, want := range map[string]string{
		proxyRoot:                                      `{"files":[{"path":"0","is_dir":true},{"path":"top","is_dir":false,"file_size":1}]}`,
		proxyRoot + "?path=0/r/artifacts":              `{"files":[{"path":"model","is_dir":true},{"path":"x.html","is_dir":false,"file_size":3},{"path":"z ü%","is_dir":false,"file_size":0}]}`,
		proxyRoot + "?path=0//r/./artifacts":           `"path":"model"`,
		proxyRoot + "?path=none":                       `{}`,
		proxyRoot + "?path=top":                        `{}`,
		"/ajax-api/2.0/mlflow-artifacts/artifacts/top": "1",
		proxyRoot + "/0/r/artifacts/model/MLmodel":     "a: b",
		proxyRoot + "/0/r/artifacts/z%20%C3%BC%25":     "",
		proxyRoot + "/0/r/artifacts/model":             "refers to a directory",
		proxyRoot + "/0/r/artifacts/none":              "No such artifact: '0/r/artifacts/none'",
	} {
		if _, body := f.send(t, http.MethodGet, target, ""); !strings.Contains(body, want) {
			t.Errorf("%s: got %s, want %s", target, body, want)
		}
	}
	if status, body := f.send(t, http.MethodDelete, proxyRoot+"/0/r/", ""); status != 200 || body != "{}" {
		t.Errorf("delete: %d %s", status, body)
	}
	if _, body := f.send(t, http.MethodGet, proxyRoot+"?path=0", ""); body != "{}" {
		t.Errorf("after it was deleted, there is %s", body)
	}
}

func TestPathsThatClimbOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.keep(t, "0/secret", "x")
	for _, path := range []string{
		"..", "../x", "a/../../x", "a/..", "%2e%2e/x", "%252e%252e/x", "a%2f..%2f..%2fx", "a/%252e%252e%252fx", "/etc/passwd", "%2fetc/passwd",
		`..\x`, `a\b`, "C:/x", "file:///etc/passwd", "a%00b", "a%2500b", "a%0ab", "a%23b", "%25252525252525252525252e%25252525252525252525252e/x",
	} {
		target := proxyRoot + "/" + path
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			if strings.HasPrefix(path, `..\`) || strings.HasPrefix(path, `a\`) {
				target = proxyRoot + "/" + strings.ReplaceAll(path, `\`, "%5C")
			}
			if status, body := f.send(t, method, target, "x"); status != http.StatusBadRequest || !strings.Contains(body, "Invalid path") {
				t.Errorf("%s %s: got %d %s", method, target, status, body)
			}
		}
		query := proxyRoot + "?path=" + strings.ReplaceAll(strings.ReplaceAll(path, "%", "%25"), `\`, "%5C")
		if status, body := f.send(t, http.MethodGet, query, ""); status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", query, status, body)
		}
	}
	for _, root := range []string{"", ".", "workspaces"} {
		for _, method := range []string{http.MethodPut, http.MethodDelete} {
			if status, body := f.send(t, method, proxyRoot+"/"+root, "x"); status < 400 {
				t.Errorf("%s of everything (%q): got %d %s", method, root, status, body)
			}
		}
	}
	if _, body := f.send(t, http.MethodGet, proxyRoot+"/0/secret", ""); body != "x" {
		t.Errorf("the file is %q now", body)
	}
}

func FuzzSafePath(f *testing.F) {
	for _, seed := range []string{"a/b", "..", "%2e%2e/a", "/a", `a\..\b`, "a/./b//c", "%", "a\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		clean, err := safePath(given)
		if err != nil {
			return
		}
		if at, err := key("default", given); err == nil && at != folder && !strings.HasPrefix(at, folder+"/") {
			t.Fatalf("%q leads to %q", given, at)
		}
		if again, err := safePath(clean); err != nil || again != clean {
			t.Fatalf("%q is %q, and that %q, %v", given, clean, again, err)
		}
	})
}

func TestNamespacesDoNotSeeEachOthersArtifacts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in := func(namespace string) []string { return []string{"X-MLFLOW-WORKSPACE", namespace} }
	f.keep(t, "1/a", "theirs", in("team-a")...)
	f.keep(t, "workspaces/team-a/1/b", "theirs too", in("team-a")...)
	f.keep(t, "1/a", "mine")
	for _, test := range []struct{ namespace, path, want string }{
		{"team-a", "/1/a", "theirs"},
		{"team-a", "/workspaces/team-a/1/a", "theirs"},
		{"team-a", "/1/b", "theirs too"},
		{"", "/1/a", "mine"},
		{"", "/workspaces/team-a/1/a", "targets workspace 'team-a' but the workspace specified in the request is 'default'"},
		{"team-b", "/workspaces/team-a/1/a", "targets workspace"},
		{"team-b", "/1/a", "No such artifact"},
		{"", "?path=workspaces", "must include a workspace name"},
		{"", "?path=workspaces/team-a", "targets workspace"},
	} {
		if _, body := f.send(t, http.MethodGet, proxyRoot+test.path, "", in(test.namespace)...); !strings.Contains(body, test.want) {
			t.Errorf("%s for %q: got %s, want %s", test.path, test.namespace, body, test.want)
		}
	}
}

func TestDownloadsAreNoPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, want := range map[string]string{
		"a.txt": "text/plain", "b.pkl": "application/octet-stream", "c.png": "image/png", "d.pdf": "application/pdf",
		"MLmodel": "text/plain", "e.html": "text/html",
	} {
		f.keep(t, name, "0123456789")
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, proxyRoot+"/"+name, nil)
		r.Header.Set("Range", "bytes=2-4")
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, r)
		got, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
		if w.Code != http.StatusPartialContent || w.Body.String() != "234" || got != want ||
			w.Header().Get("Content-Disposition") != "attachment; filename="+name || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: got %d %q with %v", name, w.Code, w.Body, w.Header())
		}
	}
}

func TestAnUploadThatIsCutOffLeavesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	done := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.handler.ServeHTTP(w, r)
		done <- struct{}{}
	}))
	defer server.Close()
	for _, header := range []string{"Content-Length: 1000000", "Transfer-Encoding: chunked"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "PUT "+proxyRoot+"/new/model.bin HTTP/1.1\r\nHost: x\r\n"+header+"\r\n\r\n186a0\r\n"+strings.Repeat("x", 1000)); err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		<-done
		if _, body := f.send(t, http.MethodGet, proxyRoot, ""); body != "{}" {
			t.Errorf("%s: there is %s", header, body)
		}
	}
}

func TestMultipartIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, step := range []string{"create", "complete", "abort"} {
		status, body := f.send(t, http.MethodPost, "/api/2.0/mlflow-artifacts/mpu/"+step+"/0/r/x", "{}")
		if status != http.StatusNotImplemented || !strings.Contains(body, `"message":"Multipart upload is not supported for the current artifact repository"`) {
			t.Errorf("%s: got %d %s", step, status, body)
		}
	}
}

func TestArtifactsOfRunsAndModels(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.tracking.answer = func(m proto.Message) (proto.Message, error) {
		switch r := m.(type) {
		case *metadatav1.GetTrackingRunRequest:
			uris := map[string]string{
				"own": "mlflow-artifacts:/0/own/artifacts", "host": "mlflow-artifacts://host:1/0/own/artifacts",
				"http": "http://host" + proxyRoot + "/0/own/artifacts", "s3": "s3://bucket/x", "climbs": "mlflow-artifacts:/../x",
			}
			if uri := uris[r.GetRunId()]; uri != "" {
				return &metadatav1.TrackingRun{Info: &metadatav1.TrackingRunInfo{ArtifactUri: uri}}, nil
			}
			return nil, fault.NotFoundf("Run with id=%s not found", r.GetRunId())
		case *metadatav1.GetLoggedModelRequest:
			return &metadatav1.LoggedModel{ArtifactUri: "mlflow-artifacts:/0/models/m-1/artifacts"}, nil
		}
		return nil, nil
	}
	f.keep(t, "0/own/artifacts/model/MLmodel", "yes")
	f.keep(t, "0/models/m-1/artifacts/data/x.txt", "model")
	const api, ajax = "/api/2.0/mlflow/", "/ajax-api/2.0/mlflow/"
	for target, want := range map[string]string{
		api + "artifacts/list?run_id=own":                                             `{"root_uri":"mlflow-artifacts:/0/own/artifacts","files":[{"path":"model","is_dir":true}]}`,
		api + "artifacts/list?run_uuid=own&path=model":                                `{"path":"model/MLmodel","is_dir":false,"file_size":3}`,
		api + "artifacts/list?run_id=host&path=model":                                 `"path":"model/MLmodel"`,
		api + "artifacts/list?run_id=http&path=model":                                 `"path":"model/MLmodel"`,
		api + "artifacts/list?run_id=own&path=../x":                                   "Invalid path",
		api + "artifacts/list?run_id=s3":                                              "are at s3://bucket/x, which this server does not read",
		api + "artifacts/list?run_id=climbs":                                          "Invalid path",
		api + "artifacts/list?run_id=none":                                            "RESOURCE_DOES_NOT_EXIST",
		api + "artifacts/list":                                                        "Missing value for required parameter 'run_id'",
		"/get-artifact?run_uuid=own&path=model/MLmodel":                               "yes",
		"//get-artifact?run_uuid=own&path=model/MLmodel":                              "yes",
		"/model-versions/get-artifact?name=m&version=1&path=../x":                     "Invalid path",
		ajax + "get-artifact?run_id=own&path=model":                                   "refers to a directory",
		ajax + "get-artifact?run_id=own&path=%2e%2e/x":                                "Invalid path",
		ajax + "logged-models/m-1/artifacts/directories":                              `{"root_uri":"mlflow-artifacts:/0/models/m-1/artifacts","files":[{"path":"data","is_dir":true}]}`,
		ajax + "logged-models/m-1/artifacts/directories?artifact_directory_path=data": `"path":"data/x.txt"`,
		ajax + "logged-models/m-1/artifacts/files?artifact_file_path=data/x.txt":      "model",
		ajax + "logged-models/m-1/artifacts/files":                                    "BAD_REQUEST",
	} {
		if _, body := f.send(t, http.MethodGet, target, ""); !strings.Contains(body, want) {
			t.Errorf("%s: got %s, want %s", target, body, want)
		}
	}
	for target, want := range map[string]string{
		"upload-artifact?run_uuid=own&path=up/load.txt": "{}",
		"upload-artifact?run_uuid=own":                  "must specify path",
		"upload-artifact?path=x":                        "must specify run_uuid",
		"upload-artifact?run_uuid=own&path=/x":          "Invalid path",
	} {
		if _, body := f.send(t, http.MethodPost, ajax+target, "new", "Content-Type", "text/plain"); !strings.Contains(body, want) {
			t.Errorf("%s: got %s, want %s", target, body, want)
		}
	}
	if _, body := f.send(t, http.MethodGet, proxyRoot+"/0/own/artifacts/up/load.txt", ""); body != "new" {
		t.Errorf("the page's upload is %q", body)
	}
}
