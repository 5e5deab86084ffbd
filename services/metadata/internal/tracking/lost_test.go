package tracking_test

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
	"github.com/kfmesh/kfmesh/services/metadata/internal/tracking"
)

const (
	lostWriters = 6
	lostPoints  = 40 // of a batch
	lostCuts    = 25
)

// TestLostConnections cuts every connection to the server again and again amid
// writes: a write that fails is said to be worth repeating, what was acknowledged is
// there, and no batch is there in part.
func TestLostConnections(t *testing.T) {
	sqltest.EachURL(t, func(t *testing.T, databaseURL string) {
		if strings.HasPrefix(databaseURL, "sqlite") {
			t.Skip("a SQLite file has no connection to lose")
		}
		own := "kfmesh-" + rand.Text()
		target, err := url.Parse(databaseURL)
		if err != nil {
			t.Fatal(err)
		}
		settings := target.Query()
		settings.Set("application_name", own)
		target.RawQuery = settings.Encode()
		s := &store{Store: tracking.New(sqltest.Open(t, target.String())), t: t}

		var over atomic.Bool
		var writers sync.WaitGroup
		all := make([]*lostWriter, lostWriters)
		for i := range all {
			run, err := s.CreateRun(t.Context(), &metadatav1.CreateTrackingRunRequest{ExperimentId: "0"})
			if err != nil {
				t.Fatal(err)
			}
			all[i] = &lostWriter{store: s, run: run.GetInfo().GetRunId()}
			writers.Go(func() { all[i].write(t, &over) })
		}
		cut(t, own)
		over.Store(true)
		writers.Wait()
		failed := 0
		for _, w := range all {
			w.check(t)
			failed += w.failed
		}
		if failed == 0 {
			t.Error("no write was hit by the loss of its connection")
		}
		t.Logf("%d writes failed", failed)
	})
}

// cut ends the sessions of an application, many times.
func cut(t *testing.T, application string) {
	t.Helper()
	admin, err := sql.Open("pgx", os.Getenv(sqltest.Server))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	for range lostCuts {
		<-time.After(20 * time.Millisecond)
		_, err := admin.ExecContext(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", application)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// lostWriter logs batches of points to a run of its own, one batch a try.
type lostWriter struct {
	store  *store
	run    string
	tries  int
	kept   []int // the batches that were acknowledged
	failed int
}

func (w *lostWriter) write(t *testing.T, over *atomic.Bool) {
	for ; !over.Load(); w.tries++ {
		request := &metadatav1.LogBatchRequest{RunId: w.run, Params: []*metadatav1.Param{{Key: fmt.Sprint("p", w.tries), Value: "v"}}}
		for i := range lostPoints {
			step := int64(w.tries*lostPoints + i)
			request.Metrics = append(request.Metrics, &metadatav1.Metric{Key: "m", Value: float64(step), Timestamp: step, Step: step})
		}
		switch _, err := w.store.LogBatch(t.Context(), request); {
		case err == nil:
			w.kept = append(w.kept, w.tries)
		case fault.Is(err, fault.Unavailable):
			w.failed++
		default:
			t.Errorf("a write without a connection is %v, want Unavailable", err)
			return
		}
	}
}

// check compares what is stored with what was acknowledged.
func (w *lostWriter) check(t *testing.T) {
	t.Helper()
	points := map[int]int{} // of each batch
	for _, m := range w.store.history(w.run, "m") {
		points[int(m.GetStep())/lostPoints]++
	}
	run, err := w.store.GetRun(t.Context(), &metadatav1.GetTrackingRunRequest{RunId: w.run})
	if err != nil {
		t.Fatal(err)
	}
	params := map[string]bool{}
	for _, p := range run.GetParams() {
		params[p.GetKey()] = true
	}
	for batch, n := range points {
		if n != lostPoints || !params[fmt.Sprint("p", batch)] {
			t.Errorf("of batch %d there are %d points of %d, its parameter: %t", batch, n, lostPoints, params[fmt.Sprint("p", batch)])
		}
	}
	if len(params) != len(points) {
		t.Errorf("there are %d parameters of %d batches", len(params), len(points))
	}
	for _, batch := range w.kept {
		if points[batch] == 0 {
			t.Errorf("batch %d was acknowledged and is lost", batch)
		}
	}
}
