package trainjob

import (
	"fmt"
	"slices"
	"strconv"

	"google.golang.org/protobuf/types/known/durationpb"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/training/internal/decode"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
	"github.com/kfmesh/kfmesh/services/training/internal/pod"
)

// defaultBackoff is how often Kubernetes starts a job's pods again.
const defaultBackoff = 6

// builder makes a job of a TrainJob and its runtime.
type builder struct {
	spec     *spec
	problems *field.Problems
	job      *kind.Job
	runtime  *runtimeSpec
	stages   map[string]int32 // of replicated jobs, by name
	fixed    []string         // the command of the runtime's own trainer
}

// build makes the job. The manifest is that of the TrainJob.
func (b *builder) build(runtime string, manifest map[string]any) error {
	object, err := kind.Object([]byte(runtime))
	if err != nil {
		return fault.Internalf(err, "a runtime that was stored cannot be read")
	}
	plain := &runtimeSpec{}
	decode.Into(object["spec"], plain, "runtime.spec", &field.Problems{}) // it was checked when it was stored
	plain.adopt(&field.Problems{})
	if trains := plain.trains(); trains != nil && trains.has(nodeContainer) {
		c := trains.Template.Spec.Template.Spec.Containers[trains.Template.Spec.Template.Spec.Main(nodeContainer)]
		b.fixed = slices.Concat(c.Command, c.Args)
	}
	patches := b.spec.patches(manifest)
	checkPatches(b.spec, patches, plain, b.problems)
	b.checkInitializers(plain)
	plain.MLPolicy.checkTrainer(b.spec.Trainer, b.problems)
	plain.checkInjection(b.spec.RuntimeRef.Name, b.problems)
	if err := b.problems.Err(); err != nil {
		return err
	}
	laid := map[string]any{"replicatedJobs": b.laid(object, plain, patches, manifest)}
	spec, _ := object["spec"].(map[string]any)
	b.runtime = &runtimeSpec{}
	decode.Into(overlay(spec, map[string]any{"template": map[string]any{"spec": laid}}), b.runtime, "runtime.spec", b.problems)
	if err := b.problems.Err(); err != nil {
		return err
	}
	b.runtime.adopt(b.problems)
	b.runtime.Template.Spec.checkClaims("runtime.spec.template.spec", b.problems)
	b.runtime.Template.Spec.checkShared("runtime.spec.template.spec", b.problems)
	b.job.Claims = b.runtime.Template.Spec.claims()
	b.checkClaimNames()
	b.replicas()
	b.policies()
	b.job.Schedule(b.problems)
	b.checkTune()
	for i := range b.job.Replicas {
		r := &b.job.Replicas[i]
		pod.Build(r.Template, r.ContainerName(b.job.Kind), r.Path+".template", pod.Names{Claims: b.job.ClaimNames()}, b.problems)
	}
	return b.problems.Err()
}

// checkInitializers requires that the runtime has what the job's initializers configure.
func (b *builder) checkInitializers(r *runtimeSpec) {
	i := b.spec.Initializer
	if i == nil {
		return
	}
	for _, one := range []struct {
		step, config string
		of           *initializer
	}{{datasetInitializer, "datasetConfig", i.Dataset}, {modelInitializer, "modelConfig", i.Model}} {
		if one.of == nil {
			continue
		}
		at := slices.IndexFunc(r.Template.Spec.ReplicatedJobs, func(j replicatedJob) bool { return j.step() == one.step })
		switch {
		case at < 0:
			b.problems.Invalid("spec.runtimeRef", b.spec.RuntimeRef.Name,
				fmt.Sprintf("must have %s job when trainJob is configured with input %s", one.step, one.config))
		case !r.Template.Spec.ReplicatedJobs[at].has(one.step):
			b.problems.Invalid("spec.runtimeRef", b.spec.RuntimeRef.Name, fmt.Sprintf("must have container with name - %s in the %s job", one.step, one.step))
		case !r.Template.Spec.ReplicatedJobs[at].fetches(one.step):
			b.problems.Invalid("spec.runtimeRef", b.spec.RuntimeRef.Name,
				fmt.Sprintf("must have volumeMount with name - %s in container %s of the %s job", initializerVolume, one.step, one.step))
		}
	}
}

