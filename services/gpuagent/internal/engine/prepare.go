package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/supervise"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/environ"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/expand"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/image"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/pyenv"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/staging"
)

// prepare makes everything ready that the command needs and returns what the
// supervisor is to run. It ends early when the life is to stop.
func (r *replica) prepare(agent context.Context) (*supervise.Spec, *result) {
	ctx, cancel := context.WithCancel(agent)
	defer cancel()
	defer context.AfterFunc(r.life.stopping, cancel)()

	spec, failed := r.prepareIn(ctx)
	if failed != nil && r.life.stopping.Err() != nil {
		stopped := stopResult(context.Cause(r.life.stopping), r.life.spec)
		return nil, &stopped
	}
	return spec, failed
}

func (r *replica) prepareIn(ctx context.Context) (*supervise.Spec, *result) {
	if err := r.makeDirs(); err != nil {
		return nil, failed(reasonStart, err)
	}
	if err := r.stage(ctx); err != nil {
		return nil, failed(reasonStaging, err)
	}
	entry := r.lookupImage()
	args, err := r.commandLine(entry)
	if err != nil {
		return nil, failed(reasonStart, err)
	}
	env, err := r.environment(entry)
	if err != nil {
		return nil, failed(reasonStart, err)
	}
	env, err = r.pythonEnvironment(ctx, entry, args, env)
	if install, ok := errors.AsType[*pyenv.InstallError](err); ok {
		return nil, r.installFailed(install)
	}
	if err != nil {
		return nil, failed(reasonInstall, err)
	}
	grace := defaultGrace
	if r.life.spec.GetGracePeriod() != nil {
		grace = r.life.spec.GetGracePeriod().AsDuration()
	}
	return &supervise.Spec{
		Args: args, Env: env, WorkDir: r.workDirOf(entry), Log: logPath(r.dir),
		Deadline: r.life.deadline(), Grace: grace,
	}, nil
}

func failed(reason string, err error) *result {
	f := failure(reason, "%v", err)
	return &f
}

func (r *replica) makeDirs() error {
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return err
	}
	if err := os.MkdirAll(r.tempDir(), 0o700); err != nil {
		return err
	}
	return os.MkdirAll(r.workDir(), 0o755)
}

func (r *replica) tempDir() string {
	return filepath.Join(tempDir(r.life.uid), strconv.Itoa(r.position))
}

// stage brings the files, once for all attempts: what a replica did to them is
// not undone when it starts again.
func (r *replica) stage(ctx context.Context) error {
	stage, marker := r.template.GetStaging(), filepath.Join(r.dir, "staged")
	if len(stage.GetDownloads())+len(stage.GetFiles()) == 0 { // directories are as well made again
		return staging.Before(ctx, stage, r.workDir(), r.life.engine.Objects)
	}
	if _, err := os.Stat(marker); err == nil {
		return nil
	}
	if len(stage.GetDownloads()) > 0 {
		defer r.progress(ctx, fmt.Sprintf("fetching %d files", len(stage.GetDownloads())))()
	}
	if err := staging.Before(ctx, stage, r.workDir(), r.life.engine.Objects); err != nil {
		return err
	}
	return os.WriteFile(marker, nil, 0o644)
}

// lookupImage returns what stands in for the image, and warns where that is
// nothing but the host.
func (r *replica) lookupImage() image.Entry {
	name := r.template.GetImage()
	entry, known := r.life.engine.Images.Lookup(name)
	if !known && name != "" {
		r.life.warn(fmt.Sprintf("image %s is not in the image map, so its command runs on the host as it is", name))
	}
	if need := r.template.GetResources(); need.GetCpuLimitMilli() > 0 || need.GetMemoryLimitBytes() > 0 {
		r.life.warn("CPU and memory limits are not enforced for processes of the host")
	}
	return entry
}

// workDir is the working directory that relative paths of staging mean.
func (r *replica) workDir() string {
	entry, _ := r.life.engine.Images.Lookup(r.template.GetImage())
	return r.workDirOf(entry)
}

