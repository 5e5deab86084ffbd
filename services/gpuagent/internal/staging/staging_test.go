package staging

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// disk is a Mover whose URIs are file names in a directory.
type disk string

func (d disk) Download(_ context.Context, uri, path string) error {
	data, err := os.ReadFile(filepath.Join(string(d), uri))
	if errors.Is(err, os.ErrNotExist) {
		return fault.NotFoundf("%s does not exist", uri).WithCause(err)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

func (d disk) URI(name string) string { return name }

func (d disk) Upload(_ context.Context, uri, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(string(d), uri), data, 0o600)
}

func TestThereAndBack(t *testing.T) {
	store, work := disk(t.TempDir()), t.TempDir()
	if err := os.WriteFile(filepath.Join(string(store), "in"), []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &gpuagentv1.Staging{
		Directories: []string{"out/deep"},
		Downloads:   []*gpuagentv1.Transfer{{Uri: "in", Path: "a/b/in"}},
		Files:       []*gpuagentv1.InlineFile{{Path: "run.sh", Content: []byte("x"), Mode: 0o777}},
		Uploads:     []*gpuagentv1.Transfer{{Uri: "kept", Path: "a/b/in"}, {Uri: "k2", Path: "never"}},
		Returns: []*gpuagentv1.ReturnedPath{
			{Path: "a/b/in"}, {Path: "never"}, {Path: "a/b/in", MaxBytes: 3}, {Path: "out"},
		},
	}
	for range 2 { // as after a crash
		if err := Before(t.Context(), s, work, store, nil); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(filepath.Join(work, "run.sh")); err != nil || info.Mode().Perm() != 0o777 {
		t.Errorf("run.sh: %v, %v", info, err)
	}
	missing, err := After(t.Context(), s, work, store)
	if err != nil || len(missing) != 1 || missing[0] != "never" {
		t.Errorf("missing %v, %v", missing, err)
	}
	if data, err := os.ReadFile(filepath.Join(string(store), "kept")); err != nil || string(data) != "data" {
		t.Errorf("upload %q, %v", data, err)
	}
	files, err := Return(t.Context(), s, work, 128<<10, store)
	if err != nil {
		t.Error(err)
	}
	if len(files) != 2 || string(files[0].GetContent()) != "data" || !files[1].GetTooLarge() || files[1].GetSizeBytes() != 4 || files[1].GetContent() != nil {
		t.Errorf("returned %v", files)
	}
}

func TestReturnedFilesStaySmallTogether(t *testing.T) {
	work := t.TempDir()
	s := &gpuagentv1.Staging{}
	for _, name := range []string{"a", "b", "c"} {
		if err := os.WriteFile(filepath.Join(work, name), make([]byte, 60<<10), 0o600); err != nil {
			t.Fatal(err)
		}
		s.Returns = append(s.Returns, &gpuagentv1.ReturnedPath{Path: name})
	}
	files, err := Return(t.Context(), s, work, 128<<10, disk(t.TempDir()))
	if err != nil || len(files) != 3 || files[1].GetTooLarge() || !files[2].GetTooLarge() || files[2].GetStoredObject() != "" {
		t.Errorf("returned %d files, %v; want two with content and one without", len(files), err)
	}
}

func TestWhatIsTooLargeToComeBackIsStored(t *testing.T) {
	store, work := disk(t.TempDir()), t.TempDir()
	for name, size := range map[string]int{"small": 10, "large": 2000, "huge": 5000} {
		if err := os.WriteFile(filepath.Join(work, name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, make([]byte, 2000), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(work, "link")); err != nil {
		t.Fatal(err)
	}
	s := &gpuagentv1.Staging{}
	for _, name := range []string{"small", "large", "huge", "link"} {
		s.Returns = append(s.Returns, &gpuagentv1.ReturnedPath{
			Path: name, MaxBytes: 100, OverflowObject: "kept-" + name, OverflowMaxBytes: 4000,
		})
	}
	for _, m := range []Store{store, store, nil} { // as after a crash, and as of a failure
		files, err := Return(t.Context(), s, work, 128<<10, m)
		if err != nil || len(files) != 3 {
			t.Fatalf("%v, %v; want the three files that are in place", files, err)
		}
		stored := ""
		if m != nil {
			stored = "kept-large"
		}
		if files[0].GetStoredObject() != "" || files[1].GetStoredObject() != stored || !files[1].GetTooLarge() || files[2].GetStoredObject() != "" {
			t.Errorf("the files came back as %v", files)
		}
	}
	if data, err := os.ReadFile(filepath.Join(string(store), "kept-large")); err != nil || len(data) != 2000 {
		t.Errorf("%d bytes were stored, %v", len(data), err)
	}
	if entries, err := os.ReadDir(string(store)); err != nil || len(entries) != 1 {
		t.Errorf("stored %v, %v; want the one file", entries, err)
	}
}

func TestAFileThatCannotBeStoredIsAnError(t *testing.T) {
	work := t.TempDir()
	if err := os.WriteFile(filepath.Join(work, "large"), make([]byte, 2000), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &gpuagentv1.Staging{Returns: []*gpuagentv1.ReturnedPath{{Path: "large", MaxBytes: 100, OverflowObject: "no/folder"}}}
	if _, err := Return(t.Context(), s, work, 128<<10, disk(t.TempDir())); err == nil || !strings.Contains(err.Error(), "no/folder") {
		t.Errorf("error %v; want one that names the URI", err)
	}
}

func TestAFailedTransferNamesItsURI(t *testing.T) {
	err := Before(t.Context(), &gpuagentv1.Staging{Downloads: []*gpuagentv1.Transfer{{Uri: "gone", Path: "x"}}}, t.TempDir(), disk(t.TempDir()), nil)
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "fetch gone") {
		t.Errorf("error %v", err)
	}
}

func TestCheck(t *testing.T) {
	for path, ok := range map[string]bool{
		"a": true, "a/../b": true, "/abs": true, "..": false, "../x": false, "a/../../b": false, "": false,
	} {
		wrong := Check(&gpuagentv1.Staging{
			Files: []*gpuagentv1.InlineFile{{Path: "fine"}, {Path: path}},
		})
		if (len(wrong) == 0) != ok {
			t.Errorf("%q: %v", path, wrong)
		}
		if !ok && wrong[0].Field != "files[1].path" {
			t.Errorf("%q: field %q", path, wrong[0].Field)
		}
	}
}
