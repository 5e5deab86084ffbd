package kind

import (
	"context"
	"encoding/json"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// Runtimes is the kind of what TrainJobs are made of: those of every namespace, those that
// are built in among them, and those of one.
func Runtimes() *Kind {
	return &Kind{
		Singular: "runtime", Plural: "runtimes",
		Named: true,
		Short: []string{"trainingruntime", "trainingruntimes", "clustertrainingruntime", "clustertrainingruntimes"},
		Whole: true,
		Columns: []Column{
			column("NAME", runtimeName),
			column("KIND", (*trainingv1.TrainingRuntime).GetKind),
			column("FRAMEWORK", framework),
			timedColumn("AGE", func(r *trainingv1.TrainingRuntime, t *output.Terminal) string {
				if r.GetBuiltIn() {
					return "built in"
				}
				return output.Age(r.GetMetadata().GetCreateTime(), t.Now())
			}),
			spread(column("NAMESPACE", func(r *trainingv1.TrainingRuntime) string { return r.GetMetadata().GetNamespace() })),
		},
		ID:   func(m proto.Message) string { return runtimeName(m.(*trainingv1.TrainingRuntime)) },
		Name: func(m proto.Message) string { return runtimeName(m.(*trainingv1.TrainingRuntime)) },
		List: listRuntimes,
		Get:  getRuntime,
		Describe: func(_ context.Context, _ *client.Client, term *output.Terminal, m proto.Message) error {
			r := m.(*trainingv1.TrainingRuntime)
			s := &sheet{term: term}
			s.fields(append([][2]string{
				{"Runtime", runtimeName(r)}, {"Kind", r.GetKind()}, {"Framework", framework(r)},
			}, identity(r.GetMetadata(), term)...)...)
			s.lines("warnings", r.GetWarnings())
			s.lines("manifest", []string{r.GetManifest()})
			return s.print()
		},
		Delete: func(ctx context.Context, c *client.Client, m proto.Message, _ DeleteOptions) error {
			r := m.(*trainingv1.TrainingRuntime)
			_, err := c.Runtimes.DeleteTrainingRuntime(ctx, &trainingv1.DeleteTrainingRuntimeRequest{
				Namespace: r.GetMetadata().GetNamespace(), Name: runtimeName(r), Uid: r.GetMetadata().GetUid(),
			})
			return err
		},
	}
}

func runtimeName(r *trainingv1.TrainingRuntime) string { return r.GetMetadata().GetName() }

// framework is what the label by which SDKs choose says.
func framework(r *trainingv1.TrainingRuntime) string {
	var manifest struct {
		Metadata struct {
			Labels map[string]string `json:"labels"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal([]byte(r.GetManifest()), &manifest); err != nil {
		return ""
	}
	return manifest.Metadata.Labels["trainer.kubeflow.org/framework"]
}

// listRuntimes lists those of the namespace, then those of all.
func listRuntimes(ctx context.Context, c *client.Client, q Query) ([]proto.Message, error) {
	own, err := c.Runtimes.ListTrainingRuntimes(ctx, &trainingv1.ListTrainingRuntimesRequest{Namespace: q.Namespace})
	if err != nil {
		return nil, err
	}
	all, err := c.Runtimes.ListTrainingRuntimes(ctx, &trainingv1.ListTrainingRuntimesRequest{Scope: trainingv1.RuntimeScope_RUNTIME_SCOPE_CLUSTER})
	found := messages(append(own.GetRuntimes(), all.GetRuntimes()...))
	if q.Limit > 0 && len(found) > q.Limit {
		found = found[:q.Limit]
	}
	return found, err
}

// getRuntime finds one of the namespace, or else one of all.
func getRuntime(ctx context.Context, c *client.Client, namespace, id string) (proto.Message, error) {
	name := id[strings.LastIndexByte(id, '/')+1:]
	r, err := c.Runtimes.GetTrainingRuntime(ctx, &trainingv1.GetTrainingRuntimeRequest{Namespace: namespace, Name: name})
	if fault.Is(err, fault.NotFound) {
		r, err = c.Runtimes.GetTrainingRuntime(ctx, &trainingv1.GetTrainingRuntimeRequest{Name: name})
	}
	return r, err
}