// laid are the runtime's replicated jobs with what the job says laid over them.
func (b *builder) laid(runtime map[string]any, plain *runtimeSpec, patches []patch, manifest map[string]any) []any {
	jobs := dig(runtime, "spec", "template", "spec")["replicatedJobs"]
	var out []any
	for i := range plain.Template.Spec.ReplicatedJobs {
		r := &plain.Template.Spec.ReplicatedJobs[i]
		raw := element(jobs, i)
		template := dig(raw, "template", "spec", "template")
		if r.has(r.main()) { // otherwise the job is nothing to a TrainJob
			template = overlay(template, map[string]any{"spec": map[string]any{"containers": []any{b.container(r, plain, manifest)}}})
		}
		for _, one := range patches {
			if one.job == "" || one.job == r.Name {
				template = overlay(template, one.tree)
			}
		}
		out = append(out, overlay(raw, map[string]any{"template": map[string]any{"spec": map[string]any{"template": template}}}))
	}
	return out
}

// container is what the job says of the container that counts of a replicated job.
func (b *builder) container(r *replicatedJob, plain *runtimeSpec, manifest map[string]any) map[string]any {
	out := map[string]any{"name": r.main()}
	take := func(from map[string]any, names ...string) {
		for _, name := range names {
			if from[name] != nil {
				out[name] = from[name]
			}
		}
	}
	trainer := dig(manifest, "spec", "trainer")
	switch step := r.step(); {
	case step == stepTrainer:
		take(trainer, "image", "command", "args", "env")
		if trainer["command"] != nil && trainer["args"] == nil {
			out["args"] = []any{} // those of the runtime go with its command
		}
		takeResources(trainer, out)
	case plain.MLPolicy.rendezvous() == kind.MPI && r.Name == nodeContainer:
		take(trainer, "image", "env")
		takeResources(trainer, out)
	case step == datasetInitializer || step == modelInitializer:
		name := map[string]string{datasetInitializer: "dataset", modelInitializer: "model"}[step]
		from := dig(manifest, "spec", "initializer", name)
		take(from, "env")
		if from["secretRef"] != nil {
			out["envFrom"] = []any{map[string]any{"secretRef": from["secretRef"]}}
		}
		if uri := from["storageUri"]; uri != nil {
			env, _ := out["env"].([]any)
			out["env"] = append(slices.Clip(env), map[string]any{"name": "STORAGE_URI", "value": uri})
		}
	}
	return out
}

// takeResources takes what a node asks for, of which devices have no effect, as upstream.
func takeResources(trainer, out map[string]any) {
	asked, _ := trainer["resourcesPerNode"].(map[string]any)
	if asked == nil {
		return
	}
	resources := map[string]any{}
	for _, name := range []string{"requests", "limits"} {
		if asked[name] != nil {
			resources[name] = asked[name]
		}
	}
	out["resources"] = resources
}

// replicas makes a group of each replicated job.
func (b *builder) replicas() {
	m := b.runtime.MLPolicy
	b.job.Kind = kind.TrainJob(m.rendezvous())
	b.stages = map[string]int32{}
	jobs := b.runtime.Template.Spec.ReplicatedJobs
	for i := range jobs {
		r := &jobs[i]
		stage := int32(0)
		for _, d := range r.DependsOn {
			at := b.stages[d.Name]
			if d.Status == "Complete" {
				at++
			}
			stage = max(stage, at)
		}
		b.stages[r.Name] = stage
		template := &r.Template.Spec.Template
		template.Metadata.Labels = merged(b.runtime.Template.Metadata.Labels, r.Template.Metadata.Labels, template.Metadata.Labels)
		restart := template.Spec.RestartPolicy
		if restart == "" {
			restart = "OnFailure"
		}
		replica := kind.Replica{
			Type: r.Name, Group: r.Name, Count: b.count(r), Restart: restart, Template: template, Stage: stage, Main: r.main(),
			Path: fmt.Sprintf("runtime.spec.template.spec.replicatedJobs[%d].template.spec", i),
		}
		if b.meets(r) {
			c := replica.Container(b.job.Kind)
			c.Ports = append(c.Ports, b.job.Kind.Port())
			replica.Port = b.job.Kind.Port().ContainerPort
		}
		b.job.Replicas = append(b.job.Replicas, replica)
	}
	lead := b.runtime.leads().Name
	slices.SortStableFunc(b.job.Replicas, func(x, y kind.Replica) int { // the one that trains comes first
		switch {
		case x.Group == lead && y.Group != lead:
			return -1
		case y.Group == lead && x.Group != lead:
			return 1
		}
		return 0
	})
}

