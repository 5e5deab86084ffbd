package pyenv

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/internal/cgroup"
	"github.com/kfmesh/kfmesh/internal/supervise"
)

// fakeKFP has, in place of the SDK's main module, one that runs what stands for the
// source of a component. Whether it is a fork shows in the arguments of the process.
const fakeKFP = `import json, os, sys
if __name__ == '__main__':
    print('forked' if 'forkserver' in open('/proc/self/cmdline').read() else 'started')
    exec(open(sys.argv[sys.argv.index('--component_module_path') + 1]).read())
`

// forks runs components, with a fork server if one is to be had.
type forks struct {
	pool   *supervise.Pool
	python string
	dir    string // of kfp and the fork server
}

func newForks(t *testing.T) *forks {
	t.Helper()
	f := &forks{dir: t.TempDir()}
	python, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		t.Fatalf("the fork server is tested with python3: %v", err)
	}
	f.python = strings.TrimSpace(string(python))
	supervisor := filepath.Join(f.dir, "kfmesh-supervisor")
	if out, err := exec.Command("go", "build", "-o", supervisor, "../../../../cmd/kfmesh-supervisor").CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	f.pool = supervise.NewPool([]string{supervisor})
	t.Cleanup(f.pool.Close)
	for name, text := range map[string]string{
		"kfp/__init__.py": "", "kfp/dsl/__init__.py": "", "kfp/dsl/executor_main.py": fakeKFP, "forkserver.py": forkServer,
	} {
		path := filepath.Join(f.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// spec runs a source by itself or as a fork.
func (f *forks) spec(t *testing.T, source string) supervise.Spec {
	t.Helper()
	dir := t.TempDir()
	args := []string{"sh", "-ec", kfpMain, source, "--executor_input", "{}"}
	component, ok := ParseComponent(args)
	if !ok {
		t.Fatal("no component")
	}
	path, kfp := "PATH="+filepath.Dir(f.python)+":"+os.Getenv("PATH"), "PYTHONPATH="+f.dir
	return supervise.Spec{
		Journal: filepath.Join(dir, "journal"), WorkDir: dir, Log: filepath.Join(dir, "log"), Grace: 10 * time.Second, Args: args,
		Env: []string{path, "PYTHONPATH=" + dir + "/site:" + f.dir, "TMPDIR=" + dir, "COLOR=blau", "PYTHONUNBUFFERED=1"},
		Fork: &supervise.Fork{
			Args: []string{f.python, filepath.Join(f.dir, "forkserver.py")}, Env: []string{path, kfp, "PYTHONUNBUFFERED=1"},
			Task: component.Task(filepath.Join(dir, "site")),
		},
	}
}

func (f *forks) launch(t *testing.T, spec supervise.Spec) *supervise.Epoch {
	t.Helper()
	e, err := f.pool.Launch(spec)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// run returns the status and the output of a source.
func (f *forks) run(t *testing.T, source string, fork bool) (code int, output string) {
	t.Helper()
	spec := f.spec(t, source)
	if !fork {
		spec.Fork = nil
	}
	state, exit, err := f.launch(t, spec).Wait(t.Context())
	if err != nil || state != supervise.Done {
		t.Fatalf("state %v, %v", state, err)
	}
	log, err := os.ReadFile(spec.Log)
	if err != nil {
		t.Fatal(err)
	}
	return exit.Code, strings.ReplaceAll(string(log), spec.WorkDir, "DIR")
}

// warm waits until commands are forks.
func (f *forks) warm(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if _, output := f.run(t, "pass", true); output == "forked\n" {
			return
		}
	}
	t.Fatal("no command was a fork")
}

// TestForksAreWhatCommandsAre compares what components see and do either way.
func TestForksAreWhatCommandsAre(t *testing.T) {
	f := newForks(t)
	f.warm(t)
	for name, source := range map[string]string{
		"arguments":    "import re, sys; print(re.sub(r'tmp\\.\\w+', 'tmp', repr(sys.argv)), sys.executable)",
		"environment":  "import os; print(sorted(e for e in os.environ.items() if e[0] not in ('SHLVL', '_', 'PWD', 'OLDPWD')))",
		"its children": "import subprocess; subprocess.run(['sh', '-c', 'echo $COLOR $KFMESH_EPOCH $_KFP_RUNTIME'], check=True)",
		"directory":    "import os; print(os.getcwd(), os.umask(0o22))",
		"modules":      "import sys; print(sys.path, __name__, sys.modules['__main__'].__file__, sys.modules['__main__'].__spec__.name)",
		"descriptors":  "import os; print([os.readlink(f'/proc/self/fd/{n}') for n in (0, 1, 2)], os.path.exists('/proc/self/fd/5'))",
		"own packages": "import importlib, os; os.mkdir('site'); importlib.invalidate_caches(); open('site/late.py', 'w').write('x = 3'); import late; print(late.x, late.__file__)",
		"failure":      "def f():\n    raise ValueError('no')\nf()",
		"status":       "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)",
		"status text":  "import sys; sys.exit('bad')",
		"at once":      "import os; os._exit(9)",
		"handlers":     "import signal; print([str(signal.getsignal(s)) for s in (2, 13, 15)])",
		"text":         "print('größer ✓')",
		"at its end":   "import atexit; atexit.register(print, 'bye')",
		"threads":      "import threading; threading.Thread(target=lambda: print('thread')).start()",
		"of its own":   "import multiprocessing as m; print(m.get_context('spawn').Process.__name__)",
	} {
		t.Run(name, func(t *testing.T) {
			code, alone := f.run(t, source, false)
			forkedCode, fork := f.run(t, source, true)
			fork, ok := strings.CutPrefix(fork, "forked\n")
			if alone = strings.TrimPrefix(alone, "started\n"); !ok || fork != alone || forkedCode != code {
				t.Errorf("a fork (%t) ended with %d, by itself %d\nfork:      %s\nby itself: %s", ok, forkedCode, code, fork, alone)
			}
		})
	}
}

// TestASignalEndsAFork tells which signal that was.
func TestASignalEndsAFork(t *testing.T) {
	f := newForks(t)
	f.warm(t)
	state, exit, err := f.launch(t, f.spec(t, "import os; os.kill(os.getpid(), 9)")).Wait(t.Context())
	if err != nil || state != supervise.Done || exit.Code != 137 || exit.Signal != 9 {
		t.Errorf("state %v, exit %+v, %v", state, exit, err)
	}
}

// TestAForkIsInItsGroup has a fork use more memory than it may.
func TestAForkIsInItsGroup(t *testing.T) {
	f := newForks(t)
	f.warm(t)
	place := cgroup.Find("/")
	group, lacks := place.Group("test-fork-"+strconv.Itoa(os.Getpid()), cgroup.Limits{MemoryBytes: 64 << 20})
	if len(lacks) > 0 {
		t.Skipf("this machine does not let the test make control groups: %v", lacks)
	}
	spec := f.spec(t, "print('up', flush=True)\nx = bytearray(200 << 20)")
	spec.Group = group
	state, exit, err := f.launch(t, spec).Wait(t.Context())
	if err != nil || state != supervise.Done || exit.Cause != supervise.OutOfMemory || exit.Memory.Kills == 0 {
		t.Errorf("state %v, exit %+v, %v", state, exit, err)
	}
	if log, err := os.ReadFile(spec.Log); err != nil || string(log) != "forked\nup\n" {
		t.Errorf("log %q, %v", log, err)
	}
}

// begun launches a fork and returns it once it has written a process id into a file.
func (f *forks) begun(t *testing.T, source string) (e *supervise.Epoch, pid int) {
	t.Helper()
	spec := f.spec(t, source)
	e = f.launch(t, spec)
	for {
		data, err := os.ReadFile(filepath.Join(spec.WorkDir, "pid"))
		if text, whole := strings.CutSuffix(string(data), "\n"); err == nil && whole {
			if pid, err = strconv.Atoi(text); err != nil {
				t.Fatal(err)
			}
			return e, pid
		}
		select {
		case <-t.Context().Done():
			t.Fatal("it does not begin")
		case <-time.After(time.Millisecond):
		}
	}
}

const sayPID = "import os, time\nopen('pid', 'w').write(f'{os.getpid()}\\n')\n"

// TestForksAreStopped stops a fork as it does any command.
func TestForksAreStopped(t *testing.T) {
	f := newForks(t)
	f.warm(t)
	e, pid := f.begun(t, "import signal, sys\nsignal.signal(15, lambda *a: sys.exit(3))\n"+sayPID+"time.sleep(300)")
	if e.PID() != pid {
		t.Errorf("the command is %d, want %d", e.PID(), pid)
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if state, exit, err := e.Wait(t.Context()); state != supervise.Done || exit.Code != 3 || exit.Cause != supervise.Stopped {
		t.Errorf("state %v, exit %+v, %v", state, exit, err)
	}
}

// TestNothingIsLeftOfAFork has a fork leave a process of another session behind.
func TestNothingIsLeftOfAFork(t *testing.T) {
	f := newForks(t)
	f.warm(t)
	e, pid := f.begun(t, "import subprocess, os\np = subprocess.Popen(['setsid', 'sleep', '300'])\nopen('pid', 'w').write(f'{p.pid}\\n')")
	if state, _, err := e.Wait(t.Context()); state != supervise.Done {
		t.Fatalf("state %v, %v", state, err)
	}
	if err := syscall.Kill(pid, 0); err == nil {
		t.Errorf("process %d outlived its command", pid)
	}
}

// TestForksDieWithTheirSupervisor kills a supervisor.
func TestForksDieWithTheirSupervisor(t *testing.T) {
	f := newForks(t)
	f.warm(t)
	e, pid := f.begun(t, sayPID+"time.sleep(300)")
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	supervisor, err := strconv.Atoi(strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if state, _, err := e.Wait(t.Context()); state != supervise.Lost {
		t.Errorf("state %v, %v", state, err)
	}
	for syscall.Kill(pid, 0) == nil {
		select {
		case <-t.Context().Done():
			t.Fatal("it outlived its supervisor")
		case <-time.After(time.Millisecond):
		}
	}
}
