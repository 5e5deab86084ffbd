package trainingjob

import (
	"context"
	"encoding/json"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// schema describes a kind: what is below spec the training service says, for it reads that.
func schema(jobs trainingv1.TrainingServiceClient, version, kind, description string) func(context.Context) (*kube.Schema, error) {
	return func(ctx context.Context) (*kube.Schema, error) {
		all, err := jobs.ListKinds(ctx, &trainingv1.ListKindsRequest{})
		if err != nil {
			return nil, err
		}
		for _, k := range all.GetKinds() {
			if k.GetApiVersion() != version || k.GetKind() != kind {
				continue
			}
			spec := map[string]any{}
			if err := json.Unmarshal([]byte(k.GetSchema()), &spec); err != nil {
				return nil, fault.Internalf(err, "the schema of %s cannot be read", kind)
			}
			spec["description"] = "What is wanted."
			return &kube.Schema{Description: description, Fields: map[string]any{
				"spec": spec,
				"status": map[string]any{
					"type": "object", "description": "What became of it. The server's to say.", "x-kubernetes-preserve-unknown-fields": true,
				},
			}}, nil
		}
		return nil, fault.NotFoundf("there is no schema of %s %s", version, kind)
	}
}
