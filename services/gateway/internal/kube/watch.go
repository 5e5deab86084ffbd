package kube

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// watch tells of changes, one a line, until the client goes or its time is up.
func (h *handler) watch(w http.ResponseWriter, r *http.Request, namespace, name string) {
	which, err := h.resource.selection(r)
	if err != nil {
		h.fail(w, name, err)
		return
	}
	after, err := strconv.ParseInt(orZero(r.URL.Query().Get("resourceVersion")), 10, 64)
	if err != nil || after < 0 {
		h.fail(w, name, badRequest("resourceVersion: %q is none", r.URL.Query().Get("resourceVersion")))
		return
	}
	seconds, err := strconv.ParseInt(orZero(r.URL.Query().Get("timeoutSeconds")), 10, 32)
	if err != nil {
		h.fail(w, name, badRequest("timeoutSeconds: %q is no number", r.URL.Query().Get("timeoutSeconds")))
		return
	}
	ctx, cancel := r.Context(), context.CancelFunc(func() {})
	if seconds > 0 {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
	}
	defer cancel()
	if truth(r, "sendInitialEvents") {
		after = 0
	}
	if name == "" {
		name = which.name()
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	t := &teller{
		w: w, request: r, resource: h.resource, which: which, told: map[string]bool{}, all: after == 0,
		bookmark: truth(r, "sendInitialEvents") && truth(r, "allowWatchBookmarks"),
	}
	t.flush()
	err = h.resource.Store.Watch(ctx, namespace, name, after, t.tell)
	// A caller that went away hears nothing, and the end of the time it asked for is no error:
	// the service that is asked may come to that end before this process does.
	if err != nil && ctx.Err() == nil && !fault.Is(rpc.Fault(err), fault.Canceled) {
		_ = t.send("ERROR", h.resource.explain(name, err))
	}
}

// teller writes the changes of one watch.
type teller struct {
	w        http.ResponseWriter
	request  *http.Request
	resource *Resource
	which    selection
	told     map[string]bool // names, with their namespaces, of those that the client knows
	all      bool            // told knows them all
	bookmark bool            // whether the client wants to know when all that existed was told
}

// tell tells of a change as it looks through the selection: what comes to fit it is
// added, what fits no more is deleted.
func (t *teller) tell(c Change) error {
	if c.Type == "BOOKMARK" {
		return t.mark(c)
	}
	if c.Object["kind"] == nil { // of what is gone no more may be known than its name
		c.Object["apiVersion"], c.Object["kind"] = t.resource.APIVersion(), t.resource.Kind
	}
	key := c.Object.namespace() + "/" + c.Object.name()
	fits := c.Type != "DELETED" && t.which.has(c.Object)
	known := t.told[key] || !t.all && c.Type != "ADDED" && (fits || t.which.has(c.Object))
	switch {
	case !fits && !known:
		return nil
	case !fits:
		c.Type = "DELETED"
	case known:
		c.Type = "MODIFIED"
	default:
		c.Type = "ADDED"
	}
	if t.told[key] = fits; !fits {
		delete(t.told, key)
	}
	return t.send(c.Type, t.resource.one(t.request, c.Object))
}

// mark tells that all that existed was told.
func (t *teller) mark(c Change) error {
	if !t.bookmark {
		return nil
	}
	return t.send("BOOKMARK", Object{
		"apiVersion": t.resource.APIVersion(), "kind": t.resource.Kind,
		"metadata": map[string]any{
			"resourceVersion": strconv.FormatInt(c.Revision, 10), "annotations": map[string]any{"k8s.io/initial-events-end": "true"},
		},
	})
}

func (t *teller) send(kind string, object any) error {
	line, err := json.Marshal(map[string]any{"type": kind, "object": object})
	if err != nil {
		return err
	}
	_, err = t.w.Write(append(line, '\n'))
	t.flush()
	return err
}

func (t *teller) flush() { _ = http.NewResponseController(t.w).Flush() } // one that cannot is not asked to
