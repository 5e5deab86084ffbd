package platform

import (
	"strings"
	"testing"

	"github.com/kfmesh/kfmesh/internal/config"
)

func TestDefaultsNeedOnlyABucket(t *testing.T) {
	t.Parallel()
	for service, port := range map[string]string{"pipeline": "9101", "training": "9102", "metadata": "9105", "gpuagent": "9107"} {
		cfg := DefaultConfig(service)
		cfg.Backends.BlobURL = config.Secret("/srv/kfmesh")
		if err := cfg.Validate(); err != nil {
			t.Errorf("%s: %v", service, err)
		}
		if !strings.HasSuffix(cfg.Listen, ":"+port) {
			t.Errorf("%s listens on %s, want port %s", service, cfg.Listen, port)
		}
		if addresses, err := cfg.addresses(); err != nil || addresses[service] != cfg.Listen {
			t.Errorf("%s is looked for at %q (%v), but listens on %s", service, addresses[service], err, cfg.Listen)
		}
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	t.Parallel()
	for field, spoil := range map[string]func(*Config){
		"listen":         func(c *Config) { c.Listen = "9101" },
		"peers":          func(c *Config) { c.Peers = []string{"pipeline:9101"} },
		"etcd-endpoints": func(c *Config) { c.Backends.EtcdEndpoints = nil },
		"nats-url":       func(c *Config) { c.Backends.NATSURL = "" },
		"blob-url":       func(c *Config) { c.Backends.BlobURL = "" },
		"log-level":      func(c *Config) { c.Log.Level = "loud" },
	} {
		cfg := DefaultConfig("pipeline")
		cfg.Backends.BlobURL = config.Secret("/srv/kfmesh")
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: got %v", field, err)
		}
	}
}
