package gpuagent

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/detect"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/engine"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/garbage"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/scheduler"
)

// Config is what can be set about the agent.
type Config struct {
	AgentDir   string   `koanf:"agent-dir" usage:"directory of workloads and Python environments on this node"`
	NodeName   string   `koanf:"node-name" usage:"name of this node"`
	NodeHost   string   `koanf:"node-host" usage:"host name or address at which replicas on other nodes reach those on this one; empty means its first address that is not of the loopback"`
	MaxActive  int      `koanf:"max-workloads" usage:"workloads that run at once on this node; 0 means 16 for each core"`
	Supervisor string   `koanf:"supervisor" usage:"path of kfmesh-supervisor; empty looks beside this program, then in PATH"`
	UV         string   `koanf:"uv" usage:"path of uv; empty looks beside this program, then in PATH; without uv venv and pip are used"`
	Python     string   `koanf:"python" usage:"default Python interpreter of steps, a path or a name in PATH"`
	ImageMap   string   `koanf:"image-map" usage:"YAML file that says what images mean on this host"`
	PassEnv    []string `koanf:"pass-env" usage:"variables that steps get although their names look like secrets"`

	FakeGPUs   string        `koanf:"fake-gpus" usage:"GPUs this node pretends to have, such as 8xH100, 4xA100,2xT4:shared*4 or 1xA100:mig-1g.10gb*7, to try what asks for GPUs where there are none"`
	GPUShares  string        `koanf:"gpu-shares" usage:"into how many shares in its time each GPU is divided, such as 4, or T4=4,A100=2 by model; empty gives out whole ones"`
	NodeLabels []string      `koanf:"node-labels" usage:"labels of this node, as key=value, that workloads can select it by"`
	NodeTaints []string      `koanf:"node-taints" usage:"taints of this node, as key=value:NoSchedule, that keep workloads off which do not tolerate them"`
	NodeLease  time.Duration `koanf:"node-lease" usage:"time after which a node that is not heard of is held for lost, and what it ran is run elsewhere"`
	SecretsURL config.Secret `koanf:"secrets-url" usage:"key that secrets are encrypted with: base64key://... or awskms://...; empty makes one in the agent's directory"`

	FairShare         bool          `koanf:"fair-share" usage:"on the head: take workloads first from the queues that use the least beyond their quotas, by weight"`
	FairShareHalfLife time.Duration `koanf:"fair-share-half-life" usage:"on the head: time after which past use counts half in the fair share; 0 means that only present use counts"`
	QueuePatience     time.Duration `koanf:"queue-patience" usage:"on the head: how long the first workload of a queue waits before room is promised to it"`

	Limits       string `koanf:"limits" usage:"whether CPU and memory limits of steps that run as processes are enforced: auto, by control groups where this agent may make them, or off"`
	MaxProcesses int64  `koanf:"max-processes" usage:"processes and threads that a step that runs as a process may have at once; 0 means any number"`

	Runtime             string   `koanf:"runtime" usage:"what steps run as: process, container, or auto: containers where an engine answers and the image map does not say what the image means on this host"`
	ContainerHost       string   `koanf:"container-host" usage:"address of the Docker or Podman engine; empty means DOCKER_HOST, then the usual sockets"`
	ContainerNetwork    string   `koanf:"container-network" usage:"network of containers: host, bridge, none or a name"`
	ContainerUser       string   `koanf:"container-user" usage:"who containers run as that do not say: image, agent (the user of this agent) or uid[:gid]; empty means agent unless that is root or the engine is rootless"`
	ContainerMounts     []string `koanf:"container-mounts" usage:"directories that every container sees at the same path, beside those kfmesh shares with it; PATH or PATH:ro"`
	ContainerRegistries string   `koanf:"container-registries" usage:"Docker config.json with credentials for registries; empty means config.json in DOCKER_CONFIG or ~/.docker"`

	RetainLogs          time.Duration `koanf:"retain-logs" usage:"time for which logs are kept after they were last written; 0 means for ever"`
	RetainEnvironments  time.Duration `koanf:"retain-environments" usage:"time for which Python environments are kept after they were last used; 0 means for ever"`
	MaxEnvironmentBytes int64         `koanf:"max-environment-bytes" usage:"what all Python environments may take; those unused longest go first; 0 means any amount"`
}

