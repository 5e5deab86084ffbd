package mlflow

import (
	"io"
	"net/http"
	"regexp"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// version is that of the MLflow whose API this is. Programs ask for it to learn
// what they may call.
const version = "3.17.2"

func (e *edge) serverRoutes() []route {
	return []route{
		{methods: "GET HEAD", path: "/health", raw: plainText("OK")},
		{methods: "GET HEAD", path: "/version", raw: plainText(version)},
		{methods: "GET", path: "3.0/server-info", call: serverInfo},
		{methods: "GET", path: "3.0/workspaces/{workspace}", call: getWorkspace},
	}
}

func plainText(s string) func(http.ResponseWriter, *http.Request, *call) error {
	return func(w http.ResponseWriter, _ *http.Request, _ *call) error {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, err := io.WriteString(w, s)
		return err
	}
}

// serverInfo tells clients what not to try: several parts at once, above all.
func serverInfo(c *call) error {
	c.reply.text("store_type", "SqlStore")
	c.reply.flag("workspaces_enabled", true)
	c.reply.flag("trace_archival_enabled", false)
	c.reply.flag("multipart_uploads_enabled", false)
	c.reply.flag("multipart_downloads_enabled", false)
	return nil
}

// getWorkspace answers that a workspace is there, as every namespace is.
func getWorkspace(c *call) error {
	name := c.names["workspace"]
	if err := checkWorkspace(name); err != nil {
		return err
	}
	c.reply.object("workspace", func() { c.reply.text("name", name) })
	return nil
}

// defaultNamespace is where a client without a workspace is.
const defaultNamespace = "default"

var workspaceName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

// workspace returns the namespace that a request names.
func workspace(r *http.Request) (string, error) {
	name := r.Header.Get("X-MLFLOW-WORKSPACE")
	if name == "" {
		return defaultNamespace, nil
	}
	return name, checkWorkspace(name)
}

// checkWorkspace refuses what is no name of a workspace in MLflow.
func checkWorkspace(name string) error {
	switch {
	case len(name) < 2 || len(name) > 63:
		return fault.New(fault.Invalid, "Workspace name '%s' must be between 2 and 63 characters.", name)
	case !workspaceName.MatchString(name):
		return fault.New(fault.Invalid, "Workspace name '%s' must match the pattern %s (lowercase alphanumeric with optional internal hyphens).",
			name, workspaceName)
	case name == "workspaces" || name == "api" || name == "ajax-api" || name == "static-files":
		return fault.New(fault.Invalid, "Workspace name '%s' is reserved and cannot be used.", name)
	}
	return nil
}
