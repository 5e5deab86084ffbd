package archive_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/archive"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

// crashDatabase names the database that the process to be killed writes to.
const crashDatabase = "ARCHIVE_TEST_CRASH_DATABASE"

// TestAnsweredPutsSurviveKill kills a process that writes without pause, at no
// chosen instant, and expects every record whose Put had returned, whole.
func TestAnsweredPutsSurviveKill(t *testing.T) {
	if databaseURL := os.Getenv(crashDatabase); databaseURL != "" {
		putForever(t, databaseURL)
	}
	databaseURL := "sqlite://" + filepath.Join(t.TempDir(), "crash.db")
	answered := 0
	for kills := range 5 {
		writer := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		writer.Env = append(os.Environ(), crashDatabase+"="+databaseURL)
		output, err := writer.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := writer.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(output)
		for range 10 + 7*kills {
			if !lines.Scan() {
				t.Fatal("the writer stopped by itself")
			}
		}
		if err := writer.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		answered += 10 + 7*kills
		for lines.Scan() { // answered between the last line read and the kill
			answered++
		}
		_ = writer.Wait() // it was killed
	}
	a := archive.New(sqltest.Open(t, databaseURL))
	page := list(t, a, &metadatav1.ListRecordsRequest{Kind: "pipeline.run", PageSize: 1000})
	if int(page.GetTotalSize()) < answered || int(page.GetTotalSize()) != len(page.GetRecords()) {
		t.Errorf("%d records, counted as %d; %d were answered", len(page.GetRecords()), page.GetTotalSize(), answered)
	}
	for _, record := range page.GetRecords() {
		whole, err := a.Get(t.Context(), record.GetKind(), record.GetUid())
		if err != nil || len(whole.GetDetail()) == 0 || len(whole.GetSummary()) == 0 {
			t.Errorf("record %v, %v", whole, err)
		}
	}
}

// putForever stores records and prints a line for each that was answered.
func putForever(t *testing.T, databaseURL string) {
	a := archive.New(sqltest.Open(t, databaseURL))
	for i := 0; ; i++ {
		put(t, a, run(fmt.Sprint(os.Getpid(), "-", i)))
		if _, err := fmt.Fprintln(os.Stdout, i); err != nil {
			return
		}
	}
}
