package openapi

import (
	"encoding/json"
	"regexp"
	"testing"
)

func TestDocument(t *testing.T) {
	t.Parallel()
	content, err := build("v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Info struct{ Title, Version string }
		document
		Definitions map[string]any
		Tags        []struct{ Name string }
	}
	if err := json.Unmarshal(content, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Info.Title != "kfmesh" || doc.Info.Version != "v1.2.3" {
		t.Errorf("the document is about %+v", doc.Info)
	}
	for _, ref := range regexp.MustCompile(`"#/definitions/([^"]+)"`).FindAllSubmatch(content, -1) {
		if doc.Definitions[string(ref[1])] == nil {
			t.Errorf("%s is referred to and not defined", ref[1])
		}
	}
	for path, method := range map[string]string{
		"/apis/v2beta1/runs":                             "post",
		"/apis/v2beta1/pipelines/upload":                 "post",
		"/kfmesh/v1/artifacts/{artifact_id}/content":     "get",
		"/kfmesh/v1/artifacts/{artifact_id}/lineage":     "get",
		"/apis/v2beta1/experiments/{experiment_id}":      "delete",
		"/apis/v2beta1/pipelines/{pipeline_id}":          "get",
		"/apis/v2beta1/pipelines/upload_version":         "post",
		"/apis/v2beta1/healthz":                          "get",
		"/kfmesh/v1/runs/{run_id}/logs":                  "get",
		"/kfmesh/v1/namespaces/{namespace}/workloads":    "get",
		"/apis/v2beta1/pipelines/{pipeline_id}/versions": "get",
	} {
		if doc.Paths[path][method].Summary == "" {
			t.Errorf("%s %s is not described", method, path)
		}
	}
	for _, tag := range doc.Tags {
		if tag.Name == "StoreService" || tag.Name == "TokenService" {
			t.Errorf("%s has no path and is listed", tag.Name)
		}
	}
	if len(doc.Tags) < 5 {
		t.Errorf("only %d services are listed", len(doc.Tags))
	}
	if len(doc.rows()) < len(doc.Paths) {
		t.Errorf("the page shows %d of %d paths", len(doc.rows()), len(doc.Paths))
	}
}
