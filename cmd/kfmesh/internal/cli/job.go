package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/logs"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func suspendCommand(s *Session) *cobra.Command {
	return &cobra.Command{
		Use:   "suspend [job] NAME ...",
		Short: "Stop training jobs for a while",
		Long: `Stop training jobs for a while. Their replicas are stopped; what they wrote to the
directory for checkpoints stays, and "kfmesh resume" starts them anew.`,
		Example:           "  kfmesh suspend my-job",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeReference(kind.Jobs()),
		RunE: func(command *cobra.Command, args []string) error {
			return s.changeJobs(command.Context(), args, "suspended", setSuspend(true))
		},
	}
}

func resumeCommand(s *Session) *cobra.Command {
	return &cobra.Command{
		Use:               "resume [job] NAME ...",
		Short:             "Start suspended training jobs again",
		Example:           "  kfmesh resume my-job",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeReference(kind.Jobs()),
		RunE: func(command *cobra.Command, args []string) error {
			return s.changeJobs(command.Context(), args, "resumed", setSuspend(false))
		},
	}
}

func scaleCommand(s *Session) *cobra.Command {
	var replicas int
	var group string
	command := &cobra.Command{
		Use:   "scale [job] NAME --replicas N",
		Short: "Give a training job another number of replicas",
		Long: `Give a training job another number of replicas. The workers of an elastic PyTorchJob, and
of a TFJob with enableDynamicWorker, come and go while the others run on. Any other job that
runs is started anew with that number, and goes on from its checkpoints.`,
		Example:           "  kfmesh scale my-job --replicas 4\n  kfmesh scale my-job --group ps --replicas 2",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeReference(kind.Jobs()),
		RunE: func(command *cobra.Command, args []string) error {
			if replicas < 0 {
				return fault.Invalidf("--replicas", "is missing; give a number from 0")
			}
			return s.changeJobs(command.Context(), args, "scaled", setReplicas(group, replicas))
		},
	}
	command.Flags().IntVar(&replicas, "replicas", -1, "how many there are to be")
	command.Flags().StringVar(&group, "group", "worker", "`group` of replicas that is meant")
	return command
}

// changeJobs changes the manifests of jobs.
func (s *Session) changeJobs(ctx context.Context, args []string, doing string, change func(map[string]any) error) error {
	k, refs, err := parseReferences(args, kind.Jobs())
	if err != nil {
		return err
	}
	if k.Singular != kind.Jobs().Singular {
		return fault.Invalidf("", "%s cannot be %s; jobs can", k.Plural, doing)
	}
	return s.change(ctx, k, refs, doing, func(ctx context.Context, c *client.Client, m proto.Message) error {
		return changeJob(ctx, c, m.(*trainingv1.TrainingJob), change)
	})
}

// changeJob changes the manifest of a job, again and again until nobody interfered.
func changeJob(ctx context.Context, c *client.Client, job *trainingv1.TrainingJob, change func(map[string]any) error) error {
	meta := job.GetMetadata()
	for {
		object := map[string]any{}
		if err := json.Unmarshal([]byte(job.GetManifest()), &object); err != nil {
			return err
		}
		if err := change(object); err != nil {
			return err
		}
		changed, err := json.Marshal(object)
		if err != nil {
			return err
		}
		_, err = c.Jobs.UpdateTrainingJob(ctx, &trainingv1.UpdateTrainingJobRequest{
			Namespace: meta.GetNamespace(), Name: meta.GetName(), Manifest: string(changed), ResourceVersion: job.GetMetadata().GetResourceVersion(),
		})
		if !fault.Is(err, fault.Conflict) {
			return err
		}
		if job, err = c.Jobs.GetTrainingJob(ctx, &trainingv1.GetTrainingJobRequest{
			Namespace: meta.GetNamespace(), Kind: job.GetKind(), Name: meta.GetName(),
		}); err != nil {
			return err
		}
	}
}

func setSuspend(suspend bool) func(map[string]any) error {
	return func(object map[string]any) error {
		spec, _ := object["spec"].(map[string]any)
		if object["kind"] == "TrainJob" { // which has no run policy
			spec["suspend"] = suspend
			return nil
		}
		policy, _ := spec["runPolicy"].(map[string]any)
		if policy == nil {
			policy = map[string]any{}
			spec["runPolicy"] = policy
		}
		policy["suspend"] = suspend
		return nil
	}
}

