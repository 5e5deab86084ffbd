package attach

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/mount"
)

// sources are values and directories by name.
type sources struct {
	values   map[string][]byte
	claim    string
	warnings []string
}

func (s *sources) Secret(_ context.Context, name string, optional bool) (map[string][]byte, error) {
	switch {
	case name != "none":
		return s.values, nil
	case optional:
		return nil, nil
	}
	return nil, errors.New("none")
}

func (s *sources) ConfigMap(ctx context.Context, name string, optional bool) (map[string][]byte, error) {
	return s.Secret(ctx, name, optional)
}

func (s *sources) Claim(context.Context, string) (string, error) { return s.claim, nil }

func (s *sources) Warn(sentence string) { s.warnings = append(s.warnings, sentence) }

func TestAttach(t *testing.T) {
	t.Parallel()
	dir := resolved(t, t.TempDir())
	from := &sources{values: map[string][]byte{"a": []byte("1"), "b": []byte("2")}, claim: filepath.Join(dir, "claim")}
	if err := os.Mkdir(from.claim, 0o755); err != nil {
		t.Fatal(err)
	}
	keyed := func(name string, items map[string]string) *gpuagentv1.KeyedSource {
		return &gpuagentv1.KeyedSource{Name: name, Items: items, Optional: name == "none"}
	}
	template := &gpuagentv1.Template{
		Volumes: []*gpuagentv1.Volume{
			{Name: "s", Source: &gpuagentv1.Volume_Secret{Secret: keyed("s", map[string]string{"a": "deep/A"})}},
			{Name: "c", Source: &gpuagentv1.Volume_ConfigMap{ConfigMap: keyed("c", nil)}},
			{Name: "o", Source: &gpuagentv1.Volume_Secret{Secret: keyed("none", nil)}},
			{Name: "d", Source: &gpuagentv1.Volume_Claim{Claim: "d"}},
			{Name: "e", Source: &gpuagentv1.Volume_EmptyDir{EmptyDir: &gpuagentv1.EmptyDir{InMemory: true, SizeLimitBytes: 1}}},
			{Name: "unused", Source: &gpuagentv1.Volume_Secret{Secret: &gpuagentv1.KeyedSource{Name: "none"}}},
		},
		Mounts: []*gpuagentv1.VolumeMount{
			{Volume: "s", Path: "/s/"},
			{Volume: "c", Path: "/c", SubPath: "a"},
			{Volume: "o", Path: "/o"},
			{Volume: "d", Path: "/d", SubPath: "x/y"},
			{Volume: "d", Path: "/all", ReadOnly: true},
			{Volume: "e", Path: "/e"},
		},
	}
	at := Dirs{Disk: filepath.Join(dir, "disk"), SecretMode: 0o400}
	for range 2 { // it may be repeated
		got, err := Attach(t.Context(), template, from, at)
		if err != nil {
			t.Fatal(err)
		}
		want := []mount.Mount{
			{Source: at.Disk + "/s", Target: "/s", ReadOnly: true, Own: true},
			{Source: at.Disk + "/c/a", Target: "/c", ReadOnly: true, Own: true},
			{Source: at.Disk + "/o", Target: "/o", ReadOnly: true, Own: true},
			{Source: from.claim + "/x/y", Target: "/d"},
			{Source: from.claim, Target: "/all", ReadOnly: true},
			{Source: at.Disk + "/e", Target: "/e", Own: true},
		}
		if !slices.Equal(got, want) {
			t.Errorf("mounts\n%v\nwant\n%v", got, want)
		}
	}
	if data, err := os.ReadFile(at.Disk + "/s/deep/A"); err != nil || string(data) != "1" {
		t.Errorf("file of a secret: %q, %v", data, err)
	}
	if info, err := os.Stat(at.Disk); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory above: %v, %v", info.Mode(), err)
	}
	if len(from.warnings) != 4 || !strings.Contains(from.warnings[0], "is on disk") || !strings.Contains(from.warnings[1], "size limit") {
		t.Errorf("warnings %q", from.warnings)
	}
}

func resolved(t testing.TB, path string) string {
	t.Helper()
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// FuzzWithin has no path lead out of a volume, whatever links are in it.
func FuzzWithin(f *testing.F) {
	dir := resolved(f, f.TempDir())
	volume := filepath.Join(dir, "volume")
	if err := os.MkdirAll(filepath.Join(volume, "a", "b"), 0o755); err != nil {
		f.Fatal(err)
	}
	for name, target := range map[string]string{"out": "..", "root": "/", "in": "a/b", "a/up": "../../..", "loop": "loop", "a/back": "../in"} {
		if err := os.Symlink(target, filepath.Join(volume, name)); err != nil {
			f.Fatal(err)
		}
	}
	for _, sub := range []string{"", ".", "a", "in", "in/c", "out/x", "root/etc", "a/up/x", "../x", "/etc", "loop", "a/../b", "a/back", "a//b/", "\x00", "new/deep"} {
		f.Add(sub)
	}
	f.Fuzz(func(t *testing.T, sub string) {
		for _, create := range []bool{false, true} {
			got, err := within(volume, sub, create)
			if err == nil && got != volume && !strings.HasPrefix(got, volume+"/") {
				t.Errorf("%q leads to %s", sub, got)
			}
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("%q made something beside the volume: %v, %v", sub, entries, err)
		}
	})
}

// FuzzFiles has no file name lead out of its directory.
func FuzzFiles(f *testing.F) {
	for _, name := range []string{"a", "a/b", "../a", "/a", "a/../../b", ".", "a/", "\x00"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		top := t.TempDir()
		want := &gpuagentv1.KeyedSource{Name: "s", Items: map[string]string{"k": name}}
		_ = writeFiles(filepath.Join(top, "v"), map[string][]byte{"k": []byte("x")}, want, 0o600)
		if entries, err := os.ReadDir(top); err != nil || len(entries) > 1 {
			t.Errorf("%q: %v, %v", name, entries, err)
		}
	})
}
