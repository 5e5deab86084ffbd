package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

func thing(name, uid string, revision int) kube.Object {
	return kube.Object{"metadata": map[string]any{"name": name, "namespace": "ns", "uid": uid, "resourceVersion": fmt.Sprint(revision)}}
}

// TestLook checks what is told of a list that changes from look to look.
func TestLook(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		what, name string
		after      int64
		lists      [][]kube.Object
		want       string
	}{
		{"from the beginning", "", 0, [][]kube.Object{{thing("a", "1", 5)}, {thing("a", "1", 6), thing("b", "2", 7)}, {thing("b", "2", 7)}}, "ADDED a, BOOKMARK, MODIFIED a, ADDED b, DELETED a"},
		{"from a revision on", "", 5, [][]kube.Object{{thing("a", "1", 5), thing("b", "2", 6)}, {}}, "ADDED b, BOOKMARK, DELETED a, DELETED b"},
		{"made anew", "", 5, [][]kube.Object{{thing("a", "1", 5)}, {thing("a", "2", 9)}}, "BOOKMARK, DELETED a, ADDED a"},
		{"one of them", "b", 0, [][]kube.Object{{thing("a", "1", 5)}, {thing("a", "1", 6), thing("b", "2", 7)}}, "BOOKMARK, ADDED b"},
		{"one that is gone already", "b", 5, [][]kube.Object{{thing("a", "1", 5)}}, "DELETED b, BOOKMARK"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var got []string
			over := errors.New("no more lists")
			lists := tt.lists
			list := func(context.Context) ([]kube.Object, error) {
				if len(lists) == 0 {
					return nil, over
				}
				now := lists[0]
				lists = lists[1:]
				return now, nil
			}
			err := look(t.Context(), list, kube.Gone("ns", tt.name), tt.after, func(c kube.Change) error {
				got = append(got, strings.TrimSpace(c.Type+" "+textOf(c.Object, "name")))
				return nil
			})
			if !errors.Is(err, over) {
				t.Errorf("%s: %v", tt.what, err)
			}
			if strings.Join(got, ", ") != tt.want {
				t.Errorf("%s:\ngot  %s\nwant %s", tt.what, strings.Join(got, ", "), tt.want)
			}
		})
	}
}
