package gpuagent_test

import (
	"fmt"
	"os"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// benchmark runs one workload after the other, each from its submission to the
// news of its end.
func benchmark(b *testing.B, template *gpuagentv1.Template) {
	a := newNode(b).start()
	step := func(name string) {
		w := shell(name, "")
		w.Spec.Groups[0].Template = template
		a.submit(w)
		if s := a.awaitEnd(name); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
			b.Fatalf("status %v", s)
		}
	}
	step("warm-up")
	i := 0
	for b.Loop() {
		i++
		step(fmt.Sprint("step-", i))
	}
}

// BenchmarkTrue is the cost of a step that does nothing.
func BenchmarkTrue(b *testing.B) {
	benchmark(b, &gpuagentv1.Template{Command: []string{"true"}})
}

// BenchmarkTrueWithLimits is that of one that has limits.
func BenchmarkTrueWithLimits(b *testing.B) {
	benchmark(b, &gpuagentv1.Template{
		Command: []string{"true"}, Resources: &gpuagentv1.Resources{CpuLimitMilli: 1000, MemoryLimitBytes: 64 << 20},
	})
}

// BenchmarkPython is a lightweight Python component's way to start, without kfp.
func BenchmarkPython(b *testing.B) {
	requirement := os.Getenv("KFMESH_BENCH_REQUIREMENT")
	if requirement == "" {
		b.Skip("KFMESH_BENCH_REQUIREMENT names no package to install")
	}
	script := fmt.Sprintf(`
if ! [ -x "$(command -v pip)" ]; then
    python3 -m ensurepip
fi
PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet --no-warn-script-location '%s' '--no-deps' && "$0" "$@"
`, requirement)
	benchmark(b, &gpuagentv1.Template{
		Image:   "python:3.11",
		Command: []string{"sh", "-c", script, "sh", "-ec", "python3 -c pass"},
	})
}