// Values of Config.Runtime.
const (
	runtimeProcess   = runtime.Process
	runtimeContainer = runtime.Container
	runtimeAuto      = "auto"
)

// Values of Config.Limits.
const (
	limitsAuto = "auto"
	limitsOff  = "off"
)

// DefaultConfig is a node named after its host. AgentDir is for the caller to set.
func DefaultConfig() Config {
	host, err := os.Hostname()
	if err != nil || !nodeName.MatchString(host) {
		host = "localhost"
	}
	return Config{
		NodeName: host, Python: "python3", Runtime: runtimeAuto, Limits: limitsAuto, ContainerNetwork: "host", NodeLease: engine.DefaultLeaseTTL,
		QueuePatience: scheduler.DefaultPatience,
	}
}

// nodeName is what names of nodes may be: they are parts of keys.
var nodeName = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9_.]{0,251}[A-Za-z0-9])?$`)

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	var violations []fault.Violation
	if !filepath.IsAbs(c.AgentDir) {
		violations = append(violations, fault.Violation{Field: "agent-dir", Reason: "want the absolute path of a directory for workloads and Python environments"})
	}
	if !nodeName.MatchString(c.NodeName) {
		violations = append(violations, fault.Violation{Field: "node-name", Reason: "want letters, digits, '-', '_' and '.'"})
	}
	if c.MaxActive < 0 {
		violations = append(violations, fault.Violation{Field: "max-workloads", Reason: "is negative"})
	}
	if c.NodeLease < minLease {
		violations = append(violations, fault.Violation{Field: "node-lease", Reason: fmt.Sprintf("is %s; want %s or more", c.NodeLease, minLease)})
	}
	violations = append(violations, checkLabels(c.NodeLabels)...)
	violations = append(violations, c.checkPolicy()...)
	violations = append(violations, c.validateLimits()...)
	if _, err := c.gpus(nil); err != nil {
		violations = append(violations, err.(*fault.Error).Violations...) //nolint:errorlint,forcetypeassert // it is one, unwrapped
	}
	for name, kept := range map[string]int64{
		"retain-logs": int64(c.RetainLogs), "retain-environments": int64(c.RetainEnvironments), "max-environment-bytes": c.MaxEnvironmentBytes,
	} {
		if kept < 0 {
			violations = append(violations, fault.Violation{Field: name, Reason: "is negative; want 0 or more"})
		}
	}
	violations = append(violations, c.validateContainers()...)
	if violations != nil {
		return fault.InvalidAll(violations)
	}
	return nil
}

// minLease is the shortest lease that is not lost to a busy machine.
const minLease = 2 * time.Second

// host is where replicas on other nodes reach those of this one.
func (c Config) host() string {
	if c.NodeHost != "" {
		return c.NodeHost
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return c.NodeName
	}
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok && network.IP.IsGlobalUnicast() {
			return network.IP.String()
		}
	}
	return c.NodeName
}

// NVML tells whether this program can ask NVIDIA's own library for GPUs, and otherwise needs
// nvidia-smi.
const NVML = detect.NVML

// gpus is where the node's GPUs are looked for.
func (c Config) gpus(log *slog.Logger) (detect.GPUs, error) {
	shares, err := detect.ParseShares(c.GPUShares)
	if err != nil {
		return nil, err
	}
	if c.FakeGPUs == "" {
		return shares.Divide(detect.Real(log)), nil
	}
	fake, err := detect.ParseFakes(c.FakeGPUs, c.NodeName)
	fake.Events, fake.Devices = filepath.Join(c.AgentDir, "fake-gpu-events"), filepath.Join(c.AgentDir, "fake-gpu-devices")
	return shares.Divide(fake), err
}

func (c Config) retention() garbage.Retention {
	return garbage.Retention{Logs: c.RetainLogs, Environments: c.RetainEnvironments, EnvironmentBytes: c.MaxEnvironmentBytes}
}
