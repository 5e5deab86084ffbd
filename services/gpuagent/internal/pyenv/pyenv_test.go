package pyenv

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

const kfpScript = `
if ! [ -x "$(command -v pip)" ]; then
    python3 -m ensurepip || python3 -m ensurepip --user || apt-get install python3-pip
fi

PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet --no-warn-script-location --index-url https://a/simple --trusted-host a 'pandas>=2,<3' "numpy"  &&  python3 -m pip install --quiet --no-warn-script-location 'kfp==2.17.0' '--no-deps' 'typing-extensions>=3.7.4,<5; python_version<"3.9"' && "$0" "$@"
`

func TestParse(t *testing.T) {
	kfp := [][]string{
		{"--quiet", "--no-warn-script-location", "--index-url", "https://a/simple", "--trusted-host", "a", "pandas>=2,<3", "numpy"},
		{"--quiet", "--no-warn-script-location", "kfp==2.17.0", "--no-deps", `typing-extensions>=3.7.4,<5; python_version<"3.9"`},
	}
	sh := func(script string) []string { return []string{"sh", "-c", script} }
	tests := []struct {
		name string
		args []string
		want [][]string
	}{
		{"lightweight component", []string{"sh", "-c", kfpScript, "sh", "-ec", "python3 -m kfp.dsl.executor_main", "# pip install x"}, kfp},
		{"pip", sh("pip install a; pip3.11 install -U b"), [][]string{{"a"}, {"-U", "b"}}},
		{"options of the shell", []string{"/bin/bash", "-eu", "-c", "pip install a"}, [][]string{{"a"}}},
		{"continued line", sh("pip install a \\\n  b"), [][]string{{"a", "b"}}},
		{"no shell", []string{"python3", "-c", "pip install a"}, nil},
		{"a program's source", []string{"sh", "-c", `"$0"`, "pip install a"}, nil},
		{"comment", sh("# pip install a\necho x # pip install b"), nil},
		{"words of another command", sh("echo pip install a"), nil},
		{"quoted", sh(`echo "x; pip install a"`), nil},
		{"branch", sh("if x; then pip install a; fi; pip install b"), [][]string{{"b"}}},
		{"function", sh("f() { pip install a; }; f"), nil},
		{"may fail", sh("pip install a || true; true || pip install b"), nil},
		{"pipeline", sh("pip install a | tee log"), nil},
		{"variable", sh(`pip install "$PKG"; pip install $(cat x)`), nil},
		{"pattern", sh("pip install *.whl"), nil},
		{"redirection", sh("pip install a > log"), nil},
		{"files", sh("pip install -r requirements.txt; pip install .; pip install ./a; pip install a.whl; pip install -c c a"), nil},
		{"unknown option", sh("pip install --frobnicate a"), nil},
		{"nothing to install", sh("pip install --quiet"), nil},
		{"here-document", sh("cat <<X\npip install a\nX\n"), nil},
		{"open quote", sh("pip install 'a"), nil},
		{"open expansion", sh("echo $(pip install a"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got [][]string
			for _, i := range Parse(tt.args) {
				got = append(got, i.Args)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestTranslate(t *testing.T) {
	i := Install{Args: []string{"--quiet", "--progress-bar", "off", "--root-user-action=ignore", "-i", "https://a", "--extra-index-url=https://b", "--pre", "a", "--trusted-host", "h", "b[x]>1"}}
	uv, requirements, ok := i.translate()
	want := []string{"-q", "--index-url", "https://a", "--extra-index-url", "https://b", "--prerelease=allow", "a", "--allow-insecure-host", "h", "b[x]>1"}
	if !ok || !reflect.DeepEqual(uv, want) || !reflect.DeepEqual(requirements, []string{"a", "b[x]>1"}) {
		t.Errorf("uv %q, requirements %q, %v", uv, requirements, ok)
	}
}

// FuzzParse compares with what sh itself makes of the words, for scripts that
// are one command without anything to expand.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{kfpScript, "pip install 'a'\"b\"\\ c", "pip install a#b #c", "((", "`", "pip install a\\"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, script string) {
		for _, i := range Parse([]string{"sh", "-c", script}) {
			if len(i.Requirements()) == 0 {
				t.Errorf("an install of nothing: %q", i.Args)
			}
		}
	})
}

// fakeUV stands in for uv: it makes a venv that is a directory with the host's
// sh as its python, and counts installs.
const fakeUV = `#!/bin/sh
case "$1" in
venv)
  for dir; do :; done
  mkdir -p "$dir/bin" "$dir/lib/python3.99/site-packages"
  printf '#!/bin/sh\necho "python $*"\n' > "$dir/bin/python3"
  chmod +x "$dir/bin/python3"
  ;;
pip)
  case "$*" in *broken*) echo "no such package: broken" >&2; exit 1 ;; esac
  echo "uv $*"
  echo "$*" >> "$COUNT"
  ;;
esac
`

func fakeCache(t *testing.T) (cache *Cache, count string) {
	t.Helper()
	dir := t.TempDir()
	uv := filepath.Join(dir, "uv")
	if err := os.WriteFile(uv, []byte(fakeUV), 0o755); err != nil {
		t.Fatal(err)
	}
	count = filepath.Join(dir, "count")
	return NewCache(filepath.Join(dir, "envs"), uv, []string{"PATH=" + os.Getenv("PATH"), "COUNT=" + count}), count
}

func request(installs ...string) Request {
	r := Request{Interpreter: Interpreter{Path: "/usr/bin/python3.99", Version: "3.99.1"}}
	for _, i := range installs {
		r.Installs = append(r.Installs, Install{Args: strings.Fields(i)})
	}
	return r
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

func TestManyWantOneEnvironment(t *testing.T) {
	cache, count := fakeCache(t)
	var said atomic.Value
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := cache.Ensure(t.Context(), request("a==1 --quiet", "b"), func(s string) { said.Store(s) }); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := lines(t, count); len(got) != 2 || !strings.Contains(got[0], "--compile-bytecode") || !strings.HasSuffix(got[1], " b") {
		t.Errorf("installs: %q; want each once, in order", got)
	}
	if said.Load() != "installing a==1, b" {
		t.Errorf("said %q", said.Load())
	}
}

func TestAFailedInstallSaysWhy(t *testing.T) {
	cache, _ := fakeCache(t)
	_, err := cache.Ensure(t.Context(), request("broken"), func(string) {})
	failed, ok := errors.AsType[*InstallError](err)
	if !ok || failed.Error() != "cannot install broken" || !strings.Contains(failed.Output, "no such package") {
		t.Fatalf("error %v", err)
	}
	if _, err := cache.Ensure(t.Context(), request("broken"), func(string) {}); err == nil {
		t.Error("a failed environment was used")
	}
}

func TestAnAbandonedBuildIsBegunAnew(t *testing.T) {
	cache, count := fakeCache(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := cache.Ensure(gone, request("a"), func(string) {}); err == nil {
		t.Fatal("want the error of the context")
	}
	if _, err := cache.Ensure(t.Context(), request("a"), func(string) {}); err != nil {
		t.Fatal(err)
	}
	if got := lines(t, count); len(got) != 1 {
		t.Errorf("installs %q", got)
	}
}

// leavingUV fails the first time and leaves a process that goes on, as the installer of
// an agent that was killed does. Later it fails unless that process has ended.
const leavingUV = `#!/bin/sh
if mkdir "$COUNT.first" 2>/dev/null; then
  (sleep 0.3; touch "$COUNT.ended") >/dev/null 2>&1 &
  exit 1
fi
[ -e "$COUNT.ended" ] || { echo "two at a time"; exit 1; }
for last do :; done
mkdir -p "$last/lib/python3.99/site-packages"
`

func TestAnInstallerThatIsLeftKeepsOthersOff(t *testing.T) {
	dir := t.TempDir()
	uv := filepath.Join(dir, "uv")
	if err := os.WriteFile(uv, []byte(leavingUV), 0o755); err != nil {
		t.Fatal(err)
	}
	cache := NewCache(filepath.Join(dir, "envs"), uv, []string{"PATH=" + os.Getenv("PATH"), "COUNT=" + filepath.Join(dir, "count")})
	if _, err := cache.Ensure(t.Context(), request(), func(string) {}); err == nil {
		t.Fatal("the first installer was to fail")
	}
	if _, err := cache.Ensure(t.Context(), request(), func(string) {}); err != nil {
		t.Error(err)
	}
}

func TestShims(t *testing.T) {
	cache, count := fakeCache(t)
	env, err := cache.Ensure(t.Context(), request(`--quiet kfp==2 --no-deps it's`), func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	run := func(target, program string, args ...string) string {
		cmd := exec.Command(filepath.Join(env.Shims(), program), args...)
		cmd.Env = []string{TargetVar + "=" + target, "COUNT=" + count}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s %q: %v: %s", program, args, err, out)
		}
		return strings.ReplaceAll(strings.TrimSpace(string(out)), env.dir, "ENV")
	}
	tests := []struct {
		program string
		args    string
		want    string
	}{
		{"python3", "-m pip install --quiet kfp==2 --no-deps it's", ""},
		{"pip", "install --quiet kfp==2 --no-deps it's", ""},
		{"python3.99", "-c 1", "python -c 1"},
		{"python", "-m pip install --user --progress-bar off --retries=3 --pre x", "uv pip install --python ENV/venv/bin/python3 --target /t --prerelease=allow x"},
		{"pip3", "install kfp==3", "uv pip install --python ENV/venv/bin/python3 --target /t kfp==3"},
		{"pip", "list", "uv pip list --python ENV/venv/bin/python3"},
	}
	for _, tt := range tests {
		if got := run("/t", tt.program, strings.Fields(tt.args)...); got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.program, tt.args, got, tt.want)
		}
	}
}

func TestDigestsDiffer(t *testing.T) {
	seen := map[string]string{}
	system := request("a")
	system.SystemPackages = true
	for name, d := range map[string]string{
		"a":        digest(request("a"), nil),
		"a b":      digest(request("a b"), nil),
		"a, b":     digest(request("a", "b"), nil),
		"b, a":     digest(request("b", "a"), nil),
		"system":   digest(system, nil),
		"settings": digest(request("a"), []string{"UV_INDEX=x"}),
	} {
		if other, ok := seen[d]; ok {
			t.Errorf("%q and %q share an environment", name, other)
		}
		seen[d] = name
	}
}

func TestInstallerEnv(t *testing.T) {
	got := strings.Join(InstallerEnv([]string{"PYTHONPATH=/x", "PIP_FIND_LINKS=/a /b", "PIP_INDEX_URL=u", "UV_DEFAULT_INDEX=v"}), " ")
	want := "PIP_FIND_LINKS=/a /b PIP_INDEX_URL=u UV_DEFAULT_INDEX=v UV_FIND_LINKS=/a,/b UV_INDEX_STRATEGY=unsafe-best-match UV_PYTHON_DOWNLOADS=never"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
