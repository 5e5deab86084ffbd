package kind

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// Secrets is the kind of values that only workloads see. What is shown of them is
// how large they are.
func Secrets() *Kind {
	return &Kind{
		Singular: "secret", Plural: "secrets", Short: []string{"sec"},
		Named: true,
		Whole: true,
		Columns: []Column{
			column("NAME", secretName),
			column("TYPE", (*gpuagentv1.Secret).GetType),
			column("KEYS", func(s *gpuagentv1.Secret) string { return fmt.Sprint(len(s.GetSizes())) }),
			timedColumn("AGE", func(s *gpuagentv1.Secret, t *output.Terminal) string {
				return output.Age(s.GetMetadata().GetCreateTime(), t.Now())
			}),
			spread(column("NAMESPACE", func(s *gpuagentv1.Secret) string { return s.GetMetadata().GetNamespace() })),
			wide(timedColumn("CHANGED", func(s *gpuagentv1.Secret, t *output.Terminal) string {
				return output.Age(s.GetMetadata().GetUpdateTime(), t.Now())
			})),
		},
		ID:   func(m proto.Message) string { return secretName(m.(*gpuagentv1.Secret)) },
		Name: func(m proto.Message) string { return secretName(m.(*gpuagentv1.Secret)) },
		List: func(ctx context.Context, c *client.Client, q Query) ([]proto.Message, error) {
			all, err := c.Secrets.ListSecrets(ctx, &gpuagentv1.ListSecretsRequest{Namespace: q.Namespace})
			return newest(all.GetSecrets(), q.Limit), err
		},
		Get: func(ctx context.Context, c *client.Client, namespace, id string) (proto.Message, error) {
			return c.Secrets.GetSecret(ctx, &gpuagentv1.GetSecretRequest{Namespace: namespace, Name: id})
		},
		Describe: describeSecret,
		Delete: func(ctx context.Context, c *client.Client, m proto.Message, _ DeleteOptions) error {
			meta := m.(*gpuagentv1.Secret).GetMetadata()
			_, err := c.Secrets.DeleteSecret(ctx, &gpuagentv1.DeleteSecretRequest{Namespace: meta.GetNamespace(), Name: meta.GetName()})
			return err
		},
	}
}

func secretName(s *gpuagentv1.Secret) string { return s.GetMetadata().GetName() }

func describeSecret(_ context.Context, _ *client.Client, term *output.Terminal, m proto.Message) error {
	secret := m.(*gpuagentv1.Secret)
	s := &sheet{term: term}
	s.fields(append([][2]string{{"Secret", secretName(secret)}, {"Type", secret.GetType()}}, identity(secret.GetMetadata(), term)...)...)
	s.lines("labels", pairs(secret.GetMetadata().GetLabels()))
	table := &output.Table{Headings: []string{"KEY", "SIZE"}, Uncut: true}
	for _, key := range slices.Sorted(maps.Keys(secret.GetSizes())) {
		table.Add(key, fmt.Sprintf("%d bytes", secret.GetSizes()[key]))
	}
	s.table("keys, whose values only workloads see", table)
	return s.print()
}
