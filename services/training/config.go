package training

import (
	"net/url"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Config are the limits of the service.
type Config struct {
	TrainingURI      string        `koanf:"training-uri" usage:"URL at which TrainJobs reach the gateway, to say how far they have come; empty means this process's own gateway, if it has one"`
	ArchiveJobsAfter time.Duration `koanf:"archive-jobs-after" usage:"time after its end at which a training job moves to the archive; 0 means never"`
	RetainJobs       time.Duration `koanf:"retain-jobs" usage:"time for which training jobs are kept after they ended; 0 means for ever"`
	RetainJobsCount  int           `koanf:"retain-jobs-count" usage:"training jobs of each namespace that are kept after their end, the newest; 0 means all"`
	TrainingLeaseTTL time.Duration `koanf:"training-lease-ttl" usage:"time after which another replica of the training service takes over from one that is silent"`
}

// DefaultConfig returns limits that fit a machine of any size.
func DefaultConfig() Config {
	return Config{ArchiveJobsAfter: time.Hour, TrainingLeaseTTL: 3 * time.Second}
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	if c.TrainingLeaseTTL < time.Second {
		return fault.Invalidf("training-lease-ttl", "is %s; want at least %s", c.TrainingLeaseTTL, time.Second)
	}
	for name, given := range map[string]time.Duration{"archive-jobs-after": c.ArchiveJobsAfter, "retain-jobs": c.RetainJobs} {
		if given < 0 {
			return fault.Invalidf(name, "is %s; want at least 0s", given)
		}
	}
	if c.RetainJobsCount < 0 {
		return fault.Invalidf("retain-jobs-count", "is %d; want at least 0", c.RetainJobsCount)
	}
	if u, err := url.Parse(c.TrainingURI); c.TrainingURI != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return fault.Invalidf("training-uri", "is %q; want the URL of the gateway, such as http://kfmesh.example:8080", c.TrainingURI)
	}
	return nil
}
