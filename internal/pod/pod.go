// Package pod leads the life of a pod: the containers that come before the one that counts,
// those beside it, and what Kubernetes does around them, hooks and probes. What its
// containers are is its Host's to say. One is here, that of processes.
//
// A supervisor starts this program in the command's place, as
//
//	kfmesh-supervisor pod COMMAND [ARG ...]
//
// with a Plan, as JSON, in the variable Variable. COMMAND is the container that counts:
// it has this program's environment but for that variable, and its working directory.
// The program ends with its exit status once all others have been stopped.
//
//   - Init containers run one after the other. One that fails ends the pod with its exit
//     status. One that is always started again is a sidecar: it runs on, and the next
//     begins when it has started.
//   - Companions run beside the container that counts, are started again by their policy,
//     and are stopped when it ends. How they end does not matter.
//   - A startup probe is asked until it succeeds, then a liveness probe. When one fails as
//     often as it may, its container is stopped. Of the container that counts that is a
//     failure of the pod, whose restart is for others to decide.
//   - A readiness probe is asked from then on, too. What it says is passed on and ends nothing.
//   - SIGTERM stops the containers, the one that counts first, the others in the reverse of
//     their order, each after its hook. Whoever sends it sends SIGKILL when grace is over.
//
// A host may have run a part of a pod before, and then the life goes on from there: it asks
// whether a container has begun, and takes up what has instead of starting it.
//
// As processes, every container leads a process group in the session of this program, so that what it
// leaves behind is known by that. Their output is this program's.
//
// Like package supervise it uses the standard library and x/sys only, and neither package
// net nor net/http, because it is part of a program that has to start quickly.
package pod

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Verb is the argument by which the program knows what to do.
const Verb = "pod"

// Variable is the environment variable with the Plan.
const Variable = "KFMESH_POD"

// Plan is what there is beside the command.
type Plan struct {
	Init   []Container `json:",omitempty"`
	Beside []Container `json:",omitempty"`
	// Main is the container that counts. Args, Env and WorkDir are not set.
	Main Container
	// Grace is the time between SIGTERM and SIGKILL of what is stopped.
	Grace time.Duration
	// Prober is the program that does what this one cannot, TLS and gRPC (package probe). Empty
	// where there is none: then it has to do that a connection can be made.
	Prober []string `json:",omitempty"`
	// Ready is the file that says whether the container that counts is ready.
	Ready string `json:",omitempty"`
	// Verdict is the file that says why the pod failed when that was not the command's
	// own exit status.
	Verdict string
}

// Container is one container.
type Container struct {
	Name    string
	Args    []string `json:",omitempty"`
	Env     []string `json:",omitempty"`
	WorkDir string   `json:",omitempty"`
	Restart Restart  `json:",omitempty"`
	// Startup, Liveness and Readiness are probes; nil for none.
	Startup   *Probe `json:",omitempty"`
	Liveness  *Probe `json:",omitempty"`
	Readiness *Probe `json:",omitempty"`
	// PostStart and PreStop are hooks; nil for none.
	PostStart *Action `json:",omitempty"`
	PreStop   *Action `json:",omitempty"`
}

// Restart says when a companion is started again.
type Restart string

// The policies.
const (
	Never     Restart = ""
	OnFailure Restart = "OnFailure"
	Always    Restart = "Always"
)

// Probe is an action that is repeated.
type Probe struct {
	Action       Action
	InitialDelay time.Duration `json:",omitempty"`
	Period       time.Duration
	Timeout      time.Duration
	Failures     int // in a row that count, from 1
	Successes    int `json:",omitempty"` // in a row after a failure that count; less than 1 means 1
	// Grace, when set, is the time to end after it has failed, instead of the pod's.
	Grace time.Duration `json:",omitempty"`
}

// Action is one thing to do. Exactly one of its fields is set.
type Action struct {
	Exec  []string      `json:",omitempty"`
	HTTP  *Get          `json:",omitempty"`
	TCP   string        `json:",omitempty"` // address:port
	GRPC  *Health       `json:",omitempty"`
	Sleep time.Duration `json:",omitempty"`
}

// Get is an HTTP GET.
type Get struct {
	Address string            // address:port
	TLS     bool              `json:",omitempty"` // whoever the certificate is of
	Path    string            // with a query
	Headers map[string]string `json:",omitempty"`
}

// Health is a call of grpc.health.v1.Health/Check without encryption.
type Health struct {
	Address string // address:port
	Service string // empty for the server as a whole
}

// Verdict is why a pod failed.
type Verdict struct {
	Reason  string // stable word
	Message string // for people
}

// ReadVerdict returns why a pod failed; fs.ErrNotExist when that was its command's own
// exit status.
func ReadVerdict(path string) (Verdict, error) {
	var v Verdict
	data, err := os.ReadFile(path)
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal(data, &v)
}

// IsReady reports what a pod has written to Plan.Ready last.
func IsReady(path string) bool {
	data, err := os.ReadFile(path)
	return err == nil && string(data) == readyWord
}

const readyWord = "ready\n"

// WriteVerdict writes what ReadVerdict returns.
func WriteVerdict(path string, v Verdict) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// Main runs the pod whose command is args and returns the status to exit with.
func Main(args []string, errOut io.Writer) int {
	var plan Plan
	if err := json.Unmarshal([]byte(os.Getenv(Variable)), &plan); err != nil {
		_, _ = fmt.Fprintf(errOut, "kfmesh-supervisor: pod wants a plan in %s: %v\n", Variable, err)
		return 2
	}
	main := plan.Main
	main.Args = args
	main.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, Variable+"=") })
	plan.Main = main
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, syscall.SIGINT)
	stop := make(chan struct{})
	go func() {
		<-told
		close(stop)
	}()
	return Run(processes{verdict: plan.Verdict, ready: plan.Ready, prober: plan.Prober, out: errOut}, plan, stop)
}
