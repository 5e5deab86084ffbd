package kube

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// handler serves one resource.
type handler struct {
	resource *Resource
	owners   *owners // of its objects' fields
	scaled   *owners // the same, of changes of scale
}

func newHandler(r *Resource) *handler {
	h := &handler{resource: r}
	if !r.ReadOnly {
		h.owners = &owners{resource: r}
	}
	if r.Scale != nil {
		h.scaled = &owners{resource: r, below: "scale"}
	}
	return h
}

// collection serves all objects of a namespace, or of all namespaces.
func (h *handler) collection(w http.ResponseWriter, r *http.Request) {
	namespace := r.PathValue("namespace")
	if h.refuses(w, r) {
		return
	}
	may := namespace != "" || h.resource.Cluster
	switch {
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		if truth(r, "watch") {
			h.watch(w, r, namespace, "")
			return
		}
		h.list(w, r, namespace)
	case r.Method == http.MethodPost && may:
		h.create(w, r, namespace)
	case r.Method == http.MethodDelete && may:
		h.deleteAll(w, r, namespace)
	default:
		h.notAllowed(w)
	}
}

// refuses answers whoever would change what is only looked at, and reports whether it did.
func (h *handler) refuses(w http.ResponseWriter, r *http.Request) bool {
	if !h.resource.ReadOnly || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return false
	}
	if h.resource.Refusal != "" {
		h.refuse(w, h.resource.Refusal)
		return true
	}
	h.notAllowed(w)
	return true
}

// object serves one object.
func (h *handler) object(w http.ResponseWriter, r *http.Request) {
	namespace, name := r.PathValue("namespace"), r.PathValue("name")
	if h.refuses(w, r) {
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		if truth(r, "watch") {
			h.watch(w, r, namespace, name)
			return
		}
		h.get(w, r, namespace, name)
	case http.MethodPut:
		h.replace(w, r, namespace, name)
	case http.MethodPatch:
		h.patch(w, r, namespace, name)
	case http.MethodDelete:
		h.delete(w, r, namespace, name)
	default:
		h.notAllowed(w)
	}
}

// status serves the status of an object, which is the server's to change.
func (h *handler) status(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.refuse(w, "the status of "+h.resource.Plural+" is the server's to say: it follows from what runs")
		return
	}
	h.get(w, r, r.PathValue("namespace"), r.PathValue("name"))
}

func (h *handler) get(w http.ResponseWriter, r *http.Request, namespace, name string) {
	object, err := h.resource.Store.Get(r.Context(), namespace, name)
	if err != nil {
		h.fail(w, name, err)
		return
	}
	answer(w, http.StatusOK, h.resource.one(r, object))
}

func (h *handler) list(w http.ResponseWriter, r *http.Request, namespace string) {
	which, err := h.resource.selection(r)
	if err != nil {
		h.fail(w, "", err)
		return
	}
	limit, err := strconv.ParseInt(orZero(r.FormValue("limit")), 10, 32)
	if err != nil || limit < 0 {
		h.fail(w, "", badRequest("limit: %q is not a number from 0", r.FormValue("limit")))
		return
	}
	page, err := h.resource.Store.List(r.Context(), namespace, Page{
		Limit: int32(limit), Continue: r.FormValue("continue"), Labels: certain(which.labels), Fields: certain(which.fields),
	})
	if r.FormValue("continue") != "" && fault.Is(err, fault.Invalid) {
		err = badRequest("continue key is not valid: %q was not given out by this server", r.FormValue("continue"))
	}
	if err != nil {
		h.fail(w, "", err)
		return
	}
	items := make([]Object, 0, len(page.Items))
	for _, item := range page.Items {
		if which.has(item) {
			items = append(items, item)
		}
	}
	meta := map[string]any{"resourceVersion": strconv.FormatInt(page.Revision, 10)}
	if page.Continue != "" {
		meta["continue"] = page.Continue
	}
	if tabular(r) {
		answer(w, http.StatusOK, h.resource.table(r, items, meta))
		return
	}
	answer(w, http.StatusOK, Object{
		"apiVersion": h.resource.APIVersion(), "kind": h.resource.Kind + "List", "metadata": meta, "items": items,
	})
}

func (h *handler) create(w http.ResponseWriter, r *http.Request, namespace string) {
	object, body, err := h.read(r)
	if err != nil {
		h.fail(w, "", err)
		return
	}
	dry, validation, err := wishes(r, "CreateOptions")
	if err != nil {
		h.fail(w, object.name(), err)
		return
	}
	made, warnings, err := h.validated(validation, body, dry, func(dry bool) (Object, []string, error) {
		owned, err := h.owners.changed(r, nil, object)
		if err != nil {
			return nil, nil, err
		}
		return h.resource.Store.Create(r.Context(), namespace, owned.encode(), Options{DryRun: dry})
	})
	if err != nil {
		h.fail(w, object.name(), err)
		return
	}
	warn(w, warnings)
	answer(w, http.StatusCreated, h.resource.one(r, made))
}

