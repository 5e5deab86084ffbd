package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
)

// The kfp SDK and the components it compiles need this Python at least.
const (
	pythonMajor = 3
	pythonMinor = 9
)

// Free space below which runs will fail soon, and below which they may.
const (
	diskTooLittle = 1 << 30
	diskLittle    = 10 << 30
)

func python(ctx context.Context, host Host) Result {
	r := Result{
		Name: "Python", Level: Missing,
		Advice: fmt.Sprintf("install Python %d.%d or newer so that `python3` finds it; Python components cannot run without", pythonMajor, pythonMinor),
	}
	path, err := host.LookPath("python3")
	if err != nil {
		r.Detail = "no python3 in PATH"
		return r
	}
	text, err := host.Output(ctx, path, "--version")
	if err != nil {
		r.Detail = fmt.Sprintf("%s does not run: %v", path, err)
		return r
	}
	version := strings.TrimPrefix(text, "Python ")
	r.Detail = version + " at " + path
	if !atLeast(version, pythonMajor, pythonMinor) {
		return r
	}
	return Result{Name: r.Name, Level: OK, Detail: r.Detail}
}

// atLeast compares the first two numbers of a version.
func atLeast(version string, major, minor int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	first, err1 := strconv.Atoi(parts[0])
	second, err2 := strconv.Atoi(parts[1])
	return err1 == nil && err2 == nil && (first > major || first == major && second >= minor)
}

func uv(ctx context.Context, host Host) Result {
	r := Result{
		Name: "uv", Level: Warn,
		Advice: "install uv (https://docs.astral.sh/uv/); without it Python environments are made with venv and pip, which takes much longer",
	}
	path, err := host.LookPath("uv")
	if err != nil {
		if path, err = host.Sibling("uv"); err != nil {
			r.Detail = "not in PATH"
			return r
		}
	}
	text, err := host.Output(ctx, path, "--version")
	if err != nil {
		r.Detail = fmt.Sprintf("%s does not run: %v", path, err)
		return r
	}
	return Result{Name: r.Name, Level: OK, Detail: strings.TrimPrefix(text, "uv ") + " at " + path}
}

func engine(ctx context.Context, host Host) Result {
	version, err := host.Engine(ctx)
	if err != nil {
		return Result{
			Name: "container engine", Level: Warn, Detail: err.Error(),
			Advice: "none is needed: steps run as processes of this machine; start Docker or Podman to run them in their images",
		}
	}
	return Result{Name: "container engine", Level: OK, Detail: version}
}

func gpus(ctx context.Context, host Host) Result {
	r := Result{Name: "GPUs", Level: OK, Detail: "none; steps that ask for one would wait"}
	driver, library := host.Nvidia()
	const build = "build kfmesh where there is a C compiler: make build NVML=1"
	path, err := host.LookPath("nvidia-smi")
	switch {
	case err != nil && driver && library:
		r.Detail = "NVIDIA's driver is loaded; its library is asked for them"
		return r
	case err != nil && driver:
		return Result{
			Name: r.Name, Level: Warn, Detail: "NVIDIA's driver is loaded, and nvidia-smi, which this program finds GPUs with, is not in PATH",
			Advice: "install nvidia-smi, or " + build,
		}
	case err != nil:
		return r
	}
	text, err := host.Output(ctx, path, "--query-gpu=name", "--format=csv,noheader")
	if err != nil {
		return Result{
			Name: r.Name, Level: Warn, Detail: "nvidia-smi fails: " + firstLine(err.Error()),
			Advice: "repair the NVIDIA driver, or ignore this if no GPU is to be used",
		}
	}
	if text == "" {
		return r
	}
	r.Detail = strings.Join(strings.Split(text, "\n"), ", ")
	if !library {
		r.Level = Warn
		r.Detail += "; their MIG devices, NVLinks, XID errors and processes are not seen"
		r.Advice = build
	}
	return r
}

func disk(_ context.Context, host Host) Result {
	r := Result{Name: "disk", Level: OK}
	free, err := host.FreeBytes(host.DataDir())
	if err != nil {
		return Result{Name: r.Name, Level: Warn, Detail: fmt.Sprintf("free space is unknown: %v", err)}
	}
	r.Detail = output.Bytes(free) + " free for " + host.DataDir()
	switch {
	case free < diskTooLittle:
		r.Level = Missing
	case free < diskLittle:
		r.Level = Warn
	default:
		return r
	}
	r.Advice = "free some space, or choose another place with --data-dir"
	return r
}

func dataDir(_ context.Context, host Host) Result {
	if err := host.TryWrite(host.DataDir()); err != nil {
		return Result{
			Name: "data directory", Level: Missing, Detail: err.Error(),
			Advice: "make it writable, or choose another with --data-dir",
		}
	}
	return Result{Name: "data directory", Level: OK, Detail: host.DataDir() + " can be written"}
}

func supervisor(_ context.Context, host Host) Result {
	const program = "kfmesh-supervisor"
	for _, find := range []func(string) (string, error){host.Sibling, host.LookPath} {
		if path, err := find(program); err == nil {
			return Result{Name: "supervisor", Level: OK, Detail: path}
		}
	}
	return Result{
		Name: "supervisor", Level: Warn, Detail: program + " is not beside kfmesh; kfmesh itself takes its place",
		Advice: "put " + program + " beside kfmesh (`make build` does): steps then start faster",
	}
}

func server(ctx context.Context, host Host) Result {
	address, err := host.Reach(ctx)
	if err != nil {
		return Result{Name: "server", Level: Warn, Detail: firstLine(err.Error())}
	}
	return Result{Name: "server", Level: OK, Detail: "answers at " + address}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
