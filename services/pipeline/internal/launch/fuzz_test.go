package launch

import (
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

func FuzzPod(f *testing.F) {
	f.Add(`{secretAsEnv: [{secretName: s, keyToEnv: [{secretKey: k, envVar: V}]}], pvcMount: [{constant: c, mountPath: /a, subPath: b}]}`)
	f.Add(`{nodeSelector: {nodeSelectorJson: {runtimeValue: {constant: {a: b}}}}, emptyDirMounts: [{mountPath: /e, sizeLimit: 1Gi}]}`)
	f.Add(`{securityContext: {runAsUser: "1"}, activeDeadlineSeconds: 3, tolerations: [{tolerationJson: {runtimeValue: {constant: [1]}}}]}`)
	f.Fuzz(func(t *testing.T, pod string) {
		spec, err := ir.Parse([]byte(pipeline + "\n---\nplatforms: {kubernetes: {deploymentSpec: {executors: {exec-step: " + pod + "}}}}\n"))
		if err != nil {
			t.Skip("no platform spec")
		}
		req := request(t, "comp-step", map[string]any{"count": 1.0})
		req.Spec = spec
		if req.Pod, err = spec.Pod("exec-step").Bind(func(in ir.ParameterInput) (any, error) { return in.Value(), nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := Build(req); err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", pod, err)
		}
	})
}

func FuzzQuantity(f *testing.F) {
	for _, text := range []string{"500m", "1.5Gi", "1e3", "-1", "9999999999Ei", "0x10", "nan", "m"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		amount, err := quantity("field", text, 1000)
		if err != nil && !fault.Is(err, fault.Invalid) || amount < 0 {
			t.Errorf("%q: %d, %v", text, amount, err)
		}
	})
}
