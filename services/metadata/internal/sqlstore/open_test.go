package sqlstore_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

func TestCheckURL(t *testing.T) {
	for databaseURL, ok := range map[string]bool{
		"sqlite:///var/lib/kfmesh/metadata.db": true,
		"sqlite:///a%20b/%3Fc.db":              true,
		"postgres://u:p@h:5432/d":              true,
		"postgresql:///d?host=/run":            true,
		"":                                     false,
		"metadata.db":                          false,
		"sqlite://relative.db":                 false,
		"sqlite:relative.db":                   false,
		"sqlite:///folder/":                    false,
		"mysql://u@h/d":                        false,
		"postgres://u:secret@h:port/d":         false,
	} {
		err := sqlstore.CheckURL(databaseURL)
		if (err == nil) != ok {
			t.Errorf("CheckURL(%q) = %v, want ok = %t", databaseURL, err, ok)
		}
		if err != nil && (!fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("CheckURL(%q) = %v, want an Invalid fault that tells no secret", databaseURL, err)
		}
	}
}

func TestOpenTwiceKeepsContent(t *testing.T) {
	sqltest.EachURL(t, func(t *testing.T, databaseURL string) {
		db := sqltest.Open(t, databaseURL)
		insertRecord(t, db, "kept")
		if again := countRecords(t, sqltest.Open(t, databaseURL)); again != 1 {
			t.Errorf("a second opening sees %d records, want 1", again)
		}
	})
}

func TestReplicasMigrateTogether(t *testing.T) {
	sqltest.EachURL(t, func(t *testing.T, databaseURL string) {
		if strings.HasPrefix(databaseURL, "sqlite") {
			t.Skip("a SQLite file belongs to one process")
		}
		var together sync.WaitGroup
		for range 8 {
			together.Go(func() {
				db, err := sqlstore.Open(t.Context(), databaseURL)
				if err != nil {
					t.Errorf("open: %v", err)
					return
				}
				if err := db.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
		}
		together.Wait()
	})
}

func TestOpenRefusesNewerSchema(t *testing.T) {
	sqltest.EachURL(t, func(t *testing.T, databaseURL string) {
		db := sqltest.Open(t, databaseURL)
		err := db.Write(t.Context(), func(tx *sqlstore.Tx) error {
			_, err := tx.Exec(t.Context(), sqlstore.Q("INSERT INTO schema_version (version_id, is_applied) VALUES (?, ?)", 9000, true))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		refused(t, databaseURL, fault.Precondition, sqlstore.TooNew, "version 9000")
	})
}

func TestOpenRefusesWhatIsNoDatabase(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, "sqlite://"+text, fault.Precondition, sqlstore.Damaged, text)
	refused(t, "sqlite://"+filepath.Join(text, "below"), fault.Precondition, "", "folder")
	refused(t, "sqlite://"+t.TempDir(), fault.Precondition, sqlstore.NotWritable, "check")
}

func TestOpenSaysWhoLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "locked.db")
	holder, err := sql.Open("sqlite", "file:"+path+"?_txlock=exclusive")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Close() }()
	tx, err := holder.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	refused(t, "sqlite://"+path, fault.Unavailable, sqlstore.Locked, "another process")
}

func TestOpenSaysThatServerIsAway(t *testing.T) {
	refused(t, "postgres://u:secret@127.0.0.1:1/d?connect_timeout=2", fault.Unavailable, "", "127.0.0.1:1/d cannot be reached")
}

func TestCloseWaitsAndRefuses(t *testing.T) {
	db, err := sqlstore.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	err = db.Write(t.Context(), func(tx *sqlstore.Tx) error {
		go func() { closed <- db.Close() }()
		for !fault.Is(nothing(t, db), fault.Unavailable) { // until Close has begun
			runtime.Gosched()
		}
		if len(closed) > 0 {
			t.Error("Close did not wait for the transaction")
		}
		return insert(t, tx, "late")
	})
	if err != nil {
		t.Errorf("a transaction that was under way failed: %v", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	if err := nothing(t, db); !fault.Is(err, fault.Unavailable) {
		t.Errorf("after Close: %v, want Unavailable", err)
	}
}

// nothing is a transaction without statements.
func nothing(t *testing.T, db *sqlstore.DB) error {
	return db.Read(t.Context(), func(*sqlstore.Tx) error { return nil })
}

// refused opens a database and expects a fault.
func refused(t *testing.T, databaseURL string, kind fault.Kind, reason, text string) {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), databaseURL)
	if err == nil {
		_ = db.Close()
		t.Fatalf("Open(%s) succeeded", databaseURL)
	}
	problem, ok := err.(*fault.Error) //nolint:errorlint // Open promises a fault, not something that wraps one
	if !ok || problem.Kind != kind || problem.Reason != reason || !strings.Contains(err.Error(), text) {
		t.Errorf("Open(%s) = %v (%+v), want %s %s with %q", databaseURL, err, problem, kind, reason, text)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("%v tells the password", err)
	}
}
