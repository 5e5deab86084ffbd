package staging

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// disk is a Mover whose URIs are file names in a directory.
type disk string

func (d disk) Download(_ context.Context, uri, path string) error {
	data, err := os.ReadFile(filepath.Join(string(d), uri))
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

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
		if err := Before(t.Context(), s, work, store); err != nil {
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
	files := Return(s, work, 128<<10)
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
	if files := Return(s, work, 128<<10); len(files) != 3 || files[1].GetTooLarge() || !files[2].GetTooLarge() {
		t.Errorf("returned %d files; want two with content and one without", len(files))
	}
}

func TestAFailedTransferNamesItsURI(t *testing.T) {
	err := Before(t.Context(), &gpuagentv1.Staging{Downloads: []*gpuagentv1.Transfer{{Uri: "gone", Path: "x"}}}, t.TempDir(), disk(t.TempDir()))
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
