package cli

import (
	"strings"
	"testing"
)

// TestPrinted compares what commands print with golden files.
func TestPrinted(t *testing.T) {
	tests := []struct{ name, args string }{
		{"get_runs", "get runs"},
		{"get_runs_wide", "get r -o wide"},
		{"get_runs_name", "get runs -o name"},
		{"get_run_yaml", "get run last -o yaml"},
		{"get_runs_json", "get runs --state failed -o json"},
		{"get_pipelines", "get pipelines"},
		{"get_experiments", "get exp -o wide"},
		{"get_artifacts", "get artifacts --run last --type system.Model"},
		{"lineage_refused", "lineage --refused"},
		{"lineage_refused_json", "lineage --refused -o json"},
		{"get_workloads", "get workloads"},
		{"get_nodes", "get nodes -o wide"},
		{"top_nodes", "top nodes"},
		{"top_gpus", "top gpus"},
		{"top_workloads", "top workloads"},
		{"describe_run", "describe run good"},
		{"describe_failed_run", "describe run 0b1d"},
		{"describe_pipeline", "describe pipeline breast-cancer"},
		{"describe_experiment", "describe experiment Default"},
		{"describe_artifact", "describe artifact 7"},
		{"describe_workload", "describe workload newer"},
		{"describe_node", "describe node/laptop"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := invoke(t, populated(t), strings.Fields(tt.args)...)
			if r.status != exitOK {
				t.Errorf("kfmesh %s: status %d, error %q", tt.args, r.status, r.err)
			}
			golden(t, tt.name, r.out)
		})
	}
}