// meets reports whether the replicas of a job find one another at the kind's port.
func (b *builder) meets(r *replicatedJob) bool {
	return r.step() == stepTrainer && b.runtime.MLPolicy.rendezvous() != kind.MPI
}

// count is how many replicas there are of a job.
func (b *builder) count(r *replicatedJob) int32 {
	m := b.runtime.MLPolicy
	nodes, asked := b.nodes()
	switch {
	case m.rendezvous() == kind.MPI && r.Name == launcherJob:
		return 1
	case m.rendezvous() == kind.MPI && r.Name == nodeContainer && asked:
		if m.MPI.RunLauncherAsNode { // which is one of them
			return max(nodes-1, 1)
		}
		return nodes
	case r.step() == stepTrainer && asked:
		return nodes
	case r.Template.Spec.Parallelism != nil:
		return *r.Template.Spec.Parallelism
	}
	return 1
}

// nodes is how many nodes job and runtime ask for, the job first, and whether they do.
func (b *builder) nodes() (n int32, asked bool) {
	if t := b.spec.Trainer; t != nil && t.NumNodes != nil {
		return *t.NumNodes, true
	}
	if m := b.runtime.MLPolicy; m != nil && m.NumNodes != nil {
		return *m.NumNodes, true
	}
	return 1, false
}

// policies says when the job ends, and what its nodes are told.
func (b *builder) policies() {
	s := b.runtime.Template.Spec
	trains := b.runtime.leads()
	run := &trainingv1.RunPolicy{
		CleanPodPolicy: trainingv1.CleanPodPolicy_CLEAN_POD_POLICY_RUNNING,
		Suspend:        b.spec.Suspend != nil && *b.spec.Suspend, BackoffLimit: b.backoff(trains),
	}
	if b.spec.Deadline != nil {
		run.ActiveDeadline = &durationpb.Duration{Seconds: *b.spec.Deadline}
	}
	b.job.Run = run
	last := int32(0)
	for _, stage := range b.stages {
		last = max(last, stage)
	}
	ends := trains.Name
	if s.SuccessPolicy != nil && len(s.SuccessPolicy.Jobs) > 0 {
		ends = s.SuccessPolicy.Jobs[0]
	}
	if b.stages[ends] < last { // what comes after the training belongs to the job
		for name, stage := range b.stages {
			if stage == last && (b.stages[ends] < last || name < ends) {
				ends = name
			}
		}
	}
	b.job.Success = &trainingv1.SuccessPolicy{Group: ends, Rule: trainingv1.SuccessRule_SUCCESS_RULE_ALL}
	node := b.job.Group(trains.Name).Container(b.job.Kind)
	b.job.Trainer = kind.TrainerOptions{
		Group: trains.Name, ProcessesPerNode: b.runtime.MLPolicy.processes(b.spec.Trainer, node), Wired: b.spec.Trainer != nil && b.runtime.trains() != nil,
		Workers: b.job.Group(trains.Name).Count * max(node.GPUs(), 1), Injected: b.runtime.MLPolicy.injected(),
	}
	if b.runtime.MLPolicy.rendezvous() == kind.MPI {
		b.mpi()
	}
}

// mpi says who starts processes where.
func (b *builder) mpi() {
	slots, _ := strconv.ParseInt(b.job.Trainer.ProcessesPerNode, 10, 32)
	b.job.MPI = kind.MPIOptions{
		V2: true, Slots: int32(slots), Implementation: openMPI, LauncherIsWorker: b.runtime.MLPolicy.MPI.RunLauncherAsNode,
	}
	if nodes := b.job.Group(nodeContainer); nodes != nil && b.job.Trainer.Group != nodeContainer {
		nodes.Ancillary = true
	}
}

// backoff is how many failures a job stands: those of its pods, each time that all of it
// is started anew.
func (b *builder) backoff(r *replicatedJob) *int32 {
	limit, restarts := int64(defaultBackoff), int64(0)
	if n := r.Template.Spec.BackoffLimit; n != nil {
		limit = int64(*n)
	}
	if f := b.runtime.Template.Spec.FailurePolicy; f != nil && f.MaxRestarts != nil {
		restarts = int64(*f.MaxRestarts)
	}
	const most = 1 << 30
	n := int32(min(limit+restarts*(limit+1), most)) // #nosec G115 -- bounded
	return &n
}

// merged are maps laid over one another.
func merged(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, one := range all {
		for name, value := range one {
			out[name] = value
		}
	}
	return out
}
