package cluster

import (
	"context"
	"fmt"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/object"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

func configMaps(c gpuagentv1.ConfigMapServiceClient) kube.Resource {
	s := &store[*gpuagentv1.ConfigMap]{
		create: func(ctx context.Context, m *gpuagentv1.ConfigMap, dry bool) (*gpuagentv1.ConfigMap, error) {
			return c.CreateConfigMap(ctx, &gpuagentv1.CreateConfigMapRequest{ConfigMap: m, DryRun: dry})
		},
		get: func(ctx context.Context, namespace, name string) (*gpuagentv1.ConfigMap, error) {
			return c.GetConfigMap(ctx, &gpuagentv1.GetConfigMapRequest{Namespace: namespace, Name: name})
		},
		list: func(ctx context.Context, namespace string) ([]*gpuagentv1.ConfigMap, error) {
			all, err := c.ListConfigMaps(ctx, &gpuagentv1.ListConfigMapsRequest{Namespace: namespace})
			return all.GetConfigMaps(), err
		},
		update: func(ctx context.Context, m *gpuagentv1.ConfigMap, dry bool) (*gpuagentv1.ConfigMap, error) {
			return c.UpdateConfigMap(ctx, &gpuagentv1.UpdateConfigMapRequest{ConfigMap: m, DryRun: dry})
		},
		remove: func(ctx context.Context, namespace, name string) error {
			_, err := c.DeleteConfigMap(ctx, &gpuagentv1.DeleteConfigMapRequest{Namespace: namespace, Name: name})
			return err
		},
		read: object.ReadConfigMap, show: object.ConfigMap,
	}
	return kube.Resource{
		Version: "v1", Plural: "configmaps", Singular: "configmap", Kind: "ConfigMap", Schema: described("Values for jobs that need not be hidden.", configMapFields()), Short: []string{"cm"}, Plain: true, Aside: true, Store: s,
		Message: kube.Message{1: kube.MetadataField(), 2: {Name: "data", Map: true}, 3: {Name: "binaryData", Map: true, Bytes: true}, 4: {Name: "immutable", Bool: true}},
		Columns: []kube.Column{
			{Name: "Data", Type: "string", Value: func(o kube.Object) any { return fmt.Sprint(size(o, "data") + size(o, "binaryData")) }},
			kube.Age(),
		},
	}
}

// size is how many fields an object has in one.
func size(o kube.Object, field string) int {
	values, _ := o[field].(map[string]any)
	return len(values)
}

func secrets(c gpuagentv1.SecretServiceClient) kube.Resource {
	s := &store[*gpuagentv1.Secret]{
		create: func(ctx context.Context, m *gpuagentv1.Secret, dry bool) (*gpuagentv1.Secret, error) {
			return c.CreateSecret(ctx, &gpuagentv1.CreateSecretRequest{Secret: m, DryRun: dry})
		},
		get: func(ctx context.Context, namespace, name string) (*gpuagentv1.Secret, error) {
			return c.GetSecret(ctx, &gpuagentv1.GetSecretRequest{Namespace: namespace, Name: name})
		},
		list: func(ctx context.Context, namespace string) ([]*gpuagentv1.Secret, error) {
			all, err := c.ListSecrets(ctx, &gpuagentv1.ListSecretsRequest{Namespace: namespace})
			return all.GetSecrets(), err
		},
		update: func(ctx context.Context, m *gpuagentv1.Secret, dry bool) (*gpuagentv1.Secret, error) {
			return c.UpdateSecret(ctx, &gpuagentv1.UpdateSecretRequest{Secret: m, DryRun: dry})
		},
		remove: func(ctx context.Context, namespace, name string) error {
			_, err := c.DeleteSecret(ctx, &gpuagentv1.DeleteSecretRequest{Namespace: namespace, Name: name})
			return err
		},
		read: object.ReadSecret, show: object.Secret,
	}
	return kube.Resource{
		Version: "v1", Plural: "secrets", Singular: "secret", Kind: "Secret", Schema: described("Values for jobs that nobody else sees.", secretFields()), Plain: true, Aside: true, Store: s, Fields: []string{"type"},
		Message: kube.Message{
			1: kube.MetadataField(), 2: {Name: "data", Map: true, Bytes: true}, 3: {Name: "type"}, 4: {Name: "stringData", Map: true}, 5: {Name: "immutable", Bool: true},
		},
		Columns: []kube.Column{
			{Name: "Type", Type: "string", Value: func(o kube.Object) any { return o["type"] }},
			{Name: "Data", Type: "string", Value: func(o kube.Object) any { return fmt.Sprint(size(o, "data")) }},
			kube.Age(),
		},
	}
}

func claims(c gpuagentv1.VolumeServiceClient) kube.Resource {
	s := &store[*gpuagentv1.PersistentVolume]{
		create: func(ctx context.Context, m *gpuagentv1.PersistentVolume, dry bool) (*gpuagentv1.PersistentVolume, error) {
			return c.CreateVolume(ctx, &gpuagentv1.CreateVolumeRequest{Volume: m, DryRun: dry})
		},
		get: func(ctx context.Context, namespace, name string) (*gpuagentv1.PersistentVolume, error) {
			return c.GetVolume(ctx, &gpuagentv1.GetVolumeRequest{Namespace: namespace, Name: name})
		},
		list: func(ctx context.Context, namespace string) ([]*gpuagentv1.PersistentVolume, error) {
			all, err := c.ListVolumes(ctx, &gpuagentv1.ListVolumesRequest{Namespace: namespace})
			return all.GetVolumes(), err
		},
		update: func(ctx context.Context, m *gpuagentv1.PersistentVolume, dry bool) (*gpuagentv1.PersistentVolume, error) {
			return c.UpdateVolume(ctx, &gpuagentv1.UpdateVolumeRequest{Volume: m, DryRun: dry})
		},
		remove: func(ctx context.Context, namespace, name string) error {
			_, err := c.DeleteVolume(ctx, &gpuagentv1.DeleteVolumeRequest{Namespace: namespace, Name: name})
			return err
		},
		read: object.ReadClaim, show: object.Claim,
	}
	text := func(path ...string) func(kube.Object) any {
		return func(o kube.Object) any { return kube.Path(o, path...) }
	}
	return kube.Resource{
		Version: "v1", Plural: "persistentvolumeclaims", Singular: "persistentvolumeclaim", Kind: "PersistentVolumeClaim", Short: []string{"pvc"},
		Plain: true, Aside: true, Store: s, Schema: described("A volume: a directory that outlives the jobs that mount it.", claimFields()),
		Columns: []kube.Column{
			{Name: "Status", Type: "string", Value: claimStatus},
			{Name: "Volume", Type: "string", Value: text("spec", "volumeName")},
			{Name: "Capacity", Type: "string", Value: text("status", "capacity", "storage")},
			{Name: "Access Modes", Type: "string", Value: accessModes},
			{Name: "StorageClass", Type: "string", Value: func(o kube.Object) any { return kube.Path(o, "spec", "storageClassName") }},
			kube.Age(),
			{Name: "VolumeMode", Type: "string", Wide: true, Value: text("spec", "volumeMode")},
		},
	}
}

func claimStatus(o kube.Object) any {
	if kube.Path(o, "metadata", "deletionTimestamp") != nil {
		return "Terminating"
	}
	return kube.Path(o, "status", "phase")
}

// short are access modes as kubectl prints them.
var short = map[string]string{"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}

func accessModes(o kube.Object) any {
	var all []string
	modes, _ := kube.Path(o, "spec", "accessModes").([]any)
	for _, mode := range modes {
		all = append(all, short[fmt.Sprint(mode)])
	}
	return strings.Join(all, ",")
}

func priorityClasses(c gpuagentv1.PriorityClassServiceClient) kube.Resource {
	s := &store[*gpuagentv1.PriorityClass]{
		create: func(ctx context.Context, m *gpuagentv1.PriorityClass, dry bool) (*gpuagentv1.PriorityClass, error) {
			return c.CreatePriorityClass(ctx, &gpuagentv1.CreatePriorityClassRequest{PriorityClass: m, DryRun: dry})
		},
		get: func(ctx context.Context, _, name string) (*gpuagentv1.PriorityClass, error) {
			return c.GetPriorityClass(ctx, &gpuagentv1.GetPriorityClassRequest{Name: name})
		},
		list: func(ctx context.Context, _ string) ([]*gpuagentv1.PriorityClass, error) {
			all, err := c.ListPriorityClasses(ctx, &gpuagentv1.ListPriorityClassesRequest{})
			return all.GetPriorityClasses(), err
		},
		update: func(ctx context.Context, m *gpuagentv1.PriorityClass, dry bool) (*gpuagentv1.PriorityClass, error) {
			return c.UpdatePriorityClass(ctx, &gpuagentv1.UpdatePriorityClassRequest{PriorityClass: m, DryRun: dry})
		},
		remove: func(ctx context.Context, _, name string) error {
			_, err := c.DeletePriorityClass(ctx, &gpuagentv1.DeletePriorityClassRequest{Name: name})
			return err
		},
		read: object.ReadPriorityClass, show: object.PriorityClass, alone: true,
	}
	return kube.Resource{
		Group: "scheduling.k8s.io", Version: "v1", Plural: "priorityclasses", Singular: "priorityclass", Kind: "PriorityClass", Short: []string{"pc"},
		Cluster: true, Plain: true, Store: s, Schema: described("A priority with a name.", priorityClassFields()),
		Message: kube.Message{
			1: kube.MetadataField(), 2: {Name: "value", Int: true}, 3: {Name: "globalDefault", Bool: true}, 4: {Name: "description"}, 5: {Name: "preemptionPolicy"},
		},
		Columns: []kube.Column{
			{Name: "Value", Type: "integer", Value: func(o kube.Object) any { return o["value"] }},
			{Name: "Global-Default", Type: "boolean", Value: func(kube.Object) any { return "false" }},
			kube.Age(),
			{Name: "PreemptionPolicy", Type: "string", Value: func(o kube.Object) any { return o["preemptionPolicy"] }},
		},
	}
}
