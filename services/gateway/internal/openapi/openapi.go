// Package openapi serves the description of the REST API: /openapi.json for
// programs, /openapi for people.
//
// The document is generated from the protos (gen/kfmesh.swagger.json, never
// edited; it lies here rather than under the repository's gen/ because a Go file
// embeds only what is below it). What the protos do not say is added: the
// multipart uploads of extra.json, title and version.
package openapi

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
)

//go:embed gen/kfmesh.swagger.json
var generated []byte

//go:embed extra.json
var extra []byte

//go:embed page.html
var page string

// document is the part of an OpenAPI 2 document that is read here.
type document struct {
	Paths map[string]map[string]operation `json:"paths"`
}

type operation struct {
	Summary string   `json:"summary"`
	Tags    []string `json:"tags"`
}

// row is one line of the page.
type row struct{ Service, Method, Path, Summary string }

// Register adds the handlers to a mux. The version is that of the binary.
func Register(mux *http.ServeMux, version string) error {
	content, err := build(version)
	if err != nil {
		return fmt.Errorf("build OpenAPI document: %w", err)
	}
	var doc document
	if err := json.Unmarshal(content, &doc); err != nil {
		return fmt.Errorf("read OpenAPI document: %w", err)
	}
	view, err := template.New("openapi").Parse(page)
	if err != nil {
		return fmt.Errorf("read OpenAPI page: %w", err)
	}
	rows := doc.rows()
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(content) // a caller that went away hears nothing
	})
	mux.HandleFunc("GET /openapi", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = view.Execute(w, rows)
	})
	return nil
}

// build completes the generated document.
func build(version string) ([]byte, error) {
	var doc, more map[string]any
	var described document
	if err := errors.Join(json.Unmarshal(generated, &doc), json.Unmarshal(generated, &described)); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(extra, &more); err != nil {
		return nil, err
	}
	doc["info"] = map[string]any{
		"title":       "kfmesh",
		"version":     version,
		"description": "The Kubeflow Pipelines API v2beta1 (/apis/v2beta1) and kfmesh's own (/kfmesh/v1).",
	}
	paths, ok := doc["paths"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the generated document has no paths")
	}
	maps.Copy(paths, more)
	if tags, ok := doc["tags"].([]any); ok {
		doc["tags"] = described.withPaths(tags)
	}
	return json.Marshal(doc)
}

// withPaths are the tags that an operation carries: services without a REST path
// are not this document's.
func (d document) withPaths(tags []any) []any {
	used := map[any]bool{}
	for _, operations := range d.Paths {
		for _, o := range operations {
			for _, tag := range o.Tags {
				used[tag] = true
			}
		}
	}
	return slices.DeleteFunc(tags, func(tag any) bool {
		t, ok := tag.(map[string]any)
		return !ok || !used[t["name"]]
	})
}

// rows lists the operations by service and path.
func (d document) rows() []row {
	var rows []row
	for path, operations := range d.Paths {
		for method, o := range operations {
			summary, _, _ := strings.Cut(o.Summary, "\n")
			rows = append(rows, row{
				Service: strings.Join(o.Tags, " "), Method: strings.ToUpper(method), Path: path, Summary: summary,
			})
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(strings.Compare(a.Service, b.Service), strings.Compare(a.Path, b.Path), strings.Compare(a.Method, b.Method))
	})
	return rows
}
