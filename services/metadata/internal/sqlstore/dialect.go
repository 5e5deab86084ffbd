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

// Contains is a condition that holds where the text expression contains a text,
// case and all, with the value to bind. On PostgreSQL it is one that an index of
// trigrams can answer.
func (d Dialect) Contains(expression, text string) (condition string, value string) {
	if d == Postgres {
		return expression + " LIKE ?", "%" + likeEscapes.Replace(text) + "%"
	}
	return "instr(" + expression + ", ?) > 0", text
}

// likeEscapes has LIKE take a text literally.
var likeEscapes = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)

// owns reports whether a file of migrations is for this engine.
func (d Dialect) owns(file string) bool {
	if d == Postgres {
		return !strings.HasSuffix(file, ".sqlite.sql")
	}
	return !strings.HasSuffix(file, ".postgres.sql")
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

// ForUpdate ends a query whose rows are to stay as they are until the transaction
// ends. SQLite has one writer at a time, so there they do.
func (d Dialect) ForUpdate() string {
	if d == Postgres {
		return "FOR UPDATE"
	}
	return ""
}

// Like is a condition that holds where the text expression matches a pattern, in
// which % stands for any text and _ for any one character, and no other
// character for anything but itself. SQLite's own LIKE takes an a for an A, so
// that its GLOB does the work. A pattern is at most 16,000 bytes long, the
// longest that SQLite takes when every character needs brackets.
func (d Dialect) Like(expression, pattern string) *Query {
	if d == Postgres {
		return Q(expression+" LIKE ? ESCAPE ''", pattern)
	}
	return Q(expression+" GLOB ?", globs.Replace(pattern))
}

// ILike is Like that takes the letters A to Z of either case for the same.
func (d Dialect) ILike(expression, pattern string) *Query {
	if d == Postgres {
		return Q(expression+" ILIKE ? ESCAPE ''", pattern)
	}
	return Q(expression+" LIKE ?", pattern)
}

// globs turns a pattern of LIKE into one of GLOB.
var globs = strings.NewReplacer("%", "*", "_", "?", "*", "[*]", "?", "[?]", "[", "[[]")

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
