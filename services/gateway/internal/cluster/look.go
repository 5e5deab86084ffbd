package cluster

import (
	"context"
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
// told where it has changed since a revision.
func look(ctx context.Context, list func(context.Context) ([]kube.Object, error), name string, after int64, told func(kube.Change) error) error {
	known := map[string]kube.Object{}
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	for first := true; ; first = false {
		now, err := listed(list(ctx))
		if err != nil {
			return err
		}
		for _, change := range differences(known, now.Items, name) {
			if first && change.Revision <= after {
				continue // the caller has it
			}
			if err := told(change); err != nil {
				return err
			}
		}
		if first {
			if err := told(kube.Change{Type: "BOOKMARK", Revision: now.Revision}); err != nil {
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
	for key, was := range known {
		if !there[key] {
			all = append(all, kube.Change{Type: "DELETED", Object: was, Revision: revisionOf(was)})
			delete(known, key)
		}
	}
	return all
}
