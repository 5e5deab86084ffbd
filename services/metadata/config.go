package metadata

import (
	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/services/metadata/internal/emit"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// Config says where the database is.
type Config struct {
	// DatabaseURL is sqlite:///absolute/path, a file that is made when missing,
	// or postgres://user:password@host:port/database. PostgreSQL's own
	// environment (PGPASSWORD, PGSSLMODE, ...) and ~/.pgpass count too.
	DatabaseURL config.Secret `koanf:"database-url" usage:"where metadata and history are kept: sqlite:///absolute/path or postgres://user@host/database"`
	Lineage     LineageConfig `koanf:",squash"`
}

// LineageConfig says who else is told of lineage.
type LineageConfig struct {
	OpenLineageURL string `koanf:"openlineage-url" usage:"receiver of OpenLineage events that is told what ran, such as http://marquez.example:5000; empty means none"`
}

// Validate says what is wrong with the configuration.
func (c LineageConfig) Validate() error { return emit.CheckURL(c.OpenLineageURL) }

// DefaultConfig names no database: where it is depends on the shape of the
// installation.
func DefaultConfig() Config { return Config{} }

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	if err := sqlstore.CheckURL(string(c.DatabaseURL)); err != nil {
		return err
	}
	return c.Lineage.Validate()
}
