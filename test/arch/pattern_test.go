package arch

import "testing"

func TestPatternMatch(t *testing.T) {
	tests := []struct {
		pattern Pattern
		path    string
		vars    map[string]string
		want    bool
	}{
		{"gen/...", "gen", nil, true},
		{"gen/...", "gen/kfmesh/meta/v1", nil, true},
		{"gen/...", "general", nil, false},
		{"internal/store", "internal/store/etcd", nil, false},
		{"services/*", "services/pipeline", nil, true},
		{"services/*", "services/pipeline/internal/api", nil, false},
		{"services/{s}/...", "services/pipeline/internal/api", map[string]string{"s": "pipeline"}, true},
		{"services/{s}/...", "services/metadata", map[string]string{"s": "pipeline"}, false},
		{"{a}/{a}", "x/x", nil, true},
		{"{a}/{a}", "x/y", nil, false},
		{"...", "anything/at/all", nil, true},
	}
	for _, tt := range tests {
		if _, got := tt.pattern.Match(tt.path, tt.vars); got != tt.want {
			t.Errorf("Pattern(%q).Match(%q, %v) = %v, want %v", tt.pattern, tt.path, tt.vars, got, tt.want)
		}
	}
}

func TestPatternMatchBindsVariables(t *testing.T) {
	vars, ok := Pattern("services/{service}/...").Match("services/tuning/internal/search", nil)
	if !ok || vars["service"] != "tuning" {
		t.Errorf("got %v, %v; want service bound to tuning", vars, ok)
	}
}
