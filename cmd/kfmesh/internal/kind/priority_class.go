package kind

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// PriorityClasses is the kind of priorities that have names.
func PriorityClasses() *Kind {
	return &Kind{
		Singular: "priorityclass", Plural: "priorityclasses", Short: []string{"pc"},
		Named: true,
		Whole: true,
		Columns: []Column{
			column("NAME", className),
			column("VALUE", func(c *gpuagentv1.PriorityClass) string { return fmt.Sprint(c.GetValue()) }),
			timedColumn("AGE", func(c *gpuagentv1.PriorityClass, t *output.Terminal) string {
				return output.Age(c.GetMetadata().GetCreateTime(), t.Now())
			}),
			column("DESCRIPTION", (*gpuagentv1.PriorityClass).GetDescription),
		},
		ID:   func(m proto.Message) string { return className(m.(*gpuagentv1.PriorityClass)) },
		Name: func(m proto.Message) string { return className(m.(*gpuagentv1.PriorityClass)) },
		List: func(ctx context.Context, c *client.Client, q Query) ([]proto.Message, error) {
			all, err := c.PriorityClasses.ListPriorityClasses(ctx, &gpuagentv1.ListPriorityClassesRequest{})
			return newest(all.GetPriorityClasses(), q.Limit), err
		},
		Get: func(ctx context.Context, c *client.Client, _, id string) (proto.Message, error) {
			return c.PriorityClasses.GetPriorityClass(ctx, &gpuagentv1.GetPriorityClassRequest{Name: id})
		},
		Describe: func(_ context.Context, _ *client.Client, term *output.Terminal, m proto.Message) error {
			class := m.(*gpuagentv1.PriorityClass)
			s := &sheet{term: term}
			s.fields(append([][2]string{
				{"Priority class", className(class)},
				{"Value", fmt.Sprint(class.GetValue())},
				{"Description", class.GetDescription()},
			}, identity(class.GetMetadata(), term)...)...)
			s.lines("labels", pairs(class.GetMetadata().GetLabels()))
			return s.print()
		},
		Delete: func(ctx context.Context, c *client.Client, m proto.Message, _ DeleteOptions) error {
			_, err := c.PriorityClasses.DeletePriorityClass(ctx, &gpuagentv1.DeletePriorityClassRequest{Name: className(m.(*gpuagentv1.PriorityClass))})
			return err
		},
	}
}

func className(c *gpuagentv1.PriorityClass) string { return c.GetMetadata().GetName() }
