package metadata

import (
	"log/slog"
	"net/url"

	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// Config says where the database is.
type Config struct {
	// DatabaseURL is sqlite:///absolute/path, a file that is made when missing,
	// or postgres://user:password@host:port/database. PostgreSQL's own
	// environment (PGPASSWORD, PGSSLMODE, ...) and ~/.pgpass count too.
	DatabaseURL string `koanf:"database-url"`
}

// DefaultConfig names no database: where it is depends on the shape of the
// installation.
func DefaultConfig() Config { return Config{} }

// SQLiteURL is the database URL of a file with an absolute path.
func SQLiteURL(path string) string {
	return (&url.URL{Scheme: "sqlite", Path: path}).String()
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error { return sqlstore.CheckURL(c.DatabaseURL) }

// LogValue is the configuration without its password.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.String("database-url", c.redacted()))
}

// String is the configuration without its password.
func (c Config) String() string { return "database-url=" + c.redacted() }

func (c Config) redacted() string {
	target, err := url.Parse(c.DatabaseURL)
	if err != nil {
		return "***"
	}
	if _, has := target.User.Password(); has {
		target.User = url.UserPassword(target.User.Username(), "***")
	}
	settings := target.Query()
	if settings.Has("password") {
		settings.Set("password", "***")
		target.RawQuery = settings.Encode()
	}
	text, err := url.PathUnescape(target.String()) // or the stars would be escaped
	if err != nil {
		return "***"
	}
	return text
}
