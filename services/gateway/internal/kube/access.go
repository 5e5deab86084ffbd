package kube

import (
	"net/http"
	"strings"
)

// access adds the answers to who the caller is and what they may do: people do not sign
// in, and whoever reaches the server may do everything. What exactly is asked is the same.
func access(mux *http.ServeMux) {
	anybody := map[string]any{"username": "system:anonymous", "groups": []any{"system:unauthenticated"}}
	everything := map[string]any{
		"resourceRules":    []any{map[string]any{"verbs": []any{"*"}, "apiGroups": []any{"*"}, "resources": []any{"*"}}},
		"nonResourceRules": []any{map[string]any{"verbs": []any{"*"}, "nonResourceURLs": []any{"*"}}},
		"incomplete":       false,
	}
	for _, review := range []struct {
		version, kind string
		status        map[string]any
	}{
		{"authentication.k8s.io/v1", "SelfSubjectReview", map[string]any{"userInfo": anybody}},
		{"authorization.k8s.io/v1", "SelfSubjectAccessReview", map[string]any{"allowed": true}},
		{"authorization.k8s.io/v1", "SelfSubjectRulesReview", everything},
	} {
		mux.HandleFunc("POST /apis/"+review.version+"/"+strings.ToLower(review.kind)+"s", func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusCreated, Object{
				"apiVersion": review.version, "kind": review.kind, "metadata": map[string]any{}, "spec": map[string]any{}, "status": review.status,
			})
		})
	}
}
