package kind

import (
	"context"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

// Refused is the kind of OpenLineage events that their receiver will not have. It is
// not among All: `kfmesh lineage --refused` has it to itself.
func Refused() *Kind {
	return &Kind{
		Singular: "refused-event", Plural: "refused events",
		Whole: true,
		Columns: []Column{
			column("ID", refusedID),
			column("EVENT", (*metadatav1.RefusedEvent).GetEventType),
			column("EXECUTION", func(e *metadatav1.RefusedEvent) string {
				return "execution/" + strconv.FormatInt(e.GetExecutionId(), 10)
			}),
			column("NAME", (*metadatav1.RefusedEvent).GetExecutionName),
			timedColumn("AGE", func(e *metadatav1.RefusedEvent, t *output.Terminal) string {
				return output.Age(e.GetRefuseTime(), t.Now())
			}),
			column("STATUS", func(e *metadatav1.RefusedEvent) string { return strconv.Itoa(int(e.GetStatus())) }),
			column("REASON", (*metadatav1.RefusedEvent).GetReason),
			spread(column("NAMESPACE", (*metadatav1.RefusedEvent).GetNamespace)),
		},
		ID:   func(m proto.Message) string { return refusedID(m.(*metadatav1.RefusedEvent)) },
		Name: func(m proto.Message) string { return m.(*metadatav1.RefusedEvent).GetExecutionName() },
		List: listRefused,
	}
}

func refusedID(e *metadatav1.RefusedEvent) string { return strconv.FormatInt(e.GetEventId(), 10) }

func listRefused(ctx context.Context, c *client.Client, q Query) ([]proto.Message, error) {
	events, err := client.Collect(q.Limit, func(size int32, token string) ([]*metadatav1.RefusedEvent, string, error) {
		page, err := c.Metadata.ListRefusedEvents(ctx, &metadatav1.ListRefusedEventsRequest{
			Namespace: q.Namespace, PageSize: size, PageToken: token,
		})
		return page.GetEvents(), page.GetNextPageToken(), err
	})
	return messages(events), err
}
