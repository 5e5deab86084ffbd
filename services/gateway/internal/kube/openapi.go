package kube

import (
	"context"
	"net/http"
	"strings"
)

// openapi adds the documents in which kubectl looks whether a server validates fields
// itself, before it sends anything, and from which it explains kinds: of each version the
// changes that can be made with their parameters, and the schemas of kinds.
func (t *table) openapi(mux *http.ServeMux) {
	paths := Object{}
	for _, root := range t.roots() {
		mux.HandleFunc("GET /openapi/v3/"+root, func(w http.ResponseWriter, r *http.Request) {
			document, err := t.document(r.Context(), root)
			if err != nil {
				s := (&Resource{}).explain("", err)
				answer(w, s.Code, s)
				return
			}
			answer(w, http.StatusOK, document)
		})
		paths[root] = Object{"serverRelativeURL": "/openapi/v3/" + root}
	}
	mux.HandleFunc("GET /openapi/v3", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, Object{"paths": paths}) })
}

// roots are what the paths of each version begin with.
func (t *table) roots() []string {
	var roots []string
	seen := map[string]bool{}
	for i := range t.resources {
		root := strings.TrimPrefix(t.resources[i].root(), "/")
		if !seen[root] {
			seen[root] = true
			roots = append(roots, root)
		}
	}
	return roots
}

func (t *table) document(ctx context.Context, root string) (Object, error) {
	paths, schemas := Object{}, Object{}
	for i := range t.resources {
		r := &t.resources[i]
		if strings.TrimPrefix(r.root(), "/") != root {
			continue
		}
		if r.Schema != nil {
			described, err := r.schema(ctx)
			if err != nil {
				return nil, err
			}
			schemas[r.schemaName()] = described
		}
		if r.ReadOnly {
			continue
		}
		all := r.root() + "/namespaces/{namespace}/" + r.Plural
		if r.Cluster {
			all = r.root() + "/" + r.Plural
		}
		paths[all] = Object{"post": r.operation("post")}
		paths[all+"/{name}"] = Object{"patch": r.operation("patch"), "put": r.operation("put")}
	}
	return Object{
		"openapi": "3.0.0", "info": Object{"title": "kfmesh", "version": t.version},
		"paths": paths, "components": Object{"schemas": schemas},
	}, nil
}

// operation is a change of the resource.
func (r *Resource) operation(action string) Object {
	parameters := []any{}
	for _, name := range []string{"dryRun", "fieldManager", "fieldValidation", "force"} {
		parameters = append(parameters, Object{"name": name, "in": "query", "schema": Object{"type": "string"}})
	}
	return Object{
		"x-kubernetes-action":             action,
		"x-kubernetes-group-version-kind": Object{"group": r.Group, "version": r.Version, "kind": r.Kind},
		"parameters":                      parameters,
		"responses":                       Object{"200": Object{"description": "OK"}},
	}
}
