package engine

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/expand"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/mount"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/staging"
)

// objectsName is the directory of a replica's own in which it sees objects, where the
// object store is no directory of its node.
const objectsName = "objects"

// objects is where a replica sees objects.
func (r *replica) objects() staging.Place {
	if dir, ok := r.life.engine.Objects.Local(); ok {
		return staging.Place{Dir: dir, Base: dir}
	}
	return staging.Place{Dir: filepath.Join(r.dir, objectsName), Base: r.life.engine.Objects.Base()}
}

// placed is a template with the paths of objects that the node has.
func (r *replica) placed(t *gpuagentv1.Template) *gpuagentv1.Template {
	if t.GetStaging() == nil {
		return t
	}
	t = proto.CloneOf(t)
	t.Staging = r.objects().Resolve(t.GetStaging())
	return t
}

// named has what a replica left called as its workload calls it.
func (r *replica) named(missing []string, files []*gpuagentv1.ReturnedFile) ([]string, []*gpuagentv1.ReturnedFile) {
	names := r.objects().Names(template(r.workload, r.position).GetStaging())
	for i, path := range missing {
		missing[i] = names[path]
	}
	for _, f := range files {
		f.Path = names[f.GetPath()]
	}
	return missing, files
}

// reach moves objects. Those of a node that has joined are the head's, and wait for a
// head that cannot be reached for as long as the replica is wanted.
func (r *replica) reach(ctx context.Context, move func() error) error {
	if !r.life.engine.Joined {
		return move()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.life.stopping, cancel)()
	return outlast(ctx, move)
}

// makeObjectsDir makes the directory in which a replica sees objects, if it has one of
// its own and is told of it.
func (r *replica) makeObjectsDir() error {
	if !r.ownObjects() {
		return nil
	}
	return os.MkdirAll(r.objects().Dir, 0o755)
}

func (r *replica) ownObjects() bool {
	_, local := r.life.engine.Objects.Local()
	return !local && refersTo(template(r.workload, r.position), expand.Objects)
}

// refersTo reports whether a template has a reference in it.
func refersTo(t *gpuagentv1.Template, reference string) bool {
	text, err := proto.Marshal(t)
	return err == nil && strings.Contains(string(text), reference)
}

// objectsMount shows that directory to a container at the path that it has on the node.
func (r *replica) objectsMount() []mount.Mount {
	if !r.ownObjects() || r.runtime.Name() != runtime.Container {
		return nil
	}
	return []mount.Mount{{Source: r.objects().Dir, Target: r.objects().Dir}}
}
