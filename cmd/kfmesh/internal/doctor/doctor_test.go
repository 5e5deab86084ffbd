package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// machine is a host that a test describes.
type machine struct {
	programs map[string]string // what each prints; an error when it starts with "!"
	siblings map[string]bool
	engine   string
	free     int64
	readOnly bool
	server   bool
	driver   bool // NVIDIA's
	plain    bool // built without its library
}

func (m machine) LookPath(name string) (string, error) {
	if _, ok := m.programs[name]; ok {
		return "/bin/" + name, nil
	}
	return "", os.ErrNotExist
}

func (m machine) Output(_ context.Context, path string, _ ...string) (string, error) {
	text := m.programs[filepath.Base(path)]
	if failure, ok := strings.CutPrefix(text, "!"); ok {
		return "", errors.New(failure)
	}
	return text, nil
}

func (m machine) Sibling(name string) (string, error) {
	if m.siblings[name] {
		return "/opt/" + name, nil
	}
	return "", os.ErrNotExist
}

func (m machine) Engine(context.Context) (string, error) {
	if m.engine == "" {
		return "", errors.New("no container engine was found")
	}
	return m.engine, nil
}

func (m machine) Nvidia() (driver, library bool)  { return m.driver, !m.plain }
func (m machine) DataDir() string                 { return "/data" }
func (m machine) FreeBytes(string) (int64, error) { return m.free, nil }

func (m machine) TryWrite(string) error {
	if m.readOnly {
		return os.ErrPermission
	}
	return nil
}

func (m machine) Reach(context.Context) (string, error) {
	if !m.server {
		return "", errors.New("no kfmesh at x")
	}
	return "127.0.0.1:9090", nil
}

func sound() machine {
	return machine{
		engine: "Docker 29.1.3",
		programs: map[string]string{
			"python3": "Python 3.11.7", "uv": "uv 0.9.1", "nvidia-smi": "NVIDIA H100\nNVIDIA H100",
		},
		siblings: map[string]bool{"kfmesh-supervisor": true},
		free:     100 << 30,
		server:   true,
	}
}

func TestSoundMachine(t *testing.T) {
	results := Examine(t.Context(), sound())
	for _, r := range results {
		if r.Level != OK || r.Advice != "" || r.Detail == "" {
			t.Errorf("%+v", r)
		}
	}
	if !Healthy(results) {
		t.Error("a sound machine is called unhealthy")
	}
}

func TestWhatIsWrong(t *testing.T) {
	tests := []struct {
		name   string
		damage func(*machine)
		check  string
		level  Level
		says   string
	}{
		{"no python", func(m *machine) { delete(m.programs, "python3") }, "Python", Missing, "no python3 in PATH"},
		{"old python", func(m *machine) { m.programs["python3"] = "Python 3.8.10" }, "Python", Missing, "3.8.10"},
		{"python 2", func(m *machine) { m.programs["python3"] = "Python 2.7.18" }, "Python", Missing, "2.7.18"},
		{"broken python", func(m *machine) { m.programs["python3"] = "!no such version" }, "Python", Missing, "no such version"},
		{"no uv", func(m *machine) { delete(m.programs, "uv") }, "uv", Warn, "not in PATH"},
		{"no engine", func(m *machine) { m.engine = "" }, "container engine", Warn, "no container engine was found"},
		{"broken driver", func(m *machine) { m.programs["nvidia-smi"] = "!driver mismatch\nmore" }, "GPUs", Warn, "driver mismatch"},
		{"no GPU", func(m *machine) { delete(m.programs, "nvidia-smi") }, "GPUs", OK, "none"},
		{"a plain build", func(m *machine) { m.plain = true }, "GPUs", Warn, "NVIDIA H100, NVIDIA H100; their MIG devices"},
		{"a plain build without nvidia-smi", func(m *machine) { delete(m.programs, "nvidia-smi"); m.plain, m.driver = true, true }, "GPUs", Warn, "is not in PATH"},
		{"the library without nvidia-smi", func(m *machine) { delete(m.programs, "nvidia-smi"); m.driver = true }, "GPUs", OK, "its library is asked"},
		{"little disk", func(m *machine) { m.free = 5 << 30 }, "disk", Warn, "5.0 GiB"},
		{"no disk", func(m *machine) { m.free = 1 << 20 }, "disk", Missing, "1.0 MiB"},
		{"read-only", func(m *machine) { m.readOnly = true }, "data directory", Missing, "permission denied"},
		{"no supervisor", func(m *machine) { m.siblings = nil }, "supervisor", Warn, "kfmesh itself takes its place"},
		{"no server", func(m *machine) { m.server = false }, "server", Warn, "no kfmesh at x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			host := sound()
			tt.damage(&host)
			results := Examine(t.Context(), host)
			for _, r := range results {
				if r.Name == tt.check && (r.Level != tt.level || !strings.Contains(r.Detail, tt.says)) {
					t.Errorf("%+v, want %s and %q", r, tt.level, tt.says)
				}
				if r.Name != tt.check && r.Level != OK {
					t.Errorf("%s is %s as well", r.Name, r.Level)
				}
			}
			if Healthy(results) == (tt.level == Missing) {
				t.Errorf("healthy is %t", Healthy(results))
			}
		})
	}
}

// TestThisMachine runs the real checks, whose results nobody can foretell.
func TestThisMachine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	host := Machine{Dir: dir, Address: "x", Connect: func(context.Context, string) error { return nil }}
	results := Examine(t.Context(), host)
	for _, r := range results {
		if r.Name == "" || r.Detail == "" {
			t.Errorf("%+v says nothing", r)
		}
		if r.Name == "data directory" && r.Level != OK {
			t.Errorf("a directory that can be made is %+v", r)
		}
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(filepath.Dir(dir))), "*")); err != nil || len(left) != 0 {
		t.Errorf("the checks left %v behind", left)
	}
}
