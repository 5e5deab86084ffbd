// Package container runs replicas as containers, through the API of a Docker engine
// or of what speaks as one, such as Podman.
//
// A container's name is derived from workload, replica and attempt, so what was made is
// found again by whoever comes later. It is kept until its workload is deleted: how
// it ended can be read for as long.
//
// In a replica's directory:
//
//	container.<n>       the journal of attempt n
//	container.<n>.end   why its tether ended it, where it did; .end.<name> of another of its pod
//	container.<n>.verdict  why its pod failed, where that was not its command's own exit status
//	log.<name>          what a sidecar or another container beside it wrote
//
// A journal tells what is about to be done, each line before it is: that the
// container is made, and where; that it is started; that it is stopped. An attempt
// without the second line was never started, and is made again. One with it is
// started again only if the engine says, for longer than a request can be on its
// way, that it has not been.
//
// Directories that step and node share are at the same path on both sides, so
// that paths mean the same: the replica's working and temporary directories, what
// the configuration names, and what staging makes and names.
//
// A pod is several containers, which are all made before the first is started: so
// the engine has what the journal is not to know, environments with secrets in them. Package pod
// leads their life, over a host that asks the engine how far it has come; so
// another agent goes on with it where it was.
//
// A container with a lease or a deadline is on a tether (package tether): process 1 in it is
// a program of kfmesh's, which ends it when they end, without agent or engine.
//
// The engine keeps what a container writes; the agent copies it to the log. An
// agent that comes later goes on where the log ends.
package container

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/mount"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// Options are what the runtime works with.
type Options struct {
	// Host is the engine's address, such as "unix:///run/docker.sock". Empty
	// means DOCKER_HOST, or else the first well-known socket that answers.
	Host string
	// Network is what containers are connected to: "host", "bridge", "none" or the
	// name of a network of the engine.
	Network string
	// User is who containers run as that do not say: UserImage, UserAgent or
	// uid[:gid]. Empty means UserAgent where files of another user could not be
	// removed, and otherwise UserImage.
	User string
	// Mounts are in every container.
	Mounts []mount.Mount
	// Registries is the path of a Docker config.json that says who to pull
	// images as. It need not exist.
	Registries string
	// Supervisor is the supervisor's program and its leading arguments, by which containers are
	// tied to leases and deadlines; empty where they are not to be.
	Supervisor []string
	// Env is the agent's environment, for DOCKER_HOST and the like.
	Env []string
	Log *slog.Logger
}

// Runtime runs containers.
type Runtime struct {
	Options
	engines engines
	pulls   pulls

	mu      sync.Mutex
	current *engine // guarded by mu; the one that new containers are made with; nil when none answers
}

var _ runtime.Runtime = (*Runtime)(nil)

// New returns the runtime. It connects when it is first checked.
func New(o Options) *Runtime { return &Runtime{Options: o} }

// Name implements runtime.Runtime.
func (*Runtime) Name() string { return runtime.Container }

// How long an engine may take to answer at all, and to say what it is.
const (
	pingTimeout  = 3 * time.Second
	checkTimeout = 20 * time.Second
)

// Check looks for an engine that answers and returns its name and version.
func (r *Runtime) Check(ctx context.Context) (string, error) {
	found, err := r.engines.find(ctx, hosts(r.Host, r.Env))
	r.mu.Lock()
	r.current = found
	r.mu.Unlock()
	if err != nil {
		return "", err
	}
	return found.facts.Load().version, nil
}

// Suits reports whether there is an image, and an engine to run it.
func (r *Runtime) Suits(image string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return image != "" && r.current != nil
}

// WorkDir implements runtime.Runtime. An absolute working directory is a path of the
// image, so what is staged goes to the replica's own.
func (*Runtime) WorkDir(t *gpuagentv1.Template, own string) string {
	if dir := t.GetWorkingDir(); dir != "" && !filepath.IsAbs(dir) {
		return filepath.Join(own, dir)
	}
	return own
}

// Open implements runtime.Runtime.
func (r *Runtime) Open(at runtime.Place) runtime.Starter { return &starter{runtime: r, at: at} }

// Adopt implements runtime.Runtime.
func (r *Runtime) Adopt(at runtime.Place, n int) runtime.Attempt {
	return newAttempt(r, journalPath(at, n))
}

// Forget removes the containers of a place.
func (r *Runtime) Forget(ctx context.Context, at runtime.Place) error {
	numbers, err := journals(at)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if err := r.remove(ctx, journalPath(at, n)); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runtime) remove(ctx context.Context, journal string) error {
	rec, err := readJournal(journal)
	if err != nil || rec.Claim == nil {
		return err
	}
	e, err := r.engines.at(rec.Claim.Host)
	if err != nil {
		return err
	}
	for _, name := range rec.Claim.containers() {
		if err := e.remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// Close implements runtime.Runtime.
func (r *Runtime) Close() {
	r.pulls.wait.Wait()
	r.engines.close()
}
