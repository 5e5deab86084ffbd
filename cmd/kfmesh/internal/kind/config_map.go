package kind

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
)

// ConfigMaps is the kind of values for workloads that need not be hidden.
func ConfigMaps() *Kind {
	return &Kind{
		Singular: "configmap", Plural: "configmaps", Short: []string{"cm"},
		Named: true,
		Whole: true,
		Columns: []Column{
			column("NAME", configMapName),
			column("KEYS", func(c *gpuagentv1.ConfigMap) string { return fmt.Sprint(len(c.GetData()) + len(c.GetBinaryData())) }),
			timedColumn("AGE", func(c *gpuagentv1.ConfigMap, t *output.Terminal) string {
				return output.Age(c.GetMetadata().GetCreateTime(), t.Now())
			}),
			spread(column("NAMESPACE", func(c *gpuagentv1.ConfigMap) string { return c.GetMetadata().GetNamespace() })),
			wide(timedColumn("CHANGED", func(c *gpuagentv1.ConfigMap, t *output.Terminal) string {
				return output.Age(c.GetMetadata().GetUpdateTime(), t.Now())
			})),
		},
		ID:   func(m proto.Message) string { return configMapName(m.(*gpuagentv1.ConfigMap)) },
		Name: func(m proto.Message) string { return configMapName(m.(*gpuagentv1.ConfigMap)) },
		List: func(ctx context.Context, c *client.Client, q Query) ([]proto.Message, error) {
			all, err := c.ConfigMaps.ListConfigMaps(ctx, &gpuagentv1.ListConfigMapsRequest{Namespace: q.Namespace})
			return newest(all.GetConfigMaps(), q.Limit), err
		},
		Get: func(ctx context.Context, c *client.Client, namespace, id string) (proto.Message, error) {
			return c.ConfigMaps.GetConfigMap(ctx, &gpuagentv1.GetConfigMapRequest{Namespace: namespace, Name: id})
		},
		Describe: describeConfigMap,
		Delete: func(ctx context.Context, c *client.Client, m proto.Message, _ DeleteOptions) error {
			meta := m.(*gpuagentv1.ConfigMap).GetMetadata()
			_, err := c.ConfigMaps.DeleteConfigMap(ctx, &gpuagentv1.DeleteConfigMapRequest{Namespace: meta.GetNamespace(), Name: meta.GetName()})
			return err
		},
	}
}

func configMapName(c *gpuagentv1.ConfigMap) string { return c.GetMetadata().GetName() }

func describeConfigMap(_ context.Context, _ *client.Client, term *output.Terminal, m proto.Message) error {
	c := m.(*gpuagentv1.ConfigMap)
	s := &sheet{term: term}
	s.fields(append([][2]string{{"Config map", configMapName(c)}}, identity(c.GetMetadata(), term)...)...)
	s.lines("labels", pairs(c.GetMetadata().GetLabels()))
	for _, key := range slices.Sorted(maps.Keys(c.GetData())) {
		s.lines(key, cleaned(strings.Split(strings.TrimRight(c.GetData()[key], "\n"), "\n")))
	}
	for _, key := range slices.Sorted(maps.Keys(c.GetBinaryData())) {
		s.lines(key, []string{output.Bytes(int64(len(c.GetBinaryData()[key]))) + " that are not text"})
	}
	return s.print()
}

// identity is what a description says of anything that has metadata.
func identity(m *metav1.ObjectMeta, term *output.Terminal) [][2]string {
	return [][2]string{
		{"Namespace", m.GetNamespace()},
		{"Created", output.Moment(m.GetCreateTime(), term.Now())},
		{"Changed", output.Moment(m.GetUpdateTime(), term.Now())},
		{"Version", fmt.Sprint(m.GetResourceVersion())},
	}
}

// newest sorts what has metadata by age and cuts it to a limit, unless that is 0.
func newest[M interface {
	proto.Message
	GetMetadata() *metav1.ObjectMeta
}](all []M, limit int,
) []proto.Message {
	slices.SortStableFunc(all, func(a, b M) int {
		return b.GetMetadata().GetCreateTime().AsTime().Compare(a.GetMetadata().GetCreateTime().AsTime())
	})
	if limit > 0 && len(all) > limit {
		all = all[:limit]
	}
	return messages(all)
}
