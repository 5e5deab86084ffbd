package mlflow

import (
	"cmp"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func (e *edge) artifactRoutes() []route {
	return []route{
		{methods: "GET", path: "mlflow-artifacts/artifacts", call: e.listProxied},
		{methods: "GET HEAD", path: "mlflow-artifacts/artifacts/{path...}", raw: e.download},
		{methods: "PUT", path: "mlflow-artifacts/artifacts/{path...}", raw: e.upload},
		{methods: "DELETE", path: "mlflow-artifacts/artifacts/{path...}", raw: e.deleteArtifact},
		{methods: "POST", path: "mlflow-artifacts/mpu/{path...}", raw: noMultipartUpload},
		{methods: "GET", path: "mlflow-artifacts/presigned/{path...}", raw: noMultipartDownload},
		{methods: "GET", path: "artifacts/list", call: e.listRunArtifacts},
		{methods: "GET", path: "logged-models/{model_id}/artifacts/directories", call: e.listModelArtifacts},
		{methods: "GET HEAD", path: "logged-models/{model_id}/artifacts/files", raw: e.modelArtifact},
		{methods: "GET HEAD", path: "get-artifact", raw: e.runArtifact},
		{methods: "GET HEAD", path: "/get-artifact", raw: e.runArtifact},
		{methods: "GET HEAD", path: "/model-versions/get-artifact", raw: e.versionArtifact},
		{methods: "POST", path: "upload-artifact", raw: e.uploadRunArtifact},
	}
}

// listProxied lists a folder of the proxy's: names alone, as MLflow's client joins
// them to the path itself.
func (e *edge) listProxied(c *call) error {
	at, err := key(c.namespace, c.text("path"))
	if err != nil {
		return err
	}
	return e.list(c, at, "")
}

func (e *edge) listRunArtifacts(c *call) error {
	run, below := c.runID(), c.text("path")
	if err := c.failure(); err != nil {
		return err
	}
	at, uri, err := e.runKey(c, run, below)
	if err != nil {
		return err
	}
	c.reply.text("root_uri", uri)
	return e.list(c, at, below)
}

func (e *edge) listModelArtifacts(c *call) error {
	below := c.text("artifact_directory_path")
	at, uri, err := e.modelKey(c, c.names["model_id"], below)
	if err != nil {
		return err
	}
	c.reply.text("root_uri", uri)
	return e.list(c, at, below)
}

// list answers what lies directly below a key, sorted by name, as paths below the
// root of a run or a model.
func (e *edge) list(c *call, at, below string) error {
	var children []blob.Child
	for child, err := range e.Bucket.Children(c.ctx, at) {
		if err != nil {
			return err
		}
		children = append(children, child)
	}
	slices.SortFunc(children, func(a, b blob.Child) int { return cmp.Compare(a.Name, b.Name) })
	objects(c.reply, "files", children, func(r *reply, child blob.Child) {
		r.text("path", path.Join(below, child.Name))
		r.flag("is_dir", child.Folder)
		if !child.Folder {
			r.integer("file_size", child.Bytes)
		}
	})
	return nil
}

func (e *edge) download(w http.ResponseWriter, r *http.Request, c *call) error {
	at, err := key(c.namespace, c.names["path"])
	if err != nil {
		return err
	}
	return e.sendArtifact(w, r, at, c.names["path"])
}

// runArtifact sends a file of a run, as MLflow's pages ask for it.
func (e *edge) runArtifact(w http.ResponseWriter, r *http.Request, c *call) error {
	c.form = queryForm(r.URL.Query())
	run, file := c.runID(), c.required("path")
	if err := c.failure(); err != nil {
		return err
	}
	at, _, err := e.runKey(c, run, file)
	if err != nil {
		return err
	}
	return e.sendArtifact(w, r, at, file)
}

// modelArtifact sends a file of a logged model.
func (e *edge) modelArtifact(w http.ResponseWriter, r *http.Request, c *call) error {
	file := r.URL.Query().Get("artifact_file_path")
	if file == "" {
		return fault.New(fault.Invalid, `Request must include the "artifact_file_path" query parameter.`).WithReason("BAD_REQUEST")
	}
	at, _, err := e.modelKey(c, c.names["model_id"], file)
	if err != nil {
		return err
	}
	return e.sendArtifact(w, r, at, file)
}

// versionArtifact sends a file of a version of a registered model.
func (e *edge) versionArtifact(w http.ResponseWriter, r *http.Request, c *call) error {
	c.form = queryForm(r.URL.Query())
	file := c.required("path")
	if _, err := safePath(file); err != nil {
		return err
	}
	version, err := e.version(c)
	if err != nil {
		return err
	}
	owner := "version " + r.URL.Query().Get("version") + " of model " + version.GetModelName()
	at, err := keyBelow(c.namespace, owner, version.GetArtifactUri(), file)
	if err != nil {
		return err
	}
	return e.sendArtifact(w, r, at, file)
}

// sendArtifact sends an object, in parts when asked. It is always a download: shown
// as a page of this address it could do what the user may do.
func (e *edge) sendArtifact(w http.ResponseWriter, r *http.Request, at, name string) error {
	content, err := e.Bucket.View(r.Context(), at)
	switch {
	case fault.Is(err, fault.NotFound):
		return fault.NotFoundf("No such artifact: '%s'", name)
	case fault.Is(err, fault.Precondition):
		return fault.New(fault.Invalid, "Artifact path refers to a directory, not a file: '%s'", name)
	case err != nil:
		return err
	}
	defer content.Close()
	h := w.Header()
	h.Set("Content-Type", contentType(name))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(name)}))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox")
	http.ServeContent(w, r, "", content.Modified, content)
	return nil
}

