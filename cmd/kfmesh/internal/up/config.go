// Package up is `kfmesh up`: every service of kfmesh in this process, over
// embedded backends, speaking gRPC to one another through memory.
package up

import (
	"os"
	"path/filepath"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/telemetry"
)

// Config is everything that can be set about `kfmesh up`: what is set for the
// process, and what its services take.
type Config struct {
	DataDir string              `koanf:"data-dir" usage:"directory that holds everything"`
	Log     telemetry.LogConfig `koanf:",squash"`
}

// DefaultConfig serves on this machine only and logs what has gone wrong, for
// people.
func DefaultConfig() Config {
	return Config{
		DataDir: defaultDataDir(),
		Log:     telemetry.LogConfig{Level: "warn", Format: "text"},
	}
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	if c.DataDir == "" {
		return fault.Invalidf("data-dir", "is empty; give the directory that is to hold everything")
	}
	return c.Log.Validate()
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
