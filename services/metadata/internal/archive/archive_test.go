package archive_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/archive"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

func run(uid string) *metadatav1.Record {
	return &metadatav1.Record{
		Kind: "pipeline.run", Uid: uid, Namespace: "default", Name: "n-" + uid, DisplayName: "Näme " + uid,
		Description: "what it is", State: "SUCCEEDED", StorageState: "AVAILABLE", Parent: "exp", Origin: "nightly",
		CreatedAt:   timestamppb.New(time.Date(2026, 1, 31, 12, 0, 0, 123456789, time.UTC)),
		ScheduledAt: timestamppb.New(time.Date(2026, 1, 31, 11, 0, 0, 1, time.UTC)),
		FinishedAt:  timestamppb.New(time.Date(2026, 1, 31, 13, 0, 0, 0, time.UTC)),
		Summary:     []byte("summary of " + uid), Detail: []byte{0, 1, 2, 0xff},
	}
}

func TestPutThenGet(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		a := archive.New(db)
		for _, record := range []*metadatav1.Record{run("full"), {Kind: "k", Uid: "bare"}} {
			put(t, a, record)
			got, err := a.Get(t.Context(), record.GetKind(), record.GetUid())
			if err != nil || !proto.Equal(got, record) {
				t.Errorf("Get = %v, %v; want %v", got, err, record)
			}
		}
	})
}

func TestPutAgainReplaces(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		a := archive.New(db)
		put(t, a, run("r"))
		put(t, a, run("r"))
		other := run("r")
		other.Kind = "tuning.experiment" // the same uid of another kind is another record
		put(t, a, other)

		changed := run("r")
		changed.State, changed.StorageState, changed.Summary, changed.Detail = "FAILED", "ARCHIVED", nil, []byte("new")
		changed.ScheduledAt = nil
		put(t, a, changed)

		got, err := a.Get(t.Context(), "pipeline.run", "r")
		if err != nil || !proto.Equal(got, changed) {
			t.Errorf("Get = %v, %v; want %v", got, err, changed)
		}
		for state, want := range map[string]int64{"SUCCEEDED": 0, "FAILED": 1} {
			page := list(t, a, &metadatav1.ListRecordsRequest{Kind: "pipeline.run", Filter: where("state", state)})
			if page.GetTotalSize() != want || int64(len(page.GetRecords())) != want {
				t.Errorf("%s: %d records, total %d; want %d", state, len(page.GetRecords()), page.GetTotalSize(), want)
			}
		}
	})
}

func TestDelete(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		a := archive.New(db)
		put(t, a, run("r"))
		if err := a.Delete(t.Context(), "pipeline.run", "r"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Get(t.Context(), "pipeline.run", "r"); !fault.Is(err, fault.NotFound) {
			t.Errorf("Get = %v, want NotFound", err)
		}
		if err := a.Delete(t.Context(), "pipeline.run", "r"); !fault.Is(err, fault.NotFound) {
			t.Errorf("Delete again = %v, want NotFound", err)
		}
		if total := list(t, a, &metadatav1.ListRecordsRequest{Kind: "pipeline.run"}).GetTotalSize(); total != 0 {
			t.Errorf("total %d, want 0", total)
		}
		put(t, a, run("r")) // and nothing of it is left behind
		if total := list(t, a, &metadatav1.ListRecordsRequest{Kind: "pipeline.run"}).GetTotalSize(); total != 1 {
			t.Errorf("total %d, want 1", total)
		}
	})
}

func TestListShowsDetailsToWhoAsks(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		a := archive.New(db)
		put(t, a, run("r"))
		for _, details := range []bool{false, true} {
			want := run("r")
			if !details {
				want.Detail = nil
			}
			page := list(t, a, &metadatav1.ListRecordsRequest{Kind: "pipeline.run", Details: details})
			if len(page.GetRecords()) != 1 || !proto.Equal(page.GetRecords()[0], want) {
				t.Errorf("List = %v, want %v", page.GetRecords(), want)
			}
		}
	})
}

func TestListRefuses(t *testing.T) {
	a := archive.New(sqltest.SQLite(t))
	for name, request := range map[string]*metadatav1.ListRecordsRequest{
		"filter.predicates[0].key": {Kind: "k", Filter: where("summary", "x")},
		"order_by":                 {Kind: "k", OrderBy: "detail"},
		"page_size":                {Kind: "k", PageSize: -1},
		"after.value":              {Kind: "k", After: &metadatav1.RecordPosition{Value: "yesterday", Uid: "u"}},
	} {
		_, err := a.List(t.Context(), request)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: %v, want Invalid at %s", request, err, name)
		}
	}
}

func TestCheck(t *testing.T) {
	if err := archive.Check(run("r")); err != nil {
		t.Errorf("Check = %v", err)
	}
	err := archive.Check(&metadatav1.Record{FinishedAt: &timestamppb.Timestamp{Seconds: 1 << 36}})
	for _, field := range []string{"record.kind", "record.uid", "record.finished_at"} {
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), field) {
			t.Errorf("Check = %v, want Invalid at %s", err, field)
		}
	}
	if err := archive.Check(nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("Check(nil) = %v, want Invalid", err)
	}
}

// TestWritersRace has writers put and delete the same few records; in the end
// the counts must be those of the records that are there.
func TestWritersRace(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		a := archive.New(db)
		states := []string{"SUCCEEDED", "FAILED", "CANCELED"}
		var group sync.WaitGroup
		for w := range 6 {
			group.Go(func() {
				for i := range 30 {
					record := run(fmt.Sprint((w + i) % 5))
					record.State = states[(w*i)%3]
					if err := a.Put(t.Context(), record); err != nil {
						t.Errorf("put: %v: %v", err, errors.Unwrap(err))
					}
					if i%4 == 0 {
						if err := a.Delete(t.Context(), record.GetKind(), record.GetUid()); err != nil && !fault.Is(err, fault.NotFound) {
							t.Errorf("delete: %v", err)
						}
					}
				}
			})
		}
		group.Wait()
		for _, state := range states {
			page := list(t, a, &metadatav1.ListRecordsRequest{Kind: "pipeline.run", Filter: where("state", state)})
			if page.GetTotalSize() != int64(len(page.GetRecords())) {
				t.Errorf("%s: total %d, but there are %d", state, page.GetTotalSize(), len(page.GetRecords()))
			}
		}
	})
}

func put(t *testing.T, a *archive.Archive, record *metadatav1.Record) {
	t.Helper()
	if err := a.Put(t.Context(), record); err != nil {
		t.Fatalf("put: %v", err)
	}
}

func list(t *testing.T, a *archive.Archive, request *metadatav1.ListRecordsRequest) *metadatav1.ListRecordsResponse {
	t.Helper()
	page, err := a.List(t.Context(), request)
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	return page
}

// where is a filter of one equality.
func where(key, value string) *metav1.Filter {
	return &metav1.Filter{Predicates: []*metav1.Predicate{{
		Operation: metav1.Predicate_EQUALS, Key: key, Value: &metav1.Predicate_StringValue{StringValue: value},
	}}}
}