// textNames are endings, and names, of what MLflow's pages show as text.
var textNames = []string{
	".txt", ".log", ".err", ".cfg", ".conf", ".cnf", ".cf", ".ini", ".properties", ".prop", ".hocon", ".toml", ".yaml", ".yml", ".xml",
	".json", ".js", ".py", ".py3", ".csv", ".tsv", ".md", ".rst", ".jsonnet", "mlmodel", "mlproject",
}

func contentType(name string) string {
	base := strings.ToLower(path.Base(name))
	if slices.Contains(textNames, path.Ext(base)) || slices.Contains(textNames, base) {
		return "text/plain"
	}
	// As MLflow has it: without a character set, which nobody told us.
	if t, _, _ := strings.Cut(mime.TypeByExtension(path.Ext(base)), ";"); t != "" {
		return t
	}
	return "application/octet-stream"
}

// upload keeps the body under a path, whole or not at all.
func (e *edge) upload(w http.ResponseWriter, r *http.Request, c *call) error {
	at, err := key(c.namespace, c.names["path"])
	if err != nil {
		return err
	}
	if strings.HasSuffix(c.names["path"], "/") || isRoot(c.namespace, at) {
		return invalidPath()
	}
	if err := e.store(r, at); err != nil {
		return err
	}
	return empty(w)
}

// store keeps the body of a request at a key.
func (e *edge) store(r *http.Request, at string) error {
	err := e.Bucket.Store(r.Context(), at, r.Body)
	if f, ok := faultOf(err); err != nil && !ok {
		return fault.New(fault.Canceled, "the upload ended early, and nothing of it is kept").WithCause(err)
	} else if ok && f.Kind == fault.Precondition {
		return fault.New(fault.Invalid, "the artifact cannot be written: a folder has its name, or a file that of one of its folders")
	}
	return err
}

// isRoot says whether a key is that of everything that a namespace has.
func isRoot(namespace, at string) bool {
	root, err := key(namespace, "")
	return err != nil || at == root || at == path.Join(folder, othersFolder)
}

func (e *edge) deleteArtifact(w http.ResponseWriter, r *http.Request, c *call) error {
	at, err := key(c.namespace, c.names["path"])
	if err != nil {
		return err
	}
	if isRoot(c.namespace, at) {
		return invalidPath()
	}
	if err := e.Bucket.RemoveTree(r.Context(), at); err != nil {
		return err
	}
	return empty(w)
}

// maxPageUpload is how much MLflow's pages may upload at once, in bytes.
const maxPageUpload = 10 << 20

// uploadRunArtifact keeps a file of a run, as MLflow's pages upload it.
func (e *edge) uploadRunArtifact(w http.ResponseWriter, r *http.Request, c *call) error {
	run, file := r.URL.Query().Get("run_uuid"), r.URL.Query().Get("path")
	switch {
	case run == "":
		return fault.New(fault.Invalid, "Request must specify run_uuid.")
	case file == "":
		return fault.New(fault.Invalid, "Request must specify path.")
	}
	if _, err := safePath(file); err != nil {
		return err
	}
	switch {
	case r.ContentLength > maxPageUpload:
		return fault.New(fault.Invalid, "Artifact size is too large. Max size is 10MB.")
	case r.ContentLength == 0:
		return fault.New(fault.Invalid, "Request must specify data.")
	}
	at, _, err := e.runKey(c, run, file)
	if err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxPageUpload)
	if err := e.store(r, at); err != nil {
		return err
	}
	return empty(w)
}

// empty answers with nothing, as an object.
func empty(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	_, err := w.Write([]byte("{}"))
	return err
}

func noMultipartUpload(http.ResponseWriter, *http.Request, *call) error {
	return fault.New(fault.Precondition, "Multipart upload is not supported for the current artifact repository").WithReason("NOT_IMPLEMENTED")
}

func noMultipartDownload(http.ResponseWriter, *http.Request, *call) error {
	return fault.New(fault.Precondition, "Multipart download is not supported for the current artifact repository").WithReason("NOT_IMPLEMENTED")
}
