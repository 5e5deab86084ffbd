package container

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/mount"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// mountsOf are the mounts of a container: what the node shares with it at the
// same path, and what the order asks for.
func mountsOf(o runtime.Order, always []mount.Mount) ([]mount.Mount, error) {
	shared := slices.Concat(always, []mount.Mount{same(o.WorkDir), same(o.TempDir)})
	stage := o.Template.GetStaging()
	for _, dir := range stage.GetDirectories() {
		if filepath.IsAbs(dir) {
			shared = append(shared, same(dir))
		}
	}
	for _, t := range stage.GetDownloads() {
		if filepath.IsAbs(t.GetPath()) {
			shared = append(shared, same(t.GetPath()))
		}
	}
	for _, f := range stage.GetFiles() {
		if filepath.IsAbs(f.GetPath()) {
			shared = append(shared, same(f.GetPath()))
		}
	}
	for _, path := range stage.GetReads() {
		if _, err := os.Stat(path); err == nil {
			shared = append(shared, same(path))
		}
	}
	mounts := append(needed(shared), o.Mounts...)
	for _, t := range stage.GetUploads() {
		if err := reaches(mounts, t.GetPath(), "staging.uploads"); err != nil {
			return nil, err
		}
	}
	for _, r := range stage.GetReturns() {
		if err := reaches(mounts, r.GetPath(), "staging.returns"); err != nil {
			return nil, err
		}
	}
	return mounts, nil
}

// same is a directory or file that is at one path on both sides.
func same(path string) mount.Mount {
	path = filepath.Clean(path)
	return mount.Mount{Source: path, Target: path}
}

// needed leaves out what another mount brings along.
func needed(mounts []mount.Mount) []mount.Mount {
	slices.SortStableFunc(mounts, func(a, b mount.Mount) int { return cmp.Compare(len(a.Target), len(b.Target)) })
	var kept []mount.Mount
	for _, m := range mounts {
		if !slices.ContainsFunc(kept, func(k mount.Mount) bool { return k.ReadOnly == m.ReadOnly && brings(k, m) }) {
			kept = append(kept, m)
		}
	}
	return kept
}

// brings reports whether inner is seen through outer already.
func brings(outer, inner mount.Mount) bool {
	rest, inside := below(inner.Target, outer.Target)
	return inside && inner.Source == filepath.Join(outer.Source, rest)
}

func below(path, dir string) (rest string, inside bool) {
	rest, inside = strings.CutPrefix(path, strings.TrimSuffix(dir, "/"))
	return rest, inside && (rest == "" || rest[0] == '/')
}

// reaches returns an error unless what a container writes at an absolute path comes back
// to the node at the same path.
func reaches(mounts []mount.Mount, path, field string) error {
	if !filepath.IsAbs(path) {
		return nil
	}
	for _, m := range mounts {
		if rest, inside := below(filepath.Clean(path), m.Target); inside && filepath.Join(m.Source, rest) == filepath.Clean(path) {
			return nil
		}
	}
	return fault.Preconditionf("%s: %s is in no directory that the container shares with its node: "+
		"name its directory in staging.directories, or a path relative to the working directory", field, path)
}
