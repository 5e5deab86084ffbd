package sqlstore

import (
	"strconv"
	"strings"
)

// Dialect is a spelling of SQL.
type Dialect int

// The dialects.
const (
	SQLite Dialect = iota
	Postgres
)

// String names the engine.
func (d Dialect) String() string {
	if d == Postgres {
		return "PostgreSQL"
	}
	return "SQLite"
}

// Contains is a condition that holds where the text expression contains the
// next bound value, case and all.
func (d Dialect) Contains(expression string) string {
	if d == Postgres {
		return "strpos(" + expression + ", ?) > 0"
	}
	return "instr(" + expression + ", ?) > 0"
}

// rowsAtOnce is how many rows of so many columns an INSERT carries at best.
// SQLite's driver takes a time for each value that grows with their number, and
// gains nothing from more; a PostgreSQL server is a round trip away.
func (d Dialect) rowsAtOnce(columns int) int {
	if d == Postgres {
		return 16_000 / columns
	}
	return max(1, 100/columns)
}

// bind numbers the placeholders where the engine wants them numbered. The
// statements of this service hold no question mark inside a literal.
func (d Dialect) bind(statement string) string {
	if d == SQLite {
		return statement
	}
	var b strings.Builder
	b.Grow(len(statement) + 16)
	n := 0
	for _, r := range statement {
		if r != '?' {
			b.WriteRune(r)
			continue
		}
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

// schema replaces the column types that migrations name in capitals, NOW_MILLIS,
// which is the time in milliseconds since 1970, and KEYED after a table, which has
// its rows kept in the order of its primary key where the engine can.
func (d Dialect) schema(statement string) string {
	types := []string{
		"IDENTITY", "INTEGER PRIMARY KEY AUTOINCREMENT", "VARTEXT", "TEXT", "VARBYTES", "BLOB",
		"DOUBLE PRECISION", "REAL", ") KEYED;", ") WITHOUT ROWID;", "NOW_MILLIS", "unixepoch() * 1000",
	}
	if d == Postgres {
		types = []string{
			"IDENTITY", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
			"VARTEXT", `TEXT COLLATE "C"`, "VARBYTES", "BYTEA", ") KEYED;", ");", "NOW_MILLIS", "CAST(EXTRACT(EPOCH FROM now()) * 1000 AS BIGINT)",
		}
	}
	return strings.NewReplacer(types...).Replace(statement)
}
