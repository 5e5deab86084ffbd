package engine

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rsh"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// What follows is what only the head has, and hands over for what it has ordered a
// node to run: values of secrets, and the keys of runs. A node asks when it starts a
// replica, keeps nothing of it beyond what the replica is given, and asks anew the
// next time.

// revealSecret returns the values of a secret that the replica refers to.
func (r *replica) revealSecret(ctx context.Context, namespace, name string) (map[string][]byte, error) {
	e := r.life.engine
	if !e.Joined {
		return e.Secrets.Reveal(ctx, namespace, name)
	}
	answer, err := e.Head.RevealSecret(ctx, &doorv1.RevealSecretRequest{Run: r.life.run, Name: name})
	return answer.GetData(), err
}

// RevealTo returns the values of a secret to a node that runs replicas of a run which
// refer to it.
func (e *Engine) RevealTo(ctx context.Context, node, run, name string) (map[string][]byte, error) {
	w, err := e.runOn(node, run)
	if err != nil {
		return nil, err
	}
	refers := func(i int, r *gpuagentv1.ReplicaStatus) bool {
		return r.GetNode() == node && !state.Ended(r.GetPhase()) && refersToSecret(template(w, i), name)
	}
	found := false
	for i, r := range w.GetStatus().GetReplicas() {
		found = found || refers(i, r)
	}
	if !found {
		return nil, fault.New(fault.Denied, "no replica of run %s on node %s refers to secret %q", run, node, name).WithReason("SECRET_DENIED")
	}
	values, err := e.Secrets.Reveal(ctx, w.GetMetadata().GetNamespace(), name)
	if err == nil {
		e.Log.InfoContext(ctx, "a secret was handed to a node", slog.String("node", node),
			slog.String("workload", state.KeyOf(w.GetMetadata())), slog.String("secret", name))
	}
	return values, err
}

// runOn is the workload of a run that is ordered to a node.
func (e *Engine) runOn(node, run string) (*gpuagentv1.Workload, error) {
	if err := e.Ready(); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.lives {
		if l.run != run || !l.isPlaced() {
			continue
		}
		w := l.snapshot()
		if slices.Contains(e.nodesOf(w), node) {
			return w, nil
		}
	}
	return nil, fault.New(fault.Denied, "node %s is not ordered to run %s", node, run).WithReason("RUN_NOT_ORDERED")
}

// refersToSecret reports whether a template refers to a secret of a name, by itself or by
// a container beside its own.
func refersToSecret(t *gpuagentv1.Template, name string) bool {
	takes := func(c *gpuagentv1.Companion) bool { return takesSecret(c.GetEnv(), c.GetEnvFrom(), name) }
	return slices.ContainsFunc(t.GetVolumes(), func(v *gpuagentv1.Volume) bool { return v.GetSecret().GetName() == name }) ||
		slices.Contains(t.GetImagePullSecrets(), name) || takesSecret(t.GetEnv(), t.GetEnvFrom(), name) ||
		slices.ContainsFunc(t.GetInitContainers(), takes) || slices.ContainsFunc(t.GetCompanions(), takes)
}

func takesSecret(env []*gpuagentv1.EnvVar, from []*gpuagentv1.EnvFrom, name string) bool {
	return slices.ContainsFunc(env, func(v *gpuagentv1.EnvVar) bool { return v.GetValueFrom().GetSecret().GetName() == name }) ||
		slices.ContainsFunc(from, func(f *gpuagentv1.EnvFrom) bool { return f.GetSecret() == name })
}

// runKey is the key by which the replicas of the run know one another.
func (r *replica) runKey(ctx context.Context) (key []byte, err error) {
	e := r.life.engine
	if !e.Joined {
		return e.keyOf(r.life.run)
	}
	err = outlast(ctx, func() error {
		answer, err := e.Head.GetRunKey(ctx, &doorv1.GetRunKeyRequest{Run: r.life.run})
		key = answer.GetKey()
		return err
	})
	return key, err
}

// kin is what the replica needs so that the others of its gang, on other nodes, have commands
// run in it: the program for it, and the run's key. It is empty where there are no such others.
func (r *replica) kin(ctx context.Context) (program string, env []string, err error) {
	program = r.life.engine.RSH
	if !r.life.spec.GetOneNode() || program == "" || !r.apart() {
		return "", nil, nil
	}
	key, err := r.runKey(ctx)
	if err != nil {
		return "", nil, err
	}
	return program, []string{rsh.KeyName + "=" + hex.EncodeToString(key)}, nil
}

// apart reports whether the replicas of the run are on more than one node.
func (r *replica) apart() bool {
	all := r.workload.GetStatus().GetReplicas()
	return slices.ContainsFunc(all, func(other *gpuagentv1.ReplicaStatus) bool { return other.GetNode() != all[0].GetNode() })
}

// RunKeyFor returns the key of a run to a node that is ordered to run it.
func (e *Engine) RunKeyFor(node, run string) ([]byte, error) {
	if _, err := e.runOn(node, run); err != nil {
		return nil, err
	}
	return e.keyOf(run)
}

// keyOf derives the key of a run from that of the head, which is made when it is first
// needed.
func (e *Engine) keyOf(run string) ([]byte, error) {
	own, err := ownKey(filepath.Join(e.DataDir, "runs.key"))
	if err != nil {
		return nil, fault.Internalf(err, "the key of runs cannot be read")
	}
	sum := hmac.New(sha256.New, own)
	sum.Write([]byte(run))
	return sum.Sum(nil), nil
}

// ownKey reads 32 random bytes from a file, which are made when there are none.
func ownKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if err == nil && len(key) == sha256.Size {
		return key, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	fresh := make([]byte, sha256.Size)
	rand.Read(fresh) // never fails
	next, err := os.CreateTemp(filepath.Dir(path), ".runs-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(next.Name()) }()
	_, err = next.Write(fresh)
	if err = errors.Join(err, next.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(next.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) { // somebody was faster
		return nil, err
	}
	return os.ReadFile(path)
}
