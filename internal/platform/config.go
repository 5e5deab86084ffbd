package platform

import (
	"net"
	"strings"

	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/telemetry"
)

// BackendConfig says where the backends are.
type BackendConfig struct {
	EtcdEndpoints []string      `koanf:"etcd-endpoints" usage:"addresses of the etcd cluster, host:port, separated by commas"`
	NATSURL       config.Secret `koanf:"nats-url" usage:"address of NATS with JetStream, nats://host:port"`
	BlobURL       config.Secret `koanf:"blob-url" usage:"bucket of artifacts: an absolute directory that all services share, or the URL of a bucket"`
}

// Config is what every service that runs on its own is told.
type Config struct {
	Listen   string              `koanf:"listen" usage:"address of the service's gRPC port, for the other services"`
	Metrics  string              `koanf:"metrics-addr" usage:"address of an HTTP port that serves /metrics; empty means none"`
	Peers    []string            `koanf:"peers" usage:"where the other services are, name=host:port, separated by commas"`
	Backends BackendConfig       `koanf:",squash"`
	Log      telemetry.LogConfig `koanf:",squash"`
}

// ports are where services listen unless told otherwise.
var ports = map[string]string{
	"pipeline": "9101",
	"training": "9102",
	"metadata": "9105",
	"gpuagent": "9107",
	"gateway":  "9110",
}

// DefaultConfig is the configuration of a service whose surroundings all run
// on this host.
func DefaultConfig(service string) Config {
	cfg := Config{
		Listen: net.JoinHostPort("127.0.0.1", ports[service]),
		Backends: BackendConfig{
			EtcdEndpoints: []string{"127.0.0.1:2379"},
			NATSURL:       "nats://127.0.0.1:4222",
		},
		Log: telemetry.DefaultLogConfig(),
	}
	for _, peer := range []string{"pipeline", "training", "metadata", "gpuagent"} {
		cfg.Peers = append(cfg.Peers, peer+"="+net.JoinHostPort("127.0.0.1", ports[peer]))
	}
	return cfg
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fault.Invalidf("listen", "is %q; want host:port", c.Listen)
	}
	if _, _, err := net.SplitHostPort(c.Metrics); c.Metrics != "" && err != nil {
		return fault.Invalidf("metrics-addr", "is %q; want host:port, or nothing", c.Metrics)
	}
	if _, err := c.addresses(); err != nil {
		return err
	}
	if err := c.Backends.Validate(); err != nil {
		return err
	}
	return c.Log.Validate()
}

// Validate says what is wrong with the configuration.
func (c BackendConfig) Validate() error {
	switch {
	case len(c.EtcdEndpoints) == 0:
		return fault.Invalidf("etcd-endpoints", "is empty; give the addresses of the etcd cluster, such as 127.0.0.1:2379")
	case c.NATSURL == "":
		return fault.Invalidf("nats-url", "is empty; give the address of NATS, such as nats://127.0.0.1:4222")
	case c.BlobURL == "":
		return fault.Invalidf("blob-url", "is empty; give a directory that all services share, such as /srv/kfmesh, or the URL of a bucket")
	}
	return nil
}

// addresses returns the addresses of the other services by their names.
func (c Config) addresses() (map[string]string, error) {
	addresses := make(map[string]string, len(c.Peers))
	for _, peer := range c.Peers {
		name, address, ok := strings.Cut(peer, "=")
		if _, _, err := net.SplitHostPort(address); !ok || name == "" || err != nil {
			return nil, fault.Invalidf("peers", "has %q; want name=host:port", peer)
		}
		if _, twice := addresses[name]; twice {
			return nil, fault.Invalidf("peers", "names %s twice", name)
		}
		addresses[name] = address
	}
	return addresses, nil
}