func setReplicas(group string, replicas int) func(map[string]any) error {
	return func(object map[string]any) error {
		spec, _ := object["spec"].(map[string]any)
		for name, each := range spec {
			groups, ok := each.(map[string]any)
			if !ok || !strings.HasSuffix(name, "ReplicaSpecs") {
				continue
			}
			for name, each := range groups {
				if replica, ok := each.(map[string]any); ok && strings.EqualFold(name, group) {
					replica["replicas"] = replicas
					return nil
				}
			}
		}
		return fault.Invalidf("--group", "the job has no group %q", group)
	}
}

// jobLogs prints what the replicas of a job wrote: the first one, one that is named,
// or all.
func (s *Session) jobLogs(ctx context.Context, c *client.Client, job *trainingv1.TrainingJob, o *logOptions) error {
	if o.follow && o.attempt == 0 {
		return s.followJob(ctx, c, job, o)
	}
	status := job.GetStatus()
	if status.GetAttempt() == 0 {
		return fault.Preconditionf("job %s has not begun", job.GetMetadata().GetName())
	}
	attempt := status.GetAttempt()
	switch {
	case o.before && attempt == 1:
		return fault.Preconditionf("job %s is at its first attempt; there is none before it", job.GetMetadata().GetName())
	case o.before:
		attempt--
	case o.attempt > int(attempt):
		return fault.Invalidf("--attempt", "is %d; job %s has come to attempt %d", o.attempt, job.GetMetadata().GetName(), attempt)
	case o.attempt > 0:
		attempt = int32(o.attempt) // #nosec G115 -- no larger than one that is
	}
	return s.attemptLogs(ctx, c, job, attempt, o)
}

// attemptLogs prints what the replicas of one attempt at a job wrote.
func (s *Session) attemptLogs(ctx context.Context, c *client.Client, job *trainingv1.TrainingJob, attempt int32, o *logOptions) error {
	status := job.GetStatus()
	r := &gpuagentv1.LogsRequest{Namespace: job.GetMetadata().GetNamespace(), Follow: o.follow, TailLines: o.tail, Container: o.container}
	stage := status.GetStage()
	switch {
	case o.all && o.replica != "":
		return fault.Invalidf("--all", "does not go with --replica")
	case o.replica != "":
		group, index, ok := cutLast(o.replica, "-")
		n, err := strconv.ParseInt(index, 10, 32)
		if !ok || err != nil {
			return fault.Invalidf("--replica", "%q is none; give one such as worker-1", o.replica)
		}
		r.Group, r.Index = strings.ToLower(group), int32(n)
	case !o.all:
		r.Group = job.GetSpec().GetGroups()[0].GetName()
	}
	for _, g := range job.GetSpec().GetGroups() {
		if g.GetName() != r.GetGroup() {
			continue
		}
		if stage = g.GetStage(); stage > status.GetStage() {
			return fault.Preconditionf("%s of job %s has not begun: what comes before it still runs; --replica names another", r.GetGroup(), job.GetMetadata().GetName())
		}
	}
	r.Name = workloadName(job, attempt, stage)
	stream, err := c.Workloads.Logs(ctx, r)
	if err != nil {
		return err
	}
	return copyLogs(s, stream, logs.NewPrinter(s.Term, o.all), func(chunk *gpuagentv1.LogChunk) (string, []byte) {
		return fmt.Sprintf("%s-%d", chunk.GetGroup(), chunk.GetIndex()), chunk.GetData()
	})
}

// workloadName is the name of the workload of a stage of an attempt at a job.
func workloadName(job *trainingv1.TrainingJob, attempt, stage int32) string {
	base := fmt.Sprintf("%s-%.8s", job.GetMetadata().GetName(), job.GetMetadata().GetUid())
	if stage > 0 {
		base += fmt.Sprintf("-s%d", stage)
	}
	return fmt.Sprintf("%s-%d", base, attempt)
}

// cutLast cuts a text at the last separator.
func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}
