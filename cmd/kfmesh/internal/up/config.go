// Package up is `kfmesh up`: every service of kfmesh in this process, over
// embedded backends, speaking gRPC to one another through memory.
package up

import (
	"os"
	"path/filepath"

	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/door"
	"github.com/kfmesh/kfmesh/internal/telemetry"
	"github.com/kfmesh/kfmesh/services/gateway"
	"github.com/kfmesh/kfmesh/services/gpuagent"
	"github.com/kfmesh/kfmesh/services/metadata"
	"github.com/kfmesh/kfmesh/services/pipeline"
	"github.com/kfmesh/kfmesh/services/training"
)

// Config is everything that can be set about `kfmesh up`: what is set for the
// process, and what its services take.
type Config struct {
	DataDir  string                 `koanf:"data-dir" usage:"directory that holds everything"`
	Log      telemetry.LogConfig    `koanf:",squash"`
	Lineage  metadata.LineageConfig `koanf:",squash"`
	Gateway  gateway.Config         `koanf:",squash"`
	Pipeline pipeline.Config        `koanf:",squash"`
	Training training.Config        `koanf:",squash"`
	Agent    gpuagent.Config        `koanf:",squash"`
	Door     door.Config            `koanf:",squash"`
}

// DefaultConfig serves on this machine only and logs what has gone wrong, for
// people.
func DefaultConfig() Config {
	return Config{
		DataDir:  defaultDataDir(),
		Log:      telemetry.LogConfig{Level: "warn", Format: "text"},
		Gateway:  gateway.DefaultConfig(),
		Pipeline: pipeline.DefaultConfig(),
		Training: training.DefaultConfig(),
		Agent:    gpuagent.DefaultConfig(),
	}
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	if c.DataDir == "" {
		return fault.Invalidf("data-dir", "is empty; give the directory that is to hold everything")
	}
	c, err := c.resolved()
	if err != nil {
		return err
	}
	for _, part := range []config.Validator{c.Log, c.Lineage, c.Gateway, c.Pipeline, c.Training, c.Agent, c.Door} {
		if err := part.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// resolved is the configuration with absolute paths, what the agent keeps being
// in the data directory unless set apart.
func (c Config) resolved() (Config, error) {
	var err error
	if c.DataDir, err = filepath.Abs(c.DataDir); err != nil {
		return c, fault.Invalidf("data-dir", "cannot be made absolute: %v", err)
	}
	if c.Agent.AgentDir == "" {
		c.Agent.AgentDir = filepath.Join(c.DataDir, "agent")
	}
	return c, nil
}

// defaultDataDir is kfmesh in the user's data directory, which is
// ~/.local/share unless XDG_DATA_HOME says otherwise (XDG Base Directory
// Specification). It is empty for a user without a home.
func defaultDataDir() string {
	if data := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
		return filepath.Join(data, "kfmesh")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "share", "kfmesh")
}
