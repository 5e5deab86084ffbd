package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// kfmesh is a kfmesh that is asked over its REST API.
type kfmesh struct {
	url    string
	client *http.Client
}

// ask says what kfmesh has against a manifest, and what it warns of.
func (k *kfmesh) ask(object map[string]any) (answer, []string, error) {
	body, err := json.Marshal(object)
	if err != nil {
		return nil, nil, err
	}
	response, err := k.client.Post(k.url+resource(object)+"?dryRun=All", "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode < http.StatusBadRequest {
		return nil, response.Header.Values("Warning"), err
	}
	all, err := refusals(response.StatusCode, data)
	return all, nil, err
}

// refusals reads a v1.Status.
func refusals(code int, data []byte) (answer, error) {
	var status struct {
		Reason  string `json:"reason"`
		Message string `json:"message"`
		Details struct {
			Causes []struct {
				Message string `json:"message"`
				Field   string `json:"field"`
			} `json:"causes"`
		} `json:"details"`
	}
	if err := json.Unmarshal(data, &status); err != nil {
		return nil, fmt.Errorf("HTTP %d, whose body is no status: %.200s", code, data)
	}
	if code >= http.StatusInternalServerError {
		return nil, fmt.Errorf("HTTP %d: %s", code, status.Message)
	}
	if status.Reason == "AlreadyExists" {
		return nil, nil // a runtime that is built in: it was read, and is there
	}
	var all answer
	for _, cause := range status.Details.Causes {
		all = append(all, refusal{path: dotted(cause.Field), text: cause.Message})
	}
	if len(all) == 0 {
		all = answer{{text: status.Message}}
	}
	return all, nil
}

// resource is the path at which objects of a kind are made.
func resource(object map[string]any) string {
	version, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	space := "/namespaces/default"
	if meta, ok := object["metadata"].(map[string]any); ok {
		if name, ok := meta["namespace"].(string); ok {
			space = "/namespaces/" + name
		}
	}
	if strings.HasPrefix(kind, "Cluster") {
		space = ""
	}
	return "/apis/" + version + space + "/" + strings.ToLower(kind) + "s"
}
