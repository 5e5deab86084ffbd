package training

import (
	"net/url"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Config are the limits of the service.
type Config struct {
	TrainingURI      string        `koanf:"training-uri" usage:"URL at which TrainJobs reach the gateway, to say how far they have come; empty means this process's own gateway, if it has one"`
	TrainingLeaseTTL time.Duration `koanf:"training-lease-ttl" usage:"time after which another replica of the training service takes over from one that is silent"`
}

// DefaultConfig returns limits that fit a machine of any size.
func DefaultConfig() Config { return Config{TrainingLeaseTTL: 3 * time.Second} }

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	if c.TrainingLeaseTTL < time.Second {
		return fault.Invalidf("training-lease-ttl", "is %s; want at least %s", c.TrainingLeaseTTL, time.Second)
	}
	if u, err := url.Parse(c.TrainingURI); c.TrainingURI != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return fault.Invalidf("training-uri", "is %q; want the URL of the gateway, such as http://kfmesh.example:8080", c.TrainingURI)
	}
	return nil
}
