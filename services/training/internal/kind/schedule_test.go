package kind_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
)

func TestSchedule(t *testing.T) {
	t.Parallel()
	const worker = "Worker:"
	for name, tt := range map[string]struct {
		meta, policy, pod string
		want              *trainingv1.SchedulingPolicy
		wrong             string
	}{
		"nothing":      {want: nil},
		"its policy":   {policy: "minAvailable: 1, queue: q, priorityClass: high", want: &trainingv1.SchedulingPolicy{MinAvailable: 1, Queue: "q", PriorityClass: "high"}},
		"its pods":     {pod: "priorityClassName: high", want: &trainingv1.SchedulingPolicy{PriorityClass: "high"}},
		"policy first": {policy: "priorityClass: low", pod: "priorityClassName: high", want: &trainingv1.SchedulingPolicy{PriorityClass: "low"}},
		"kueue": {
			meta: "labels: {kueue.x-k8s.io/queue-name: k, kueue.x-k8s.io/priority-class: high}",
			want: &trainingv1.SchedulingPolicy{Queue: "k", PriorityClass: "high"},
		},
		"annotations": {
			meta:   `annotations: {kfmesh.dev/queue: a, kfmesh.dev/priority: "-7", kfmesh.dev/priority-class: c, kfmesh.dev/when-unsatisfiable: fail}`,
			policy: "queue: q, priorityClass: high",
			want:   &trainingv1.SchedulingPolicy{Queue: "a", PriorityClass: "c", Priority: -7, FailWhenUnsatisfiable: true},
		},
		"a wrong number": {meta: "annotations: {kfmesh.dev/priority: high}", wrong: "metadata.annotations[kfmesh.dev/priority]"},
		"a wrong word":   {meta: "annotations: {kfmesh.dev/when-unsatisfiable: die}", wrong: "metadata.annotations[kfmesh.dev/when-unsatisfiable]"},
		"a wrong toleration": {
			pod: "tolerations: [{operator: Equal}, {key: a, operator: In}, {key: a, operator: Exists, value: b}, {key: a, effect: Never}]", wrong: "tolerations[3].effect",
		},
	} {
		text := pytorch([]string{worker}, "runPolicy: {schedulingPolicy: {"+tt.policy+"}}")
		text = strings.Replace(text, "metadata: {", "metadata: {"+tt.meta+sep(tt.meta), 1)
		text = strings.Replace(text, "containers:", tt.pod+sep(tt.pod)+"containers:", 1)
		job, err := parse(t, text)
		switch {
		case tt.wrong != "":
			if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%s: error %v, want one of %s", name, err, tt.wrong)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case !proto.Equal(job.Spec().GetRunPolicy().GetScheduling(), tt.want) && !(tt.want == nil && proto.Equal(job.Spec().GetRunPolicy().GetScheduling(), &trainingv1.SchedulingPolicy{})):
			t.Errorf("%s: %v, want %v", name, job.Spec().GetRunPolicy().GetScheduling(), tt.want)
		}
	}
}

// sep goes between entries of a mapping.
func sep(text string) string {
	if text == "" {
		return ""
	}
	return ", "
}
