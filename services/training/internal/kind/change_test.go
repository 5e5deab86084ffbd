package kind

import (
	"strings"
	"testing"
)

func TestCheckChange(t *testing.T) {
	t.Parallel()
	const other = `{"spec":{"runPolicy":{"suspend":true,"schedulingPolicy":{"queue":"q"},"managedBy":"a"}}}`
	const two = `{"spec":{"elasticPolicy":{"minReplicas":1,"maxReplicas":4},"pytorchReplicaSpecs":{"Worker":{"replicas":2}}}}`
	workers := func(n string) string { return strings.Replace(two, `"replicas":2`, `"replicas":`+n, 1) }
	for _, tt := range []struct{ from, to, want string }{
		{`{}`, `{}`, ""},
		{other, strings.Replace(other, "true", "false", 1), ""},
		{other, strings.Replace(other, `"q"`, `"r"`, 1), `spec.runPolicy.schedulingPolicy.queue: Invalid value: "r": spec.runPolicy.schedulingPolicy.queue is immutable`},
		{other, `{"spec":{"runPolicy":{"managedBy":"a"}}}`, ""}, // a queue may be left out, as upstream
		{other, strings.Replace(other, `"a"`, `"b"`, 1), `spec.runPolicy.managedBy: Invalid value: "b": field is immutable`},
		{`{}`, other, "managedBy"},
		{two, workers("4"), ""},
		{two, workers("5"), `spec.pytorchReplicaSpecs[Worker].replicas: Invalid value: 5: must be from spec.elasticPolicy.minReplicas, 1, to maxReplicas, 4`},
		{two, workers("0"), "minReplicas"},
		{workers("5"), workers("5"), ""}, // which was accepted with a warning
		{two, strings.Replace(workers("5"), `"maxReplicas":4`, `"maxReplicas":5`, 1), ""},
		{`{"spec":[]}`, `{"spec":{"runPolicy":1}}`, ""}, // of which the reading has said what it is
	} {
		err := CheckChange(tt.from, tt.to)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s to %s: %v, want %q", tt.from, tt.to, err, tt.want)
		}
	}
}
