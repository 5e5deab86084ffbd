package cluster

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// lookEvery is how often a list is looked at for a watch: the services of what is shown
// here tell of no changes by themselves, and there are few of either.
const lookEvery = time.Second

// listed is a list with the revision of its latest object.
func listed(all []kube.Object, err error) (kube.List, error) {
	out := kube.List{Items: all, Revision: 1} // of nothing, from which a watch tells everything
	for _, o := range all {
		out.Revision = max(out.Revision, revisionOf(o))
	}
	return out, err
}

func textOf(o kube.Object, field string) string {
	text, _ := kube.Path(o, "metadata", field).(string)
	return text
}

func revisionOf(o kube.Object) int64 {
	n, err := strconv.ParseInt(textOf(o, "resourceVersion"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// look watches a list by looking at it again and again until ctx ends. What there is, is
// told where it has changed since a revision. An object that is looked for by name, and is
// not there any more, is deleted.
func look(ctx context.Context, list func(context.Context) ([]kube.Object, error), gone kube.Object, after int64, told func(kube.Change) error) error {
	known := map[string]kube.Object{}
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	for first := true; ; first = false {
		now, err := listed(list(ctx))
		if err != nil {
			return err
		}
		all := differences(known, now.Items, textOf(gone, "name"))
		if first {
			all = opening(all, gone, after, len(known) > 0)
			all = append(all, kube.Change{Type: "BOOKMARK", Revision: now.Revision})
		}
		for _, change := range all {
			if err := told(change); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}

// opening is what the first look tells: what the caller does not have yet.
func opening(all []kube.Change, gone kube.Object, after int64, there bool) []kube.Change {
	all = slices.DeleteFunc(all, func(c kube.Change) bool { return c.Revision <= after })
	if after > 0 && textOf(gone, "name") != "" && !there {
		all = append(all, kube.Change{Type: "DELETED", Object: gone, Revision: after})
	}
	return all
}

// differences are the changes from what is known, by namespace and name, to a list, which
// is known then.
func differences(known map[string]kube.Object, now []kube.Object, name string) []kube.Change {
	var all []kube.Change
	there := map[string]bool{}
	for _, o := range now {
		if name != "" && textOf(o, "name") != name {
			continue
		}
		key := textOf(o, "namespace") + "/" + textOf(o, "name")
		there[key] = true
		was, had := known[key]
		switch {
		case had && textOf(was, "uid") != textOf(o, "uid"):
			all = append(all, kube.Change{Type: "DELETED", Object: was, Revision: revisionOf(o)}, kube.Change{Type: "ADDED", Object: o, Revision: revisionOf(o)})
		case !had:
			all = append(all, kube.Change{Type: "ADDED", Object: o, Revision: revisionOf(o)})
		case textOf(was, "resourceVersion") != textOf(o, "resourceVersion"):
			all = append(all, kube.Change{Type: "MODIFIED", Object: o, Revision: revisionOf(o)})
		}
		known[key] = o
	}
	for _, key := range slices.Sorted(maps.Keys(known)) {
		if was := known[key]; !there[key] {
			all = append(all, kube.Change{Type: "DELETED", Object: was, Revision: revisionOf(was)})
			delete(known, key)
		}
	}
	return all
}
