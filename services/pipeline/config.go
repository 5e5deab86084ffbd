package pipeline

import (
	"fmt"
	"net/url"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/engine"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/garbage"
)

// Config are the limits of the service.
type Config struct {
	MaxRuns           int           `koanf:"max-runs" usage:"runs worked on at once; further ones stay PENDING"`
	MaxLoopIterations int           `koanf:"max-loop-iterations" usage:"largest number of iterations of one ParallelFor"`
	MaxRunCalls       int           `koanf:"max-run-calls" usage:"steps of one run that are submitted at once"`
	RunSaveDelay      time.Duration `koanf:"run-save-delay" usage:"longest time a task waits to be saved, and recorded in the metadata, with others"`
	MaxDigestBytes    int64         `koanf:"max-digest-bytes" usage:"largest artifact that caching knows by its content"`
	CacheTTL          time.Duration `koanf:"cache-ttl" usage:"time for which what a task made may be reused; 0 means for ever"`
	RetainRuns        time.Duration `koanf:"retain-runs" usage:"time for which runs are kept after they finished; 0 means for ever"`
	RetainRunsCount   int           `koanf:"retain-runs-count" usage:"finished runs of each experiment that are kept, the newest; 0 means all"`
	CollectInterval   time.Duration `koanf:"collect-interval" usage:"time between two rounds of housekeeping, where anything is not kept for ever"`
	PipelineLeaseTTL  time.Duration `koanf:"pipeline-lease-ttl" usage:"time after which another replica takes over from one that is silent"`
	TrackingURI       string        `koanf:"tracking-uri" usage:"URL at which steps reach the gateway, for experiment tracking; empty means this process's own gateway, if it has one"`
}

// DefaultConfig returns limits that fit a machine of any size.
func DefaultConfig() Config {
	d := engine.DefaultConfig()
	return Config{
		MaxRuns:           d.MaxRuns,
		MaxLoopIterations: d.MaxIterations,
		MaxRunCalls:       d.MaxCalls,
		RunSaveDelay:      d.SaveDelay,
		MaxDigestBytes:    d.MaxDigestBytes,
		CollectInterval:   time.Hour,
		PipelineLeaseTTL:  3 * time.Second,
	}
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	var violations []fault.Violation
	atLeast := func(name string, value, least int64) {
		if value < least {
			violations = append(violations, fault.Violation{Field: name, Reason: fmt.Sprintf("is %d; want at least %d", value, least)})
		}
	}
	atLeast("max-runs", int64(c.MaxRuns), 1)
	atLeast("max-loop-iterations", int64(c.MaxLoopIterations), 1)
	atLeast("max-run-calls", int64(c.MaxRunCalls), 1)
	atLeast("max-digest-bytes", c.MaxDigestBytes, 0)
	atLeast("retain-runs-count", int64(c.RetainRunsCount), 0)
	noShorter := func(name string, value, least time.Duration) {
		if value < least {
			violations = append(violations, fault.Violation{Field: name, Reason: fmt.Sprintf("is %s; want at least %s", value, least)})
		}
	}
	noShorter("run-save-delay", c.RunSaveDelay, 0)
	noShorter("cache-ttl", c.CacheTTL, 0)
	noShorter("retain-runs", c.RetainRuns, 0)
	noShorter("collect-interval", c.CollectInterval, time.Second)
	noShorter("pipeline-lease-ttl", c.PipelineLeaseTTL, time.Second)
	if u, err := url.Parse(c.TrackingURI); c.TrackingURI != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		violations = append(violations, fault.Violation{
			Field: "tracking-uri", Reason: fmt.Sprintf("is %q; want the URL of the gateway, such as http://kfmesh.example:8080", c.TrackingURI),
		})
	}
	if violations != nil {
		return fault.InvalidAll(violations)
	}
	return nil
}

func (c Config) retention() garbage.Retention {
	return garbage.Retention{Runs: c.RetainRuns, RunsCount: c.RetainRunsCount, CacheTTL: c.CacheTTL}
}

func (c Config) engine() engine.Config {
	return engine.Config{
		MaxRuns:        c.MaxRuns,
		MaxIterations:  c.MaxLoopIterations,
		MaxCalls:       c.MaxRunCalls,
		SaveDelay:      c.RunSaveDelay,
		MaxDigestBytes: c.MaxDigestBytes,
		KeptWorkloads:  engine.DefaultConfig().KeptWorkloads,
		CacheTTL:       c.CacheTTL,
	}
}
