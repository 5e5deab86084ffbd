package gateway

import (
	"net"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Config says where the gateway listens.
type Config struct {
	HTTPAddr string `koanf:"http-addr" usage:"address of the REST APIs and pages; port 0 picks a free one"`
	GRPCAddr string `koanf:"grpc-addr" usage:"address of the gRPC API; port 0 picks a free one"`
}

// DefaultConfig listens on this host alone.
func DefaultConfig() Config {
	return Config{HTTPAddr: "127.0.0.1:8080", GRPCAddr: "127.0.0.1:9090"}
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	var wrong []fault.Violation
	for _, setting := range []struct{ name, address string }{{"http-addr", c.HTTPAddr}, {"grpc-addr", c.GRPCAddr}} {
		if _, _, err := net.SplitHostPort(setting.address); err != nil {
			wrong = append(wrong, fault.Violation{
				Field:  setting.name,
				Reason: "\"" + setting.address + "\" is not an address; want host:port, such as 127.0.0.1:8080",
			})
		}
	}
	if len(wrong) > 0 {
		return fault.InvalidAll(wrong)
	}
	return nil
}
