package mlflow

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// route is one path with its methods and what serves it: call, which reads a form
// and writes an object, or raw, which does everything itself.
type route struct {
	methods string // separated by blanks
	path    string // below the API's root; {name} is a segment, {name...} the rest
	call    func(*call) error
	raw     func(http.ResponseWriter, *http.Request, *call) error
	large   bool // whether its answer may be large; of call
}

// table finds routes.
type table struct {
	exact    map[string][]route // by path, of paths without names
	patterns []pattern
}

type pattern struct {
	segments []string
	route
}

func newTable(tables ...[]route) table {
	t := table{exact: map[string][]route{}}
	for _, r := range slices.Concat(tables...) {
		if strings.Contains(r.path, "{") {
			t.patterns = append(t.patterns, pattern{strings.Split(r.path, "/"), r})
		} else {
			t.exact[r.path] = append(t.exact[r.path], r)
		}
	}
	return t
}

// find returns the route of an escaped path, with what its names stand for.
func (t table) find(method, path string) (route, map[string]string, error) {
	var others []string // methods that go with the path
	for _, r := range t.exact[path] {
		if slices.Contains(strings.Fields(r.methods), method) {
			return r, nil, nil
		}
		others = append(others, strings.Fields(r.methods)...)
	}
	for _, p := range t.patterns {
		names, ok := p.match(path)
		if !ok {
			continue
		}
		if slices.Contains(strings.Fields(p.methods), method) {
			return p.route, names, nil
		}
		others = append(others, strings.Fields(p.methods)...)
	}
	if len(others) > 0 {
		return route{}, nil, wrongMethod{allow: strings.Join(others, ", ")}
	}
	return route{}, nil, fault.NotFoundf("there is no endpoint of MLflow's here").WithReason(endpointNotFound)
}

// match compares an escaped path, whose segments may hold slashes as %2F.
func (p pattern) match(path string) (map[string]string, bool) {
	names := map[string]string{}
	for _, want := range p.segments {
		name, ok := strings.CutPrefix(want, "{")
		name = strings.TrimSuffix(name, "}")
		if rest, all := strings.CutSuffix(name, "..."); ok && all {
			v, err := url.PathUnescape(path)
			names[rest] = v
			return names, err == nil && path != ""
		}
		segment, after, _ := strings.Cut(path, "/")
		path = after
		if !ok && segment != want || segment == "" {
			return nil, false
		}
		if ok {
			v, err := url.PathUnescape(segment)
			if err != nil {
				return nil, false
			}
			names[name] = v
		}
	}
	return names, path == ""
}

// roots are the beginnings of MLflow's paths, with what tables know them as.
var roots = []struct{ prefix, known string }{
	{"api/2.0/mlflow/", ""},
	{"api/3.0/mlflow/", "3.0/"},
	{"api/2.0/mlflow-artifacts/", "mlflow-artifacts/"},
}

// plainPaths are served at the root of the server alone.
var plainPaths = []string{"/health", "/version", "/get-artifact", "/model-versions/get-artifact"}

// asksForJSON reports whether a client wants JSON above all, as those of Kubernetes do, which
// have a path /version too. MLflow's answer to it is text.
func asksForJSON(r *http.Request) bool {
	return strings.HasPrefix(strings.TrimSpace(r.Header.Get("Accept")), "application/json")
}

// apiPath returns the escaped path below the API's root, as tables know it, and
// whether it is one of MLflow's. Slashes at its start count once.
func apiPath(r *http.Request) (path string, ok bool) {
	escaped := "/" + strings.TrimLeft(r.URL.EscapedPath(), "/")
	if slices.Contains(plainPaths, escaped) {
		return escaped, escaped != "/version" || !asksForJSON(r)
	}
	below, ok := strings.CutPrefix(escaped, "/ajax-")
	if !ok {
		if below, ok = strings.CutPrefix(escaped, "/"); !ok {
			return "", false
		}
	}
	for _, root := range roots {
		if rest, ok := strings.CutPrefix(below, root.prefix); ok {
			return root.known + rest, true
		}
	}
	return "", false
}
