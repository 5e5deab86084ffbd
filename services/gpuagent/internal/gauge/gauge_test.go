package gauge

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
)

func TestWhatIsTold(t *testing.T) {
	reader := metric.NewManualReader()
	before := otel.GetMeterProvider()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	t.Cleanup(func() { otel.SetMeterProvider(before) })
	stop, err := Register(func() []*gpuagentv1.Node {
		return []*gpuagentv1.Node{{Metadata: &metav1.ObjectMeta{Name: "n1"}, Status: &gpuagentv1.NodeStatus{Gpus: []*gpuagentv1.Gpu{
			{Index: 3, Uuid: "GPU-a", Model: "H100", MemoryBytes: 80 << 30, Holder: "ml/train/worker-0", Usage: &gpuagentv1.GpuUsage{
				UtilizationPercent: 97, MemoryUsedBytes: 1 << 30, TemperatureCelsius: 61, PowerWatts: 512.5,
				Xid: 79, NvlinkBytes: 3 << 10, EccUncorrected: 2, RemapFailed: true,
			}},
			{Index: 4, Uuid: "GPU-b"}, // of which nothing is known
		}}}}
	})
	if err != nil {
		t.Fatal(err)
	}
	var told metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &told); err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, m := range told.ScopeMetrics[0].Metrics {
		points := m.Data.(metricdata.Gauge[float64]).DataPoints
		if len(points) != 1 {
			t.Fatalf("%s has %d points", m.Name, len(points))
		}
		got[m.Name] = points[0].Value
		for label, want := range map[string]string{
			"gpu": "3", "UUID": "GPU-a", "device": "nvidia3", "Hostname": "n1", "namespace": "ml", "pod": "train-worker-0", "container": "train",
		} {
			if value, ok := points[0].Attributes.Value(attribute.Key(label)); !ok || value.AsString() != want {
				t.Errorf("%s: label %s is %q, want %q", m.Name, label, value.AsString(), want)
			}
		}
	}
	want := map[string]float64{
		"DCGM_FI_DEV_GPU_UTIL": 97, "DCGM_FI_DEV_FB_USED": 1024, "DCGM_FI_DEV_FB_FREE": 79 * 1024, "DCGM_FI_DEV_GPU_TEMP": 61,
		"DCGM_FI_DEV_POWER_USAGE": 512.5, "DCGM_FI_DEV_XID_ERRORS": 79, "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL": 3,
		"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": 2, "DCGM_FI_DEV_ROW_REMAP_FAILURE": 1,
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %v, want %v", name, got[name], value)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestAMIGDevice(t *testing.T) {
	n := &gpuagentv1.Node{Metadata: &metav1.ObjectMeta{Name: "n1"}}
	labels := attribute.NewSet(labelsOf(n, &gpuagentv1.Gpu{
		Index: 2003, Uuid: "MIG-x", ParentUuid: "GPU-a", Model: "A100 MIG-1g.5gb", Profile: "1g.5gb", Instance: new(int32(7)),
	})...)
	for label, want := range map[string]string{"gpu": "1", "device": "nvidia1", "UUID": "GPU-a", "GPU_I_ID": "7", "GPU_I_PROFILE": "1g.5gb"} {
		if value, ok := labels.Value(attribute.Key(label)); !ok || value.AsString() != want {
			t.Errorf("label %s is %q, want %q", label, value.AsString(), want)
		}
	}
}
