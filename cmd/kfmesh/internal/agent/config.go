// Package agent is `kfmesh agent`: the agent of a machine that joins the mesh of a
// `kfmesh up` elsewhere. Its store and its objects are the head's, reached through
// the head's door; its own gRPC port is for the head alone.
package agent

import (
	"net"
	"os"
	"path/filepath"

	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/joined"
	"github.com/kfmesh/kfmesh/internal/telemetry"
	"github.com/kfmesh/kfmesh/services/gpuagent"
)

// Config is everything that can be set about `kfmesh agent`.
type Config struct {
	Mesh      joined.Config       `koanf:",squash"`
	Listen    string              `koanf:"listen" usage:"address of the agent's gRPC port, for the head alone"`
	Advertise string              `koanf:"advertise" usage:"address at which the head reaches that port, host:port; empty means the host that the head sees, and the port of --listen"`
	Log       telemetry.LogConfig `koanf:",squash"`
	Agent     gpuagent.Config     `koanf:",squash"`
}

// DefaultConfig listens on all addresses, and logs what happens for people.
func DefaultConfig() Config {
	return Config{
		Listen: ":9444",
		Log:    telemetry.LogConfig{Level: "info", Format: "text"},
		Agent:  gpuagent.DefaultConfig(),
	}
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	for _, setting := range []struct{ name, address string }{{"listen", c.Listen}, {"advertise", c.Advertise}} {
		if _, _, err := net.SplitHostPort(setting.address); err != nil && (setting.address != "" || setting.name == "listen") {
			return fault.Invalidf(setting.name, "is %q; want host:port, such as :9444", setting.address)
		}
	}
	c, err := c.resolved()
	if err != nil {
		return err
	}
	for _, part := range []config.Validator{c.Mesh, c.Log, c.Agent} {
		if err := part.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// resolved is the configuration with absolute paths, and with the name of the node that the
// directory belongs to where no other was chosen.
func (c Config) resolved() (Config, error) {
	if c.Agent.AgentDir == "" {
		c.Agent.AgentDir = defaultDir()
	}
	if c.Agent.AgentDir == "" {
		return c, fault.Invalidf("agent-dir", "is empty, and you have no home; give a directory for workloads and certificates")
	}
	dir, err := filepath.Abs(c.Agent.AgentDir)
	if err != nil {
		return c, fault.Invalidf("agent-dir", "cannot be made absolute: %v", err)
	}
	c.Agent.AgentDir = dir
	if kept := joined.NodeOf(c.meshDir()); kept != "" && c.Agent.NodeName == DefaultConfig().Agent.NodeName {
		c.Agent.NodeName = kept
	}
	return c, nil
}

// meshDir is where what makes this machine a member is kept.
func (c Config) meshDir() string { return filepath.Join(c.Agent.AgentDir, "mesh") }

// defaultDir is kfmesh-agent in the user's data directory (XDG Base Directory
// Specification), empty for a user without a home.
func defaultDir() string {
	if data := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
		return filepath.Join(data, "kfmesh-agent")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "share", "kfmesh-agent")
}
