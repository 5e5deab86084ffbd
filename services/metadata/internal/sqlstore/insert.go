package sqlstore

import (
	"context"
	"strings"
)

// Insert adds rows to a table, many in one statement.
type Insert struct {
	tx      *Tx
	head    string
	row     string // "(?, ?)"
	tail    string
	most    int // rows of a statement
	columns int

	text    string // the last statement
	rows    int    // of the last statement
	args    []any  // of the rows that wait
	changed int64
}

// Insert starts an INSERT into some columns of a table; conflict is what follows
// the rows, such as "ON CONFLICT DO NOTHING". Flush must follow the last row.
func (t *Tx) Insert(table string, columns []string, conflict string) *Insert {
	n := len(columns)
	return &Insert{
		tx: t, columns: n, most: t.db.dialect.rowsAtOnce(n), tail: " " + conflict,
		head: "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES ",
		row:  "(" + strings.Repeat("?, ", n-1) + "?)",
	}
}

// Row adds a row, of one value a column. It may insert those that wait.
func (i *Insert) Row(ctx context.Context, values ...any) error {
	if len(values) != i.columns {
		panic("sqlstore: a row has other columns than its table")
	}
	i.args = append(i.args, values...)
	if len(i.args) < i.most*i.columns {
		return nil
	}
	return i.flush(ctx)
}

// Flush inserts the rows that wait and returns how many rows were inserted or
// changed altogether.
func (i *Insert) Flush(ctx context.Context) (int64, error) {
	err := i.flush(ctx)
	return i.changed, err
}

func (i *Insert) flush(ctx context.Context) error {
	rows := len(i.args) / i.columns
	if rows == 0 {
		return nil
	}
	if rows != i.rows {
		i.text, i.rows = i.head+strings.Repeat(i.row+", ", rows-1)+i.row+i.tail, rows
	}
	n, err := i.tx.exec(ctx, i.text, i.args)
	i.args = i.args[:0]
	i.changed += n
	return err
}
