// Package gauge tells Prometheus what GPUs do, under the names and labels that NVIDIA's
// dcgm-exporter has for the same, so that the dashboards and alerts made for that work.
// The head tells of all nodes, as their agents last reported.
package gauge

import (
	"context"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

const scope = "github.com/kfmesh/kfmesh/services/gpuagent"

const mebibyte = 1 << 20

// gauges are what is told of each GPU. dcgm-exporter counts memory in MiB.
var gauges = []struct {
	name, help string
	value      func(*gpuagentv1.Gpu) float64
}{
	{"DCGM_FI_DEV_GPU_UTIL", "GPU utilization (in %).", func(g *gpuagentv1.Gpu) float64 { return g.GetUsage().GetUtilizationPercent() }},
	{"DCGM_FI_DEV_FB_USED", "Memory in use (in MiB).", func(g *gpuagentv1.Gpu) float64 { return float64(g.GetUsage().GetMemoryUsedBytes()) / mebibyte }},
	{"DCGM_FI_DEV_FB_FREE", "Memory that is free (in MiB).", func(g *gpuagentv1.Gpu) float64 {
		return float64(g.GetMemoryBytes()-g.GetUsage().GetMemoryUsedBytes()) / mebibyte
	}},
	{"DCGM_FI_DEV_GPU_TEMP", "GPU temperature (in C).", func(g *gpuagentv1.Gpu) float64 { return g.GetUsage().GetTemperatureCelsius() }},
	{"DCGM_FI_DEV_POWER_USAGE", "Power draw (in W).", func(g *gpuagentv1.Gpu) float64 { return g.GetUsage().GetPowerWatts() }},
}

// Register has the GPUs of nodes told of whenever metrics are read, until stop is called.
func Register(nodes func() []*gpuagentv1.Node) (stop func() error, err error) {
	meter := otel.Meter(scope)
	var instruments []metric.Observable
	var observed []metric.Float64ObservableGauge
	for _, g := range gauges {
		gauge, err := meter.Float64ObservableGauge(g.name, metric.WithDescription(g.help))
		if err != nil {
			return nil, err
		}
		observed, instruments = append(observed, gauge), append(instruments, gauge)
	}
	registration, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, n := range nodes() {
			for _, gpu := range n.GetStatus().GetGpus() {
				if gpu.GetUsage() == nil {
					continue
				}
				labels := metric.WithAttributes(labelsOf(n, gpu)...)
				for i, g := range gauges {
					o.ObserveFloat64(observed[i], g.value(gpu), labels)
				}
			}
		}
		return nil
	}, instruments...)
	if err != nil {
		return nil, err
	}
	return registration.Unregister, nil
}

// labelsOf are those of dcgm-exporter. A replica stands for a pod, its workload for the
// container in it.
func labelsOf(n *gpuagentv1.Node, gpu *gpuagentv1.Gpu) []attribute.KeyValue {
	index := strconv.Itoa(int(gpu.GetIndex()))
	labels := []attribute.KeyValue{
		attribute.String("gpu", index), attribute.String("UUID", gpu.GetUuid()), attribute.String("pci_bus_id", gpu.GetPciBusId()),
		attribute.String("device", "nvidia"+index), attribute.String("modelName", gpu.GetModel()),
		attribute.String("Hostname", n.GetMetadata().GetName()),
	}
	if namespace, rest, held := strings.Cut(gpu.GetHolder(), "/"); held {
		workload, _, _ := strings.Cut(rest, "/")
		labels = append(labels, attribute.String("namespace", namespace),
			attribute.String("pod", strings.ReplaceAll(rest, "/", "-")), attribute.String("container", workload))
	}
	return labels
}
