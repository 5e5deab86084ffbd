package gateway

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/url"
	"strings"
	"testing"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// form is a multipart body with one file.
func form(t *testing.T, field, fileName string, content io.Reader) (contentType string, body io.Reader) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile(field, fileName)
	if err == nil {
		_, err = io.Copy(part, content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), &b
}

func TestUpload(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	query := url.Values{"name": {"hello"}, "description": {"says hello"}, "tags": {`{"team":"vision"}`}}
	contentType, body := form(t, "uploadfile", "hello.yaml", strings.NewReader("spec"))
	got := f.do(t, "POST", "/apis/v2beta1/pipelines/upload?"+query.Encode(), contentType, body)
	if got.code != 200 || !strings.Contains(got.body, `"pipeline_id"`) {
		t.Fatalf("got %d %s", got.code, got.body)
	}
	r, ok := f.pipelines.uploaded.(*pipelinev1.UploadPipelineRequest)
	if !ok || r.GetName() != "hello" || r.GetDescription() != "says hello" || r.GetFileName() != "hello.yaml" ||
		string(r.GetContent()) != "spec" || r.GetTags()["team"] != "vision" {
		t.Errorf("uploaded %v", f.pipelines.uploaded)
	}
	contentType, body = form(t, "uploadfile", "hello.yaml", strings.NewReader("spec"))
	got = f.do(t, "POST", "/apis/v2beta1/pipelines/upload_version?pipelineid=p1&name=v2", contentType, body)
	if v, ok := f.pipelines.uploaded.(*pipelinev1.UploadPipelineVersionRequest); got.code != 200 || !ok || v.GetPipelineId() != "p1" || v.GetName() != "v2" {
		t.Errorf("got %d %s, uploaded %v", got.code, got.body, f.pipelines.uploaded)
	}
}

// zeros is an endless file.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestUploadRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, test := range map[string]struct {
		field, query string
		content      io.Reader
		code         int
		mention      string
	}{
		"taken":         {"uploadfile", "name=taken", strings.NewReader("x"), 409, "exists"},
		"another field": {"file", "name=x", strings.NewReader("x"), 400, "uploadfile"},
		"too large":     {"uploadfile", "name=x", io.LimitReader(zeros{}, 40<<20), 400, "32 MiB"},
		"tags":          {"uploadfile", "tags=red", strings.NewReader("x"), 400, "tags"},
	} {
		contentType, body := form(t, test.field, "x.yaml", test.content)
		got := f.do(t, "POST", "/apis/v2beta1/pipelines/upload?"+test.query, contentType, body)
		var answer struct {
			Message string `json:"error_message"`
			Details string `json:"error_details"`
		}
		if err := json.Unmarshal([]byte(got.body), &answer); err != nil || answer.Message == "" || answer.Details == "" {
			t.Errorf("%s: the error has another form: %s", name, got.body)
		}
		if got.code != test.code || !strings.Contains(answer.Details, test.mention) {
			t.Errorf("%s: got %d %s, want %d with %s", name, got.code, got.body, test.code, test.mention)
		}
	}
	if got := f.do(t, "POST", "/apis/v2beta1/pipelines/upload", "application/json", strings.NewReader("{}")); got.code != 400 || !strings.Contains(got.body, "multipart") {
		t.Errorf("without a form: got %d %s", got.code, got.body)
	}
}
