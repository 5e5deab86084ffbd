package arch

import (
	"strings"
	"testing"
)

func TestRulesCheck(t *testing.T) {
	tests := []struct {
		name     string
		path     string
		imported string
		want     string // part of the violation; "" for none
	}{
		{"a service may use the store", "services/pipeline", Module + "/internal/store", ""},
		{"a service may use its own rooms", "services/pipeline", Module + "/services/pipeline/internal/dag", ""},
		{"a service may use the standard library", "services/pipeline", "context", ""},
		{"a service may not use another", "services/pipeline", Module + "/services/metadata", "generated clients and events"},
		{"a service may not know its shape", "services/gateway", Module + "/internal/embedded", "shape"},
		{"a service may not know a backend of the store", "services/pipeline/internal/state", Module + "/internal/store/etcd", "concrete backend"},
		{"a service may not know etcd", "services/pipeline", "go.etcd.io/etcd/client/v3", "internal/store"},
		{"etcd's wrapper may", "internal/store/etcd", "go.etcd.io/etcd/client/v3", ""},
		{"the store may not know services", "internal/store", Module + "/services/pipeline", "stand below"},
		{"fault stands at the bottom", "internal/fault", Module + "/internal/store", "standard library"},
		{"generated code stands alone", "gen/kfmesh/meta/v1", Module + "/internal/fault", "protobuf"},
		{"a command may not reach into a service", "cmd/kfmesh", Module + "/services/pipeline/internal/dag", "wires"},
		{"a command may wire a service", "cmd/pipeline", Module + "/services/pipeline", ""},
		{"only metadata speaks SQL", "services/tuning/internal/state", "database/sql", "metadata"},
		{"log is banned everywhere", "services/metadata", "log", "log/slog"},
		{"log/slog is not log", "services/metadata", "log/slog", ""},
		{"a package outside the layout is refused", "pkg/util", "fmt", "belongs to no layer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(KfmeshRules().Check([]Package{{Path: tt.path, Imports: []string{tt.imported}}}), "\n")
			if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("%s imports %s: got %q, want %q in it", tt.path, tt.imported, got, tt.want)
			}
		})
	}
}
