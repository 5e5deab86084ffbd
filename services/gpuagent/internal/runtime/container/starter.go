package container

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	enginemount "github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/kfmesh/kfmesh/services/gpuagent/internal/pyenv"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// Reasons of this runtime.
const (
	reasonEngine = "ContainerEngineUnavailable"
	reasonPull   = "ImagePullFailed"
	reasonConfig = "CreateContainerConfigError" // as Kubernetes calls it
	reasonLost   = "ContainerLost"
)

// attemptLabel tells which attempt a container is, and containerLabel which companion.
const (
	attemptLabel   = "kfmesh.dev/attempt"
	containerLabel = "kfmesh.dev/container"
)

// starter starts the attempts of one replica.
type starter struct {
	runtime *Runtime
	at      runtime.Place
	order   runtime.Order
	engine  *engine
	main    member   // filled in by Prepare
	others  []member // filled in by Prepare
}

// Prepare waits for the engine, brings the images, and says what is to be run.
func (s *starter) Prepare(ctx context.Context, o runtime.Order) error {
	s.order = o
	if o.Template.GetImage() == "" {
		return &runtime.Failure{Reason: runtime.ReasonStart, Err: errors.New("it has no image, which a container needs")}
	}
	var err error
	if s.engine, err = s.runtime.await(ctx, o.Tell); err != nil {
		return &runtime.Failure{Reason: reasonEngine, Err: err}
	}
	if s.main, err = s.member(ctx, o); err != nil {
		return err
	}
	s.warn()
	return s.surround(ctx)
}

// member makes ready a container by an order of its own.
func (s *starter) member(ctx context.Context, o runtime.Order) (member, error) {
	m := member{order: o}
	var err error
	if m.image, err = s.bring(ctx, o); err != nil {
		return m, &runtime.Failure{Reason: reasonPull, Err: err}
	}
	me := self(s.engine)
	user, err := me.user(o.Template, s.runtime.User, m.image.user)
	if err != nil {
		return m, err
	}
	if me.stranger(cmp.Or(user, m.image.user)) {
		if err := open(o); err != nil {
			return m, err
		}
	}
	if m.spec, err = specOf(o, m.image, user, s.runtime.Options); err != nil {
		return m, err
	}
	return m, s.named(&m.spec)
}

// named gives a container on its host's network a file of names of its own. The engine would
// put them behind those of the host, among which may be another address of the same name.
func (s *starter) named(spec *client.ContainerCreateOptions) error {
	host := *spec.HostConfig
	own := slices.ContainsFunc(host.Mounts, func(m enginemount.Mount) bool { return m.Target == runtime.HostsFile })
	if len(s.order.Hosts) == 0 || own || !host.NetworkMode.IsHost() {
		return nil
	}
	file, err := runtime.WriteHosts(s.at.Dir, s.order.Hosts)
	if err != nil {
		return err
	}
	host.ExtraHosts = nil
	host.Mounts = append(slices.Clone(host.Mounts), enginemount.Mount{
		Type: enginemount.TypeBind, Source: file, Target: runtime.HostsFile, ReadOnly: true,
	})
	spec.HostConfig = &host
	return nil
}

// warn tells what will surprise.
func (s *starter) warn() {
	installs := pyenv.Parse(append(append([]string{}, s.order.Command...), s.order.Args...))
	if len(installs) == 0 {
		return
	}
	sentence := "the command installs Python packages in its container each time it starts, for which it needs a network; an image that has them starts at once"
	if s.runtime.Network == "none" {
		sentence = "the command installs Python packages, and its container has no network (container-network is none): use an image that has them"
	}
	s.order.Tell.Warn(sentence)
}

// Start makes the container and starts it. Those of a pod it makes, and whoever waits for the
// end starts them.
func (s *starter) Start(ctx context.Context, n int) (runtime.Attempt, error) {
	a := newAttempt(s.runtime, journalPath(s.at, n))
	a.fresh = true
	c := claim{
		Host: s.engine.host, Name: strings.Join([]string{"kfmesh", s.at.Workload, s.at.Replica, strconv.Itoa(n)}, "-"),
		Log: s.order.Log, LogOffset: size(s.order.Log), Grace: s.order.Grace, Deadline: s.order.Deadline,
	}
	c.Pod = s.podClaim(c.Name)
	if err := begin(a.journal, c); err != nil {
		return nil, err
	}
	if err := s.createOthers(ctx, a.journal, c, n); err != nil {
		return nil, err
	}
	ran, err := s.create(ctx, s.main, a.journal, c.Name, n)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if err := note(a.journal, record{Started: &now}); err != nil {
		return nil, err
	}
	if !ran && c.Pod == nil {
		a.refused = s.engine.start(ctx, c.Name)
	}
	return a, nil
}

// create makes a container. One of that name that was never started, as the
// journal has it, is made anew. It reports whether there is one that has run all the same,
// which is so when the disk has lost the journal with a power cut.
func (s *starter) create(ctx context.Context, m member, journal, name string, n int) (ran bool, err error) {
	spec := m.spec
	if err := s.tethered(&spec, m, endPath(journal, m.name)); err != nil {
		return false, err
	}
	spec.Name = name
	config := *spec.Config
	config.Labels = maps.Clone(config.Labels)
	if config.Labels == nil {
		config.Labels = map[string]string{}
	}
	config.Labels[attemptLabel] = strconv.Itoa(n)
	if m.name != "" {
		config.Labels[containerLabel] = m.name
	}
	spec.Config = &config
	for {
		made, err := s.engine.ContainerCreate(ctx, spec)
		for _, warning := range made.Warnings {
			s.order.Tell.Warn("container engine: " + strings.TrimPrefix(warning, "WARNING: "))
		}
		if err == nil {
			return false, nil
		}
		found, lookErr := s.engine.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
		switch { // not by the error: engines do not agree on that of a name that is taken
		case cerrdefs.IsNotFound(lookErr) && cerrdefs.IsConflict(err): // gone meanwhile
			continue
		case lookErr != nil:
			return false, fmt.Errorf("make container %s: %w", name, err)
		case !neverStarted(found.Container.State):
			return true, nil
		}
		if err := s.engine.remove(ctx, name); err != nil {
			return false, err
		}
	}
}

// Close implements runtime.Starter.
func (*starter) Close() {}

// start asks for a start. It returns an error only if the engine refused:
// an answer that was lost is found out about by whoever waits for the end.
func (e *engine) start(ctx context.Context, name string) error {
	_, err := e.ContainerStart(ctx, name, client.ContainerStartOptions{})
	if !refusal(err) {
		return nil
	}
	return err
}

// open lets any user write where the container is to write, as in a pod.
func open(o runtime.Order) error {
	dirs := []string{o.WorkDir, o.TempDir}
	for _, dir := range o.Template.GetStaging().GetDirectories() {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(o.WorkDir, dir)
		}
		dirs = append(dirs, dir)
	}
	for _, dir := range dirs {
		if err := os.Chmod(dir, 0o777); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
