package names_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kfmesh/kfmesh/services/metadata/internal/names"
)

var texts = rapid.SampledFrom([]string{"", "a", "A", "aa", "ab", "ba", "aab", "b b", "ä", "日本", "日", "%"})

func drawItem(r *rapid.T) names.Item {
	return names.Item{
		UID: fmt.Sprint(rapid.IntRange(0, 40).Draw(r, "uid")), Name: texts.Draw(r, "name"),
		CreatedAt: rapid.Int64Range(-2, 2).Draw(r, "created"),
		Facts:     names.Facts{State: rapid.SampledFrom([]string{"on", "off"}).Draw(r, "state")},
	}
}

// TestFindIsWhatALoopSays changes a table at random and compares what it finds
// with a look at every item.
func TestFindIsWhatALoopSays(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		table, want := new(names.Table), map[string]names.Item{}
		for range rapid.IntRange(0, 80).Draw(r, "changes") {
			item := drawItem(r)
			if rapid.IntRange(0, 3).Draw(r, "remove") == 0 {
				table.Remove(item.UID)
				delete(want, item.UID)
				continue
			}
			table.Put(item)
			want[item.UID] = item
		}
		parts := rapid.SliceOfN(texts, 0, 2).Draw(r, "parts")
		state := rapid.SampledFrom([]string{"", "on"}).Draw(r, "of state")
		found := table.Find(names.Search{
			Parts:   parts,
			Facts:   func(f names.Facts) bool { return state == "" || f.State == state },
			Created: func(at int64) bool { return at > -2 },
		})
		maps.DeleteFunc(want, func(_ string, item names.Item) bool {
			return state != "" && item.Facts.State != state || item.CreatedAt <= -2 ||
				slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(item.Name, part) })
		})
		if got := slices.Sorted(slices.Values(found.UIDs())); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
			r.Fatalf("%q found %v, want %v", parts, got, slices.Sorted(maps.Keys(want)))
		}
		checkFirst(r, found, want)
	})
}

// checkFirst compares the first items after a position with a sort of all.
func checkFirst(r *rapid.T, found names.Found, want map[string]names.Item) {
	after := drawItem(r)
	most, descending := rapid.IntRange(0, 5).Draw(r, "most"), rapid.Bool().Draw(r, "descending")
	order := func(a, b names.Item) int {
		order := cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), strings.Compare(a.UID, b.UID))
		if descending {
			return -order
		}
		return order
	}
	var uids []string
	for _, item := range slices.SortedFunc(maps.Values(want), order) {
		if order(item, after) > 0 && len(uids) < most {
			uids = append(uids, item.UID)
		}
	}
	got := found.First(most, descending, &names.Position{CreatedAt: after.CreatedAt, UID: after.UID})
	if !slices.Equal(got, uids) {
		r.Fatalf("first %d after %v: %v, want %v", most, after, got, uids)
	}
}

func TestMemoryOfWhatIsGoneIsGivenBack(t *testing.T) {
	table := new(names.Table)
	for i := range 20_000 {
		table.Put(names.Item{UID: fmt.Sprint(i % 100), Name: fmt.Sprint("name ", i)})
	}
	if n := len(table.Find(names.Search{Parts: []string{"name"}}).UIDs()); n != 100 || table.Len() != 100 {
		t.Errorf("%d items found of %d, want 100", n, table.Len())
	}
	if size := table.Text(); size > 3000*len("name 12345") {
		t.Errorf("%d bytes of names are held for 100 items", size)
	}
}
