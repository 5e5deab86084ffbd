package gpuagent

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// Config is what can be set about the agent.
type Config struct {
	AgentDir   string   `koanf:"agent-dir" usage:"directory of workloads and Python environments on this node"`
	NodeName   string   `koanf:"node-name" usage:"name of this node"`
	Supervisor string   `koanf:"supervisor" usage:"path of kfmesh-supervisor; empty looks beside this program, then in PATH"`
	UV         string   `koanf:"uv" usage:"path of uv; empty looks beside this program, then in PATH; without uv venv and pip are used"`
	Python     string   `koanf:"python" usage:"default Python interpreter of steps, a path or a name in PATH"`
	ImageMap   string   `koanf:"image-map" usage:"YAML file that says what images mean on this host"`
	PassEnv    []string `koanf:"pass-env" usage:"variables that steps get although their names look like secrets"`
}

// DefaultConfig is a node named after its host. AgentDir is for the caller to set.
func DefaultConfig() Config {
	host, err := os.Hostname()
	if err != nil || !state.ValidName(host) {
		host = "localhost"
	}
	return Config{NodeName: host, Python: "python3"}
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	var violations []fault.Violation
	if !filepath.IsAbs(c.AgentDir) {
		violations = append(violations, fault.Violation{Field: "agent-dir", Reason: fmt.Sprintf("%q is not an absolute path; want one such as /var/lib/kfmesh/agent", c.AgentDir)})
	}
	if !state.ValidName(c.NodeName) {
		violations = append(violations, fault.Violation{Field: "node-name", Reason: fmt.Sprintf("%q: want letters, digits, '-', '_' and '.', with a letter or digit at both ends", c.NodeName)})
	}
	if violations != nil {
		return fault.InvalidAll(violations)
	}
	return nil
}
