package tracking_test

import (
	"fmt"
	"sync"
	"testing"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
	"github.com/kfmesh/kfmesh/services/metadata/internal/tracking"
)

func TestParamsNeverChange(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		id := s.run()
		params := func(pairs ...string) *metadatav1.LogBatchRequest {
			request := new(metadatav1.LogBatchRequest)
			for i := 0; i < len(pairs); i += 2 {
				request.Params = append(request.Params, &metadatav1.Param{Key: pairs[i], Value: pairs[i+1]})
			}
			return request
		}
		s.log(id, params("b", "2", "a", "it's"))
		s.log(id, params("a", "it's"))
		s.refuses(id, params("a", "3"), "Changing param values is not allowed. Param with key='a' was already logged with value='it's'"+
			" for run ID='"+id+"'. Attempted logging new value '3'.")
		s.refuses(id, params("c", "1", "b", "3", "a", "4"), "Changing param values is not allowed. Params were already logged="+
			`'[{'key': 'a', 'old_value': "it's", 'new_value': '4'}, {'key': 'b', 'old_value': '2', 'new_value': '3'}]' for run ID='`+id+"'.")
		if got := s.get(id).GetParams(); len(got) != 2 || got[0].GetValue() != "it's" || got[1].GetValue() != "2" {
			t.Errorf("parameters are %v", got)
		}
	})
}

func TestABatchIsAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		id := s.run()
		s.log(id, &metadatav1.LogBatchRequest{Params: []*metadatav1.Param{{Key: "a", Value: "1"}}})
		_, err := s.LogBatch(t.Context(), &metadatav1.LogBatchRequest{
			RunId: id, Metrics: points(5, 0), Tags: []*metadatav1.Tag{{Key: "t"}},
			Params: []*metadatav1.Param{{Key: "a", Value: "2"}, {Key: "b", Value: "2"}},
		})
		if !fault.Is(err, fault.Invalid) {
			t.Fatalf("error is %v", err)
		}
		got := s.get(id)
		if len(got.GetMetrics()) != 0 || len(got.GetParams()) != 1 || len(got.GetTags()) != 1 || len(s.history(id, "loss")) != 0 {
			t.Errorf("half of it was kept: %v", got)
		}
	})
}

// Every point that a store acknowledged is there when its database is opened
// again, whoever wrote at the same time.
func TestManyWritersLoseNothing(t *testing.T) {
	sqltest.EachURL(t, func(t *testing.T, databaseURL string) {
		const writers, calls, replicas = 16, 12, 2
		runs := make([]string, 3)
		write := func(dbs []*sqlstore.DB) {
			stores := make([]*store, len(dbs))
			for i, db := range dbs {
				stores[i] = &store{Store: tracking.New(db), t: t}
			}
			for i := range runs {
				runs[i] = stores[0].run()
			}
			var group sync.WaitGroup
			for w := range writers {
				group.Go(func() {
					for i := range calls {
						stores[w%len(stores)].log(runs[w%len(runs)], &metadatav1.LogBatchRequest{
							Metrics: []*metadatav1.Metric{
								{Key: "shared", Value: float64(w), Timestamp: int64(w), Step: int64(i)},
								{Key: fmt.Sprint("own", w, "-", i%4), Step: int64(i)},
							},
							Params: []*metadatav1.Param{{Key: fmt.Sprint("p", i), Value: "same"}},
							Tags:   []*metadatav1.Tag{{Key: fmt.Sprint("t", i), Value: fmt.Sprint(w)}},
						})
					}
				})
			}
			group.Wait()
		}
		dbs := openSome(t, databaseURL, replicas)
		write(dbs)
		for _, db := range dbs {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
		again := &store{Store: tracking.New(sqltest.Open(t, databaseURL)), t: t}
		shared, own := 0, 0
		for _, run := range runs {
			shared += len(again.history(run, "shared"))
			got := again.get(run)
			for _, m := range got.GetMetrics() {
				if m.GetKey() != "shared" {
					own += len(again.history(run, m.GetKey()))
				} else if m.GetStep() != calls-1 {
					t.Errorf("the latest point is %v", m)
				}
			}
			if len(got.GetParams()) != calls {
				t.Errorf("%d parameters, want %d", len(got.GetParams()), calls)
			}
		}
		if shared != writers*calls || own != writers*calls {
			t.Errorf("%d and %d points, want %d", shared, own, writers*calls)
		}
	})
}

// openSome opens a database as several replicas do; a SQLite file belongs to one.
func openSome(t *testing.T, databaseURL string, replicas int) []*sqlstore.DB {
	t.Helper()
	var dbs []*sqlstore.DB
	for range replicas {
		db, err := sqlstore.Open(t.Context(), databaseURL)
		if err != nil {
			t.Fatal(err)
		}
		dbs = append(dbs, db)
		if db.Dialect() == sqlstore.SQLite {
			break
		}
	}
	return dbs
}

func TestAClosedDatabaseIsUnavailable(t *testing.T) {
	sqltest.EachURL(t, func(t *testing.T, databaseURL string) {
		db, err := sqlstore.Open(t.Context(), databaseURL)
		if err != nil {
			t.Fatal(err)
		}
		s := &store{Store: tracking.New(db), t: t}
		id := s.run()
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.LogBatch(t.Context(), &metadatav1.LogBatchRequest{RunId: id, Metrics: points(1, 0)}); !fault.Is(err, fault.Unavailable) {
			t.Errorf("LogBatch = %v, want Unavailable", err)
		}
		if _, err := s.GetRun(t.Context(), &metadatav1.GetTrackingRunRequest{RunId: id}); !fault.Is(err, fault.Unavailable) {
			t.Errorf("GetRun = %v, want Unavailable", err)
		}
	})
}
