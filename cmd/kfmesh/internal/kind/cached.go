package kind

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// shownKey is how much of a cache key a table shows.
const shownKey = 12

// Cached is the kind of what tasks left for later runs. It is not among All:
// `kfmesh cache` has it to itself.
func Cached() *Kind {
	return &Kind{
		Singular: "cache-entry", Plural: "cache entries",
		Whole: true,
		Columns: []Column{
			column("KEY", func(e *pipelinev1.CachedTask) string { return e.GetKey()[:min(shownKey, len(e.GetKey()))] }),
			column("PIPELINE", (*pipelinev1.CachedTask).GetPipelineName),
			column("RUN", func(e *pipelinev1.CachedTask) string { return output.ShortID(e.GetRunId()) }),
			timedColumn("AGE", func(e *pipelinev1.CachedTask, t *output.Terminal) string {
				return output.Age(e.GetCreatedAt(), t.Now())
			}),
			timedColumn("EXPIRES", expiry),
			column("TASK", (*pipelinev1.CachedTask).GetTaskPath),
			spread(column("NAMESPACE", (*pipelinev1.CachedTask).GetNamespace)),
			wide(column("RUN ID", (*pipelinev1.CachedTask).GetRunId)),
			wide(column("WHOLE KEY", (*pipelinev1.CachedTask).GetKey)),
		},
		ID:       func(m proto.Message) string { return m.(*pipelinev1.CachedTask).GetKey() },
		Name:     func(m proto.Message) string { return m.(*pipelinev1.CachedTask).GetTaskPath() },
		Describe: describeCached,
	}
}

// expiry says when an entry counts no longer.
func expiry(e *pipelinev1.CachedTask, t *output.Terminal) string {
	switch {
	case e.GetExpiresAt() == nil:
		return "never"
	case !t.Now().Before(e.GetExpiresAt().AsTime()):
		return "expired"
	}
	return "in " + output.Duration(e.GetExpiresAt().AsTime().Sub(t.Now()))
}

// describeCached prints an entry with what a hit would hand on.
func describeCached(_ context.Context, _ *client.Client, term *output.Terminal, m proto.Message) error {
	entry := m.(*pipelinev1.CachedTask)
	s := &sheet{term: term}
	s.fields(
		[2]string{"Key", entry.GetKey()},
		[2]string{"Namespace", entry.GetNamespace()},
		[2]string{"Pipeline", entry.GetPipelineName()},
		[2]string{"Run", entry.GetRunId()},
		[2]string{"Task", entry.GetTaskPath()},
		[2]string{"Made", output.Moment(entry.GetCreatedAt(), term.Now())},
		[2]string{"Expires", expiry(entry, term)},
	)
	s.lines("artifacts", entry.GetArtifactUris())
	return s.print()
}
