package kube

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Scale says where an object has the number that `kubectl scale` and autoscalers change.
type Scale struct {
	Replicas []string // path of the wanted number
	Active   []string // path of the present number; what is missing is 0
	// Selector is that of what is counted.
	Selector func(Object) string
	// None says what is missing from an object that has no such number.
	None string
}

// scale serves the scale of an object, an autoscaling/v1 Scale.
func (h *handler) scale(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	var (
		now Object
		err error
	)
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		if now, err = h.resource.Store.Get(r.Context(), r.PathValue("namespace"), name); err == nil {
			now, err = h.scaleOf(now)
		}
	case http.MethodPut, http.MethodPatch:
		now, err = h.rescale(r)
	default:
		h.notAllowed(w)
		return
	}
	if err != nil {
		h.fail(w, name, err)
		return
	}
	answer(w, http.StatusOK, now)
}

// scaleOf is the scale of an object.
func (h *handler) scaleOf(o Object) (Object, error) {
	s := h.resource.Scale
	replicas, ok := integer(Path(o, s.Replicas...))
	if !ok {
		return nil, fault.Invalidf("spec.replicas", "Not found: %s", s.None)
	}
	active, _ := integer(Path(o, s.Active...))
	meta := map[string]any{}
	for _, field := range []string{"name", "namespace", "uid", "resourceVersion", "creationTimestamp"} {
		if value := o.metadata()[field]; value != nil {
			meta[field] = value
		}
	}
	return Object{
		"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": meta, "spec": map[string]any{"replicas": replicas},
		"status": map[string]any{"replicas": active, "selector": s.Selector(o)},
	}, nil
}

// rescale changes the wanted number, and returns the scale as it then is.
func (h *handler) rescale(r *http.Request) (Object, error) {
	dry, err := dryRun(r)
	if err != nil {
		return nil, err
	}
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		now, err := h.tryScale(r, body, dry)
		if fault.Is(err, fault.Conflict) && r.Method == http.MethodPatch && try < mostTries {
			continue
		}
		if err != nil {
			return nil, err
		}
		return h.scaleOf(now)
	}
}

// tryScale makes one try at a change of the number.
func (h *handler) tryScale(r *http.Request, body []byte, dry bool) (Object, error) {
	namespace, name := r.PathValue("namespace"), r.PathValue("name")
	live, err := h.resource.Store.Get(r.Context(), namespace, name)
	if err != nil {
		return nil, err
	}
	scale, err := h.scaleOf(live)
	if err != nil {
		return nil, err
	}
	if scale, err = rescaled(r, body, scale); err != nil {
		return nil, err
	}
	replicas, ok := integer(Path(scale, "spec", "replicas"))
	if !ok || replicas < 0 || replicas > math.MaxInt32 {
		return nil, fault.Invalidf("spec.replicas", "Invalid value: %v: must be a number from 0", Path(scale, "spec", "replicas"))
	}
	if v := scale.revision(); v != 0 && v != live.revision() {
		return nil, fault.Conflictf("the object has been modified; please apply your changes to the latest version and try again")
	}
	wanted := live.clone()
	at := h.resource.Scale.Replicas
	below, _ := Path(wanted, at[:len(at)-1]...).(map[string]any) // scaleOf found it
	below[at[len(at)-1]] = json.Number(strconv.FormatInt(replicas, 10))
	if wanted, err = h.scaled.changed(r, live, wanted); err != nil {
		return nil, err
	}
	now, _, err := h.resource.Store.Update(r.Context(), namespace, name, wanted.encode(), Options{DryRun: dry, Revision: live.revision()})
	return now, err
}

// rescaled is a scale as a request has it.
func rescaled(r *http.Request, body []byte, scale Object) (Object, error) {
	if r.Method == http.MethodPut {
		return decodeBody(body, r.Header.Get("Content-Type"))
	}
	change, err := changeOf(mediaOf(r), body, true)
	if err != nil {
		return nil, err
	}
	return change(scale.clone())
}

// integer reads a number of an object.
func integer(value any) (int64, bool) {
	switch v := value.(type) {
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	case int64:
		return v, true
	case int32:
		return int64(v), true
	case int:
		return int64(v), true
	}
	return 0, false
}
