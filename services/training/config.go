package training

import (
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Config are the limits of the service.
type Config struct {
	TrainingLeaseTTL time.Duration `koanf:"training-lease-ttl" usage:"time after which another replica of the training service takes over from one that is silent"`
}

// DefaultConfig returns limits that fit a machine of any size.
func DefaultConfig() Config { return Config{TrainingLeaseTTL: 3 * time.Second} }

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	if c.TrainingLeaseTTL < time.Second {
		return fault.Invalidf("training-lease-ttl", "is %s; want at least %s", c.TrainingLeaseTTL, time.Second)
	}
	return nil
}
