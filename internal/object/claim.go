package object

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// filesystem is the one mode that volumes have.
const filesystem = "Filesystem"

// ReadClaim reads a PersistentVolumeClaim, which is a volume.
func ReadClaim(manifest []byte) (*gpuagentv1.PersistentVolume, []string, error) {
	var from struct {
		head
		Spec struct {
			AccessModes      []string `json:"accessModes"`
			StorageClassName string   `json:"storageClassName" heeded:"no"`
			VolumeMode       string   `json:"volumeMode"`
			VolumeName       string   `json:"volumeName"`
			Resources        struct {
				Requests map[string]any `json:"requests"`
				Limits   map[string]any `json:"limits" heeded:"no"`
			} `json:"resources"`
			Selector        any `json:"selector" heeded:"no"`
			DataSource      any `json:"dataSource"`
			DataSourceRef   any `json:"dataSourceRef"`
			AttributesClass any `json:"volumeAttributesClassName" heeded:"no"`
		} `json:"spec"`
	}
	warnings, err := read(manifest, "PersistentVolumeClaim", &from)
	if err != nil {
		return nil, nil, err
	}
	var wrong []fault.Violation
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Violation{Field: field, Reason: fmt.Sprintf(format, args...)})
	}
	spec := from.Spec
	if spec.VolumeMode != "" && spec.VolumeMode != filesystem {
		refuse("spec.volumeMode", "Unsupported value: %q: volumes are directories here: want %q", spec.VolumeMode, filesystem)
	}
	if spec.DataSource != nil || spec.DataSourceRef != nil {
		refuse("spec.dataSource", "Forbidden: volumes begin empty here")
	}
	if len(spec.AccessModes) == 0 {
		refuse("spec.accessModes", "Required value: at least 1 access mode is required")
	}
	bytes := sizeOf(spec.Resources.Requests["storage"], refuse)
	if len(wrong) > 0 {
		return nil, nil, fault.InvalidAll(wrong)
	}
	return &gpuagentv1.PersistentVolume{
		Metadata: from.Metadata.resource(),
		Spec:     &gpuagentv1.PersistentVolumeSpec{SizeBytes: bytes, AccessModes: spec.AccessModes, StorageClass: spec.StorageClassName},
	}, warnings, nil
}

// sizeOf reads how large a volume is to be.
func sizeOf(wanted any, refuse func(field, format string, args ...any)) int64 {
	const field = "spec.resources[storage]"
	if wanted == nil {
		refuse(field, "Required value: give spec.resources.requests.storage, such as 5Gi")
		return 0
	}
	q, err := resource.ParseQuantity(fmt.Sprint(wanted))
	if err != nil || q.Sign() <= 0 {
		refuse(field, "Invalid value: %q: must be a size above 0, such as 5Gi", fmt.Sprint(wanted))
		return 0
	}
	return q.Value()
}

// Claim writes a volume as a claim that is bound to it.
func Claim(v *gpuagentv1.PersistentVolume) map[string]any {
	m, modes := v.GetMetadata(), []any{}
	for _, mode := range v.GetSpec().GetAccessModes() {
		modes = append(modes, mode)
	}
	size := quantity(v.GetSpec().GetSizeBytes())
	spec := map[string]any{
		"accessModes": modes, "resources": map[string]any{"requests": map[string]any{"storage": size}}, "volumeMode": filesystem,
		"volumeName": "pvc-" + m.GetUid(),
	}
	if class := v.GetSpec().GetStorageClass(); class != "" {
		spec["storageClassName"] = class
	}
	out := map[string]any{
		"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": Metadata(m), "spec": spec,
		"status": map[string]any{"phase": "Bound", "accessModes": modes, "capacity": map[string]any{"storage": size}},
	}
	if v.GetStatus().GetDeleting() {
		meta, _ := out["metadata"].(map[string]any)
		meta["deletionTimestamp"] = Moment(m.GetUpdateTime())
		meta["finalizers"] = []any{"kubernetes.io/pvc-protection"}
	}
	return out
}

// quantity writes bytes as Kubernetes does: in powers of two where that leaves no rest.
func quantity(bytes int64) string {
	format := resource.DecimalSI
	if bytes%1024 == 0 {
		format = resource.BinarySI
	}
	return resource.NewQuantity(bytes, format).String()
}
