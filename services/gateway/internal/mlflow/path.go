package mlflow

import (
	"net/url"
	"path"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// folder is where the bucket keeps what the proxy serves: mlflow-artifacts:/a is
// the object mlflow-artifacts/a.
const folder = "mlflow-artifacts"

// othersFolder holds the artifacts of namespaces other than the default one, each
// under its name.
const othersFolder = "workspaces"

// mostEncodings is how often a path may be percent-encoded.
const mostEncodings = 10

// safePath returns a path relative to a folder, clean, or an error when it could
// lead out of that folder however often somebody decodes it. The empty path and
// "." are the folder itself, which is returned as empty.
func safePath(given string) (string, error) {
	decoded := given
	for range mostEncodings {
		if !isSafe(decoded) {
			return "", invalidPath()
		}
		next, err := url.PathUnescape(decoded)
		if err != nil || next == decoded {
			clean := path.Clean(given)
			if clean == "." {
				clean = ""
			}
			return clean, nil
		}
		decoded = next
	}
	return "", invalidPath()
}

func invalidPath() error { return fault.New(fault.Invalid, "Invalid path") }

// isSafe says whether a path as it stands leads nowhere else, on Windows either.
func isSafe(p string) bool {
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			return false
		}
	}
	drive := len(p) >= 3 && p[1:3] == ":/"
	scheme := strings.HasPrefix(strings.ToLower(p), "file:")
	return !strings.HasPrefix(p, "/") && !drive && !scheme && !strings.ContainsAny(p, "#\\\x00") &&
		!strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// scoped returns the path below folder of what a namespace calls by a path: its
// own folder, but for the default namespace, whose artifacts have no folder of
// their own. A path into another namespace's folder is an error.
func scoped(namespace, p string) (string, error) {
	owner, isOwned := "", false
	if rest, ok := strings.CutPrefix(p+"/", othersFolder+"/"); ok {
		owner, _, _ = strings.Cut(rest, "/")
		isOwned = true
	}
	switch {
	case isOwned && owner == "":
		return "", fault.New(fault.Invalid, "Artifact paths prefixed with 'workspaces/' must include a workspace name.")
	case isOwned && owner != namespace:
		return "", fault.New(fault.Invalid, "Artifact path targets workspace '%s' but the workspace specified in the request is '%s'.",
			owner, namespace)
	case isOwned || namespace == defaultNamespace:
		return p, nil
	default:
		return path.Join(othersFolder, namespace, p), nil
	}
}

// key is the bucket's name of what a namespace calls by a path.
func key(namespace, given string) (string, error) {
	clean, err := safePath(given)
	if err != nil {
		return "", err
	}
	p, err := scoped(namespace, clean)
	if err != nil {
		return "", err
	}
	return path.Join(folder, p), nil
}

// proxyAnchor is what stands before the path in a URI of the proxy over HTTP.
const proxyAnchor = "/api/2.0/mlflow-artifacts/artifacts/"

// proxied returns the path of a URI of artifacts that the proxy serves.
func proxied(uri string) (string, bool) {
	u, err := url.Parse(uri)
	if err != nil {
		return "", false
	}
	switch u.Scheme {
	case "mlflow-artifacts":
		return strings.Trim(u.Path, "/"), true
	case "http", "https":
		_, p, ok := strings.Cut(u.Path, proxyAnchor)
		return strings.Trim(p, "/"), ok
	default:
		return "", false
	}
}

// keyBelow is the bucket's name of a path below the URI of a run's or a model's
// artifacts, and whose they are, for messages.
func keyBelow(namespace, owner, uri, given string) (string, error) {
	clean, err := safePath(given)
	if err != nil {
		return "", err
	}
	root, ok := proxied(uri)
	if !ok {
		return "", fault.New(fault.Invalid,
			"The artifacts of %s are at %s, which this server does not read: only artifacts at mlflow-artifacts:/ go through it. "+
				"Use a client that can reach that place.", owner, uri)
	}
	return key(namespace, path.Join(root, clean))
}

// runKey is the bucket's name of a path below the artifacts of a run, with the
// run's URI.
func (e *edge) runKey(c *call, runID, given string) (at, uri string, err error) {
	run, err := e.Tracking.GetTrackingRun(c.ctx, &metadatav1.GetTrackingRunRequest{Namespace: c.namespace, RunId: runID})
	if err != nil {
		return "", "", err
	}
	uri = run.GetInfo().GetArtifactUri()
	at, err = keyBelow(c.namespace, "run "+runID, uri, given)
	return at, uri, err
}

// modelKey is the bucket's name of a path below the artifacts of a logged model,
// with the model's URI.
func (e *edge) modelKey(c *call, modelID, given string) (at, uri string, err error) {
	model, err := e.Tracking.GetLoggedModel(c.ctx, &metadatav1.GetLoggedModelRequest{Namespace: c.namespace, ModelId: modelID})
	if err != nil {
		return "", "", err
	}
	uri = model.GetArtifactUri()
	at, err = keyBelow(c.namespace, "model "+modelID, uri, given)
	return at, uri, err
}