func (r *replica) workDirOf(entry image.Entry) string {
	own := filepath.Join(r.dir, "work")
	switch dir := r.template.GetWorkingDir(); {
	case filepath.IsAbs(dir):
		return filepath.Clean(dir)
	case dir != "":
		return filepath.Join(own, dir)
	case entry.WorkingDir != "":
		return entry.WorkingDir
	default:
		return own
	}
}

// scope is what references in the template may refer to.
func (r *replica) scope() expand.Scope {
	return scopeOf(r.life.snapshot(), r.position, r.workDir())
}

func scopeOf(w *gpuagentv1.Workload, position int, workDir string) expand.Scope {
	scope := expand.Scope{WorkDir: workDir, Replicas: map[string][]expand.Address{}}
	for i, other := range w.GetStatus().GetReplicas() {
		if i == position {
			scope.Index = int(other.GetIndex())
		}
		scope.Replicas[other.GetGroup()] = append(scope.Replicas[other.GetGroup()],
			expand.Address{Host: other.GetHost(), Ports: other.GetPorts()})
	}
	return scope
}

func (r *replica) commandLine(entry image.Entry) ([]string, error) {
	command := r.template.GetCommand()
	if len(command) == 0 {
		command = entry.Entrypoint
	}
	args, err := expand.Strings(append(append([]string{}, command...), r.template.GetArgs()...), r.scope())
	if err == nil && len(args) == 0 {
		err = fault.Preconditionf("there is no command, and the entry point of image %q is not known on a host", r.template.GetImage())
	}
	return args, err
}

// environment is everything but what Python needs.
func (r *replica) environment(entry image.Entry) ([]string, error) {
	e, w := r.life.engine, r.life.snapshot()
	env := append([]string{}, e.Env...)
	for name, value := range entry.Env {
		env = append(env, name+"="+value)
	}
	env = environ.Default(env, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	env = environ.Default(env, "HOME", r.workDirOf(entry))
	env = environ.Default(env, "LANG", "C.UTF-8")
	env = environ.Default(env, "PYTHONUNBUFFERED", "1") // so that a log can be followed
	env = append(env,
		"TMPDIR="+r.tempDir(),
		"KFMESH_NAMESPACE="+w.GetMetadata().GetNamespace(),
		"KFMESH_WORKLOAD="+w.GetMetadata().GetName(),
		"KFMESH_REPLICA="+replicaName(r.status),
	)
	if parent := w.GetMetadata().GetAnnotations()[TraceAnnotation]; parent != "" {
		env = append(env, "TRACEPARENT="+parent)
	}
	for name, port := range r.status.GetPorts() {
		env = append(env, fmt.Sprintf("PORT_%s=%d", strings.ToUpper(strings.ReplaceAll(name, "-", "_")), port))
	}
	if e.hasGPUs() { // those that were not given are hidden
		env = append(env, "CUDA_VISIBLE_DEVICES="+joinInts(r.status.GetGpus()))
	}
	scope := r.scope()
	for _, v := range r.template.GetEnv() {
		value, err := expand.String(v.GetValue(), scope)
		if err != nil {
			return nil, fmt.Errorf("env %s: %w", v.GetName(), err)
		}
		env = append(env, v.GetName()+"="+value)
	}
	return env, nil
}

// TraceAnnotation holds the W3C trace context a workload was submitted in.
const TraceAnnotation = "kfmesh.dev/traceparent"

func joinInts(numbers []int32) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(numbers), " ", ","), "[]")
}

// progress shows what goes on, and for how long, until the returned function is called.
func (r *replica) progress(ctx context.Context, what string) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	began := time.Now()
	show := func() {
		message := what
		if spent := time.Since(began).Round(time.Second); spent >= time.Second {
			message = fmt.Sprintf("%s (%d s)", what, int(spent.Seconds()))
		}
		r.life.update(func(s *gpuagentv1.WorkloadStatus) {
			s.GetReplicas()[r.position].Message = message
			tell(s, message)
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			show()
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-done
		r.life.update(func(s *gpuagentv1.WorkloadStatus) {
			s.GetReplicas()[r.position].Message = ""
			tell(s, "")
		})
	}
}

// tell sets the message of a workload, unless it is that of whoever stopped it.
func tell(s *gpuagentv1.WorkloadStatus, message string) {
	if !s.GetStopRequested() {
		s.Message = message
	}
}
