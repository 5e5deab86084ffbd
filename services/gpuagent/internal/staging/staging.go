// Package staging moves files into a replica's place before it starts and out of
// it after it has ended.
//
// Relative paths are taken from the replica's working directory. One that leaves
// it is refused; absolute paths are the caller's own business, as artifacts in a
// directory bucket are read and written in place. Every step may be repeated
// after a crash and then does the same again.
//
// Paths that begin with ${objects}/ are those of objects as the replica sees them:
// Place tells where they are on a node.
package staging

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// defaultReturnBytes is the limit of one file that comes back, when none is named.
const defaultReturnBytes = 64 << 10

// Mover copies files and trees from and to the object store.
type Mover interface {
	Download(ctx context.Context, uri, path string) error
	Upload(ctx context.Context, uri, path string) error
}

// Store is a Mover that knows what objects are called outside.
type Store interface {
	Mover
	// URI returns the URI of an object.
	URI(name string) string
}

// Check returns an error unless every path of s stays where it may be.
func Check(s *gpuagentv1.Staging) []fault.Violation {
	var wrong []fault.Violation
	check := func(path, field string, i int, leaf string) {
		if rest, ok := strings.CutPrefix(path, objectsReference); !(ok && filepath.IsLocal(rest)) && !filepath.IsAbs(path) && !filepath.IsLocal(path) {
			wrong = append(wrong, fault.Violation{
				Field:  fmt.Sprintf("%s[%d]%s", field, i, leaf),
				Reason: fmt.Sprintf("%q leaves the working directory: want a path below it, or an absolute one", path),
			})
		}
	}
	for i, t := range s.GetDownloads() {
		check(t.GetPath(), "downloads", i, ".path")
	}
	for i, t := range s.GetUploads() {
		check(t.GetPath(), "uploads", i, ".path")
	}
	for i, r := range s.GetReturns() {
		check(r.GetPath(), "returns", i, ".path")
	}
	for i, f := range s.GetFiles() {
		check(f.GetPath(), "files", i, ".path")
	}
	for i, d := range s.GetDirectories() {
		check(d, "directories", i, "")
	}
	for i, r := range s.GetReads() {
		if !filepath.IsAbs(r) {
			wrong = append(wrong, fault.Violation{Field: fmt.Sprintf("reads[%d]", i), Reason: fmt.Sprintf("%q is not an absolute path", r)})
		}
	}
	return wrong
}

// Before makes directories, fetches, and writes files, in this order. What is
// fetched as a text with references has them filled in by fill.
func Before(ctx context.Context, s *gpuagentv1.Staging, workDir string, m Mover, fill func(string) (string, error)) error {
	for _, dir := range s.GetDirectories() {
		if err := os.MkdirAll(at(workDir, dir), 0o755); err != nil {
			return err
		}
	}
	for _, t := range s.GetDownloads() {
		if err := fetch(ctx, t, at(workDir, t.GetPath()), m, fill); err != nil {
			return fmt.Errorf("fetch %s: %w", t.GetUri(), err)
		}
	}
	for _, f := range s.GetFiles() {
		if err := writeFile(at(workDir, f.GetPath()), f.GetContent(), fs.FileMode(f.GetMode())); err != nil {
			return err
		}
	}
	return nil
}

func fetch(ctx context.Context, t *gpuagentv1.Transfer, target string, m Mover, fill func(string) (string, error)) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	err := m.Download(ctx, t.GetUri(), target)
	if t.GetOptional() && fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil || !t.GetExpand() {
		return err
	}
	content, err := os.ReadFile(target)
	if err != nil {
		return err
	}
	filled, err := fill(string(content))
	if err != nil {
		return err
	}
	return os.WriteFile(target, []byte(filled), 0o644) // #nosec G306 -- as what is fetched is
}

// After stores what the replica made. Paths that do not exist are returned.
func After(ctx context.Context, s *gpuagentv1.Staging, workDir string, m Mover) (missing []string, err error) {
	for _, t := range s.GetUploads() {
		source := at(workDir, t.GetPath())
		if _, err := os.Stat(source); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, t.GetPath())
			continue
		}
		if err := checkLinks(source); err != nil {
			return missing, fmt.Errorf("store %s as %s: %w", t.GetPath(), t.GetUri(), err)
		}
		if err := m.Upload(ctx, t.GetUri(), source); err != nil {
			return missing, fmt.Errorf("store %s as %s: %w", t.GetPath(), t.GetUri(), err)
		}
	}
	return missing, nil
}

// Return reads the small files that are wanted back. Files that do not exist are
// left out. A file over its limit, or over what is left of the room for all, comes
// without its content; it is stored where the caller wants what is too large, unless
// there is no such place or objects is nil.
func Return(ctx context.Context, s *gpuagentv1.Staging, workDir string, room int64, objects Store) ([]*gpuagentv1.ReturnedFile, error) {
	var files []*gpuagentv1.ReturnedFile
	for _, r := range s.GetReturns() {
		limit := r.GetMaxBytes()
		if limit == 0 {
			limit = defaultReturnBytes
		}
		file, ok := readBack(at(workDir, r.GetPath()), min(limit, room))
		if !ok {
			continue
		}
		file.Path = r.GetPath()
		room -= int64(len(file.GetContent()))
		files = append(files, file)
		if !file.GetTooLarge() || !overflows(r, file.GetSizeBytes()) || objects == nil {
			continue
		}
		if err := overflow(ctx, r, at(workDir, r.GetPath()), objects); err != nil {
			return files, err
		}
		file.StoredObject = r.GetOverflowObject()
	}
	return files, nil
}

// overflows reports whether a file of a size is to be stored when it is too large
// to come back.
func overflows(r *gpuagentv1.ReturnedPath, size int64) bool {
	return r.GetOverflowObject() != "" && (r.GetOverflowMaxBytes() == 0 || size <= r.GetOverflowMaxBytes())
}

func overflow(ctx context.Context, r *gpuagentv1.ReturnedPath, source string, objects Store) error {
	err := checkLinks(source)
	if err == nil {
		err = objects.Upload(ctx, objects.URI(r.GetOverflowObject()), source)
	}
	if err != nil {
		return fmt.Errorf("store %s as %s: %w", r.GetPath(), r.GetOverflowObject(), err)
	}
	return nil
}

// writeFile writes a file, and directories above it, with the given bits.
func writeFile(path string, content []byte, mode fs.FileMode) error {
	if mode == 0 {
		mode = 0o644
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, content, mode.Perm()); err != nil {
		return err
	}
	return os.Chmod(path, mode.Perm()) // whatever the umask
}

func at(workDir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(workDir, path)
}
