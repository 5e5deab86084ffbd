package archive_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/archive"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

// awkward values: what collations, case folding and LIKE patterns get wrong.
var awkward = []string{"", "a", "A", "b", "B b", "ä", "z", "Ω", "_", "%", "a_b", "a%b", "10", "9", "\u200b", "'", `\`, "日本"}

// TestListIsWhatGoSays stores random records and compares lists, page by page,
// with what filtering and sorting in Go gives: a caller that merges an archive
// list with items of its own may rely on that.
func TestListIsWhatGoSays(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		a, kinds := archive.New(db), 0
		rapid.Check(t, func(r *rapid.T) {
			kinds++
			kind := fmt.Sprint("kind-", kinds) // an archive of its own for every round
			records := drawRecords(r, kind)
			for _, record := range records {
				if err := a.Put(t.Context(), record); err != nil {
					r.Fatal(err)
				}
			}
			request := &metadatav1.ListRecordsRequest{
				Kind: kind, Filter: drawFilter(r),
				OrderBy:    rapid.SampledFrom([]string{"", "created_at", "finished_at", "display_name", "namespace", "uid"}).Draw(r, "order"),
				Descending: rapid.Bool().Draw(r, "descending"), PageSize: rapid.Int32Range(1, 5).Draw(r, "page size"),
			}
			checkList(t, r, a, records, request)
			for len(records) > 0 && rapid.Bool().Draw(r, "change") {
				i := rapid.IntRange(0, len(records)-1).Draw(r, "which")
				records = change(t, r, a, records, i)
				checkList(t, r, a, records, request)
			}
		})
	})
}

// checkList lists all pages and compares them with inGo.
func checkList(t *testing.T, r *rapid.T, a *archive.Archive, records []*metadatav1.Record, request *metadatav1.ListRecordsRequest) {
	want := inGo(records, request)
	got, total := allPages(t, r, a, request)
	if !slices.Equal(got, want) {
		r.Errorf("%v gave %v, want %v", request, got, want)
	}
	if total != int64(len(want)) {
		r.Errorf("%v counted %d, want %d", request, total, len(want))
	}
}

// change deletes a record or gives it another name, and returns what there is.
func change(t *testing.T, r *rapid.T, a *archive.Archive, records []*metadatav1.Record, i int) []*metadatav1.Record {
	var err error
	if rapid.Bool().Draw(r, "delete") {
		err = a.Delete(t.Context(), records[i].GetKind(), records[i].GetUid())
		records = slices.Delete(slices.Clone(records), i, i+1)
	} else {
		records[i].DisplayName = rapid.SampledFrom(awkward).Draw(r, "new name")
		err = a.Put(t.Context(), records[i])
	}
	if err != nil {
		r.Fatal(err)
	}
	return records
}

func drawRecords(r *rapid.T, kind string) []*metadatav1.Record {
	uids := rapid.SliceOfNDistinct(rapid.SampledFrom(awkward[1:]), 0, 12, rapid.ID[string]).Draw(r, "uids")
	records := make([]*metadatav1.Record, len(uids))
	for i, uid := range uids {
		records[i] = &metadatav1.Record{
			Kind: kind, Uid: uid,
			Namespace:   rapid.SampledFrom(awkward).Draw(r, "namespace"),
			DisplayName: rapid.SampledFrom(awkward).Draw(r, "display name"),
			State:       rapid.SampledFrom([]string{"SUCCEEDED", "FAILED"}).Draw(r, "state"),
			CreatedAt:   drawTime(r, "created"),
			FinishedAt:  drawTime(r, "finished"),
		}
	}
	return records
}

// drawTime gives few times, so that many are equal, some of them only
// nanoseconds apart or before 1970, and some missing.
func drawTime(r *rapid.T, label string) *timestamppb.Timestamp {
	n := rapid.Int64Range(-3, 3).Draw(r, label)
	if n == 0 {
		return nil
	}
	return timestamppb.New(time.Unix(n/2, n))
}

func drawFilter(r *rapid.T) *metav1.Filter {
	draw := rapid.Custom(func(r *rapid.T) *metav1.Predicate {
		key := rapid.SampledFrom([]string{"namespace", "display_name", "display_name", "state", "created_at", "finished_at"}).Draw(r, "key")
		operation := rapid.SampledFrom([]metav1.Predicate_Operation{
			metav1.Predicate_EQUALS, metav1.Predicate_NOT_EQUALS, metav1.Predicate_GREATER_THAN, metav1.Predicate_LESS_THAN_EQUALS,
		}).Draw(r, "operation")
		if strings.HasSuffix(key, "_at") {
			return &metav1.Predicate{Operation: operation, Key: key, Value: &metav1.Predicate_TimestampValue{
				TimestampValue: timestamppb.New(drawTime(r, "bound").AsTime()),
			}}
		}
		if rapid.Bool().Draw(r, "substring") {
			operation = metav1.Predicate_IS_SUBSTRING
		}
		values := rapid.SampledFrom(append(slices.Clone(awkward), "SUCCEEDED", "FAIL"))
		if rapid.IntRange(0, 4).Draw(r, "in") == 0 {
			return &metav1.Predicate{Operation: metav1.Predicate_IN, Key: key, Value: &metav1.Predicate_StringValues_{
				StringValues: &metav1.Predicate_StringValues{Values: rapid.SliceOfN(values, 0, 3).Draw(r, "values")},
			}}
		}
		value := values.Draw(r, "value")
		return &metav1.Predicate{Operation: operation, Key: key, Value: &metav1.Predicate_StringValue{StringValue: value}}
	})
	return &metav1.Filter{Predicates: rapid.SliceOfN(draw, 0, 3).Draw(r, "filter")}
}

// inGo is the definition of a list.
func inGo(records []*metadatav1.Record, request *metadatav1.ListRecordsRequest) (uids []string) {
	key := cmp.Or(request.GetOrderBy(), "created_at")
	records = slices.DeleteFunc(slices.Clone(records), func(r *metadatav1.Record) bool {
		return slices.ContainsFunc(request.GetFilter().GetPredicates(), func(p *metav1.Predicate) bool { return !holds(p, r) })
	})
	slices.SortFunc(records, func(a, b *metadatav1.Record) int {
		order := cmp.Or(compare(a, b, key), strings.Compare(a.GetUid(), b.GetUid()))
		if request.GetDescending() {
			order = -order
		}
		return order
	})
	for _, record := range records {
		uids = append(uids, record.GetUid())
	}
	return uids
}

func field(r *metadatav1.Record, key string) string {
	return map[string]string{
		"uid": r.GetUid(), "namespace": r.GetNamespace(), "display_name": r.GetDisplayName(), "state": r.GetState(),
	}[key]
}

func compare(a, b *metadatav1.Record, key string) int {
	switch key {
	case "created_at":
		return a.GetCreatedAt().AsTime().Compare(b.GetCreatedAt().AsTime())
	case "finished_at":
		return a.GetFinishedAt().AsTime().Compare(b.GetFinishedAt().AsTime())
	}
	return strings.Compare(field(a, key), field(b, key))
}

func holds(p *metav1.Predicate, r *metadatav1.Record) bool {
	order := strings.Compare(field(r, p.GetKey()), p.GetStringValue())
	switch p.GetKey() {
	case "created_at":
		order = r.GetCreatedAt().AsTime().Compare(p.GetTimestampValue().AsTime())
	case "finished_at":
		order = r.GetFinishedAt().AsTime().Compare(p.GetTimestampValue().AsTime())
	}
	switch p.GetOperation() {
	case metav1.Predicate_EQUALS:
		return order == 0
	case metav1.Predicate_NOT_EQUALS:
		return order != 0
	case metav1.Predicate_GREATER_THAN:
		return order > 0
	case metav1.Predicate_LESS_THAN_EQUALS:
		return order <= 0
	case metav1.Predicate_IS_SUBSTRING:
		return strings.Contains(field(r, p.GetKey()), p.GetStringValue())
	case metav1.Predicate_IN:
		return slices.Contains(p.GetStringValues().GetValues(), field(r, p.GetKey()))
	default:
		panic("an operation that is not drawn")
	}
}

// allPages follows a list to its end.
func allPages(t *testing.T, r *rapid.T, a *archive.Archive, request *metadatav1.ListRecordsRequest) (uids []string, total int64) {
	request.After = nil
	for range 100 {
		page, err := a.List(t.Context(), request)
		if err != nil {
			r.Fatal(err)
		}
		for _, record := range page.GetRecords() {
			uids = append(uids, record.GetUid())
		}
		if !page.GetMore() {
			return uids, page.GetTotalSize()
		}
		request.After = positionOf(page.GetRecords()[len(page.GetRecords())-1], cmp.Or(request.GetOrderBy(), "created_at"))
	}
	r.Fatal("the list has no end")
	return nil, 0
}

// positionOf is the position of a record in a list sorted by a key.
func positionOf(r *metadatav1.Record, key string) *metadatav1.RecordPosition {
	value := field(r, key)
	switch key {
	case "created_at":
		value = r.GetCreatedAt().AsTime().Format(time.RFC3339Nano)
	case "finished_at":
		value = r.GetFinishedAt().AsTime().Format(time.RFC3339Nano)
	}
	return &metadatav1.RecordPosition{Value: value, Uid: r.GetUid()}
}
