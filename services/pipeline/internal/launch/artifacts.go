package launch

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// addArtifacts merges what the step wrote about its artifacts into what it was
// told to make.
func (out *Outputs) addArtifacts(req Request, c ir.Component, written executorOutput) error {
	expected := req.outputArtifacts(c)
	for _, name := range slices.Sorted(maps.Keys(expected)) {
		base := expected[name]
		said := written.Artifacts[name].Artifacts
		if len(said) == 0 {
			out.add(name, base)
			continue
		}
		for _, s := range said {
			a := base
			local := req.Layout.LocalPath(base.URI)
			if s.URI != "" {
				local = s.URI
			}
			if custom := s.CustomPath + s.CustomPathCamel; custom != "" {
				local = custom
			}
			uri, err := req.place(name, local)
			if err != nil {
				return err
			}
			a.URI, a.Metadata = uri, merge(base.Metadata, s.Metadata)
			if s.Name != "" {
				a.Name = s.Name
			}
			out.add(name, a)
		}
	}
	return nil
}

func (out *Outputs) add(name string, a ir.Artifact) {
	out.Values.Artifacts[name] = append(out.Values.Artifacts[name], a)
}

// place is where an artifact that the step put at a path, or that it says is at
// a URI, is kept. A local path has to lie in the task's own directory, in the
// workspace or in an input that is passed on: elsewhere it would not outlive
// the step, or is not the step's to give.
func (req Request) place(name, local string) (string, error) {
	if strings.Contains(local, "://") {
		return local, nil
	}
	clean := path.Clean(local)
	switch {
	case !path.IsAbs(clean):
	case within(clean, req.Layout.TaskDir):
		return req.Layout.keep(clean), nil
	default:
		if uri, ok := req.passedOn(clean); ok {
			return uri, nil
		}
		if req.Run.Workspace != "" && within(clean, req.Run.Workspace) {
			return clean, nil
		}
	}
	return "", fault.New(fault.Invalid, "task %q put its output artifact %q at %.200q; it has to be in the task's own directory %s",
		req.Task.Name, name, local, req.Layout.TaskDir)
}

// passedOn is the URI of the input artifact that a path is, or lies in.
func (req Request) passedOn(local string) (string, bool) {
	for _, artifacts := range req.Inputs.Artifacts {
		for _, a := range artifacts {
			if input := req.LocalPath(a); within(local, input) {
				return a.URI + strings.TrimPrefix(local, input), true
			}
		}
	}
	return "", false
}

// merge returns the entries of both maps; those of over win.
func merge[V any](base, over map[string]V) map[string]V {
	merged := maps.Clone(base)
	if merged == nil {
		merged = make(map[string]V, len(over))
	}
	maps.Copy(merged, over)
	return merged
}