func (h *handler) replace(w http.ResponseWriter, r *http.Request, namespace, name string) {
	object, body, err := h.read(r)
	var dry bool
	var validation string
	if err == nil {
		dry, validation, err = wishes(r, "UpdateOptions")
	}
	if err != nil {
		h.fail(w, name, err)
		return
	}
	now, warnings, err := h.validated(validation, body, dry, func(dry bool) (Object, []string, error) {
		return h.put(r, namespace, name, object, dry)
	})
	if err != nil {
		h.fail(w, name, err)
		return
	}
	warn(w, warnings)
	answer(w, http.StatusOK, h.resource.one(r, now))
}

// put replaces an object by another. One that names no revision replaces whatever there
// is, where kinds of Kubernetes' own let it.
func (h *handler) put(r *http.Request, namespace, name string, object Object, dry bool) (Object, []string, error) {
	revision := object.revision()
	if revision == 0 && !h.resource.Plain {
		return nil, nil, errRevision
	}
	live, err := h.resource.Store.Get(r.Context(), namespace, name)
	if err != nil {
		return nil, nil, err
	}
	if revision != 0 && revision != live.revision() {
		return nil, nil, fault.Conflictf("the object has been modified; please apply your changes to the latest version and try again")
	}
	if err := sameObject(object, live); err != nil {
		return nil, nil, err
	}
	owned, err := h.owners.changed(r, live, object)
	if err != nil {
		return nil, nil, err
	}
	return h.resource.Store.Update(r.Context(), namespace, name, owned.encode(), Options{DryRun: dry, Revision: live.revision()})
}

// sameObject refuses what is meant for an object that was there under the name before: it
// names another uid.
func sameObject(changed, live Object) error {
	if uid, is := changed.text("uid"), live.text("uid"); uid != "" && uid != is {
		return fault.Conflictf("Precondition failed: UID in precondition: %s, UID in object meta: %s", uid, is)
	}
	return nil
}

// deleteOptions are the body of a deletion.
type deleteOptions struct {
	Preconditions struct {
		UID             string `json:"uid"`
		ResourceVersion string `json:"resourceVersion"`
	} `json:"preconditions"`
	DryRun []string `json:"dryRun"`
}

func (h *handler) delete(w http.ResponseWriter, r *http.Request, namespace, name string) {
	asked, err := readDeleteOptions(r)
	if err != nil {
		h.fail(w, name, err)
		return
	}
	object, err := h.resource.Store.Get(r.Context(), namespace, name)
	if err == nil && len(asked.DryRun) == 0 {
		revision, _ := strconv.ParseInt(orZero(asked.Preconditions.ResourceVersion), 10, 64)
		err = h.resource.Store.Delete(r.Context(), namespace, name, Options{UID: asked.Preconditions.UID, Revision: revision})
	}
	if err != nil {
		h.fail(w, name, err)
		return
	}
	answer(w, http.StatusOK, Object{
		"kind": "Status", "apiVersion": "v1", "metadata": map[string]any{}, "status": "Success",
		"details": map[string]any{"name": name, "group": h.resource.Group, "kind": h.resource.Plural, "uid": object.metadata()["uid"]},
	})
}

// readDeleteOptions reads the body, which may be missing, and the parameters.
func readDeleteOptions(r *http.Request) (deleteOptions, error) {
	var asked deleteOptions
	data, err := readBody(r)
	if err == nil && len(data) > 0 {
		if err = json.Unmarshal(data, &asked); err != nil {
			err = badRequest("the options of the deletion cannot be read: %v", err)
		}
	}
	dry, dryErr := dryRun(r)
	if err == nil {
		err = dryErr
	}
	if dry {
		asked.DryRun = []string{dryRunAll}
	}
	return asked, err
}

// deleteAll deletes what a selection matches.
func (h *handler) deleteAll(w http.ResponseWriter, r *http.Request, namespace string) {
	which, err := h.resource.selection(r)
	if err != nil {
		h.fail(w, "", err)
		return
	}
	page, err := h.resource.Store.List(r.Context(), namespace, Page{})
	if err != nil {
		h.fail(w, "", err)
		return
	}
	gone := make([]Object, 0, len(page.Items))
	for _, item := range page.Items {
		if !which.has(item) {
			continue
		}
		if err := h.resource.Store.Delete(r.Context(), namespace, item.name(), Options{}); err != nil && !fault.Is(err, fault.NotFound) {
			h.fail(w, item.name(), err)
			return
		}
		gone = append(gone, item)
	}
	answer(w, http.StatusOK, Object{
		"apiVersion": h.resource.APIVersion(), "kind": h.resource.Kind + "List",
		"metadata": map[string]any{"resourceVersion": strconv.FormatInt(page.Revision, 10)}, "items": gone,
	})
}

// warn adds warnings as headers, which kubectl prints.
func warn(w http.ResponseWriter, warnings []string) {
	for _, text := range warnings {
		w.Header().Add("Warning", fmt.Sprintf("299 - %q", text))
	}
}

func answer(w http.ResponseWriter, code int, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		http.Error(w, "the answer cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(data, '\n')) // a caller that went away hears nothing
}
