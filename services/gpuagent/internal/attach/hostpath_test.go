package attach

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

func TestHostPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ path, kind, want string }{
		{dir, "", ""},
		{dir, "Directory", ""},
		{dir, "File", "is no File"},
		{file, "File", ""},
		{file, "FileOrCreate", ""},
		{file, "DirectoryOrCreate", "is no DirectoryOrCreate"},
		{file, "Socket", "is no Socket"},
		{"/dev/null", "CharDevice", ""},
		{"/dev/null", "BlockDevice", "is no BlockDevice"},
		{dir + "/none", "File", "does not exist on the node"},
		{dir + "/none", "Directory", "does not exist on the node"},
		{dir + "/made/deep", "DirectoryOrCreate", ""},
		{dir + "/made/file", "FileOrCreate", ""},
		{dir + "/plain", "", ""},
	} {
		h := &gpuagentv1.HostPath{Path: tt.path, Type: tt.kind}
		if err := CheckHostPath(h); err != nil {
			t.Errorf("%v: %v", tt, err)
		}
		err := hostPath(h)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v", tt, err)
		}
	}
	if info, err := os.Stat(dir + "/plain"); err != nil || !info.IsDir() {
		t.Errorf("a path without a type: %v, %v", info, err)
	}
	if err := CheckHostPath(&gpuagentv1.HostPath{Type: "Pipe"}); err == nil {
		t.Error("a type that there is not was taken")
	}
}
