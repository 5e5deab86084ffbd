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

// gauges are what is told, counters among them: the exporter would give those another
// name. dcgm-exporter counts memory in MiB.
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
	{"DCGM_FI_DEV_MEM_COPY_UTIL", "Memory utilization (in %).", func(g *gpuagentv1.Gpu) float64 { return g.GetUsage().GetMemoryUtilizationPercent() }},
	{"DCGM_FI_DEV_SM_CLOCK", "SM clock frequency (in MHz).", func(g *gpuagentv1.Gpu) float64 { return float64(g.GetUsage().GetSmClockMhz()) }},
	{"DCGM_FI_DEV_MEM_CLOCK", "Memory clock frequency (in MHz).", func(g *gpuagentv1.Gpu) float64 { return float64(g.GetUsage().GetMemoryClockMhz()) }},
	{"DCGM_FI_DEV_XID_ERRORS", "Value of the last XID error encountered.", func(g *gpuagentv1.Gpu) float64 { return float64(g.GetUsage().GetXid()) }},
	{"DCGM_FI_DEV_ROW_REMAP_FAILURE", "Whether remapping of rows has failed.", func(g *gpuagentv1.Gpu) float64 { return one(g.GetUsage().GetRemapFailed()) }},
	{"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "Energy used since the driver was loaded (in mJ).", func(g *gpuagentv1.Gpu) float64 { return float64(g.GetUsage().GetEnergyMillijoules()) }},
	{"DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL", "What has gone over all NVLinks (in KiB).", func(g *gpuagentv1.Gpu) float64 { return float64(g.GetUsage().GetNvlinkBytes() >> 10) }},
	{"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "Memory errors that were not corrected.", func(g *gpuagentv1.Gpu) float64 { return float64(g.GetUsage().GetEccUncorrected()) }},
	{"DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", "Memory errors that were corrected.", func(g *gpuagentv1.Gpu) float64 { return float64(g.GetUsage().GetEccCorrected()) }},
	{"DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "Rows replaced for errors that were not corrected.", func(g *gpuagentv1.Gpu) float64 { return float64(g.GetUsage().GetRemappedUncorrected()) }},
	{"DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", "Rows replaced for errors that were corrected.", func(g *gpuagentv1.Gpu) float64 { return float64(g.GetUsage().GetRemappedCorrected()) }},
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
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

// labelsOf are those of dcgm-exporter, which has a MIG device as an instance of its GPU. A
// replica stands for a pod, its workload for the container in it.
func labelsOf(n *gpuagentv1.Node, gpu *gpuagentv1.Gpu) []attribute.KeyValue {
	const parts = 1000 // as Gpu.index has them
	number, uuid := int(gpu.GetIndex()), gpu.GetUuid()
	if number >= parts {
		number = number/parts - 1
	}
	if gpu.GetProfile() != "" {
		uuid = gpu.GetParentUuid()
	}
	index := strconv.Itoa(number)
	labels := []attribute.KeyValue{
		attribute.String("gpu", index), attribute.String("UUID", uuid), attribute.String("pci_bus_id", gpu.GetPciBusId()),
		attribute.String("device", "nvidia"+index), attribute.String("modelName", gpu.GetModel()),
		attribute.String("Hostname", n.GetMetadata().GetName()),
	}
	if gpu.GetProfile() != "" {
		labels = append(labels, attribute.String("GPU_I_PROFILE", gpu.GetProfile()), attribute.String("GPU_I_ID", strconv.Itoa(int(gpu.GetInstance()))))
	}
	if namespace, rest, held := strings.Cut(gpu.GetHolder(), "/"); held {
		workload, _, _ := strings.Cut(rest, "/")
		labels = append(labels, attribute.String("namespace", namespace),
			attribute.String("pod", strings.ReplaceAll(rest, "/", "-")), attribute.String("container", workload))
	}
	return labels
}
