package metadata

import (
	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// Config says where the database is.
type Config struct {
	// DatabaseURL is sqlite:///absolute/path, a file that is made when missing,
	// or postgres://user:password@host:port/database. PostgreSQL's own
	// environment (PGPASSWORD, PGSSLMODE, ...) and ~/.pgpass count too.
	DatabaseURL config.Secret `koanf:"database-url" usage:"where metadata and history are kept: sqlite:///absolute/path or postgres://user@host/database"`
}

// DefaultConfig names no database: where it is depends on the shape of the
// installation.
func DefaultConfig() Config { return Config{} }

// Validate says what is wrong with the configuration.
func (c Config) Validate() error { return sqlstore.CheckURL(string(c.DatabaseURL)) }
