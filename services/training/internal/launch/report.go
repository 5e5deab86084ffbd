package launch

import (
	"fmt"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
	"github.com/kfmesh/kfmesh/services/training/internal/pod"
)

// tokenFile is where a replica finds the token that it reports with. The clients that
// report want one; whoever reaches the gateway may report, so it proves nothing.
const tokenFile = "${keep}/trainer/token"

// report has replicas say how far their training has come, as those of Kubeflow Trainer do.
func report(t *gpuagentv1.Template, j *kind.Job, gateway string) {
	url := fmt.Sprintf("%s/apis/%s/namespaces/%s/trainjobs/%s/status", strings.TrimSuffix(gateway, "/"), kind.TrainerVersion, j.Namespace, j.Name)
	t.Env = append(t.Env,
		&gpuagentv1.EnvVar{Name: "KUBEFLOW_TRAINER_SERVER_URL", Value: pod.Escape(url)},
		&gpuagentv1.EnvVar{Name: "KUBEFLOW_TRAINER_SERVER_TOKEN", Value: tokenFile},
	)
	staging(t).Files = append(staging(t).Files, &gpuagentv1.InlineFile{Path: tokenFile, Content: []byte(j.Namespace + "/" + j.Name), Mode: 0o600})
}
