package pod

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// logOptions are the parameters of a log.
type logOptions struct {
	follow, previous bool
	container        string
	companion        string // the container, when it is not the one that counts
	tail             int64  // lines; -1 for all
	limit            int64  // bytes
	timed            bool   // asks for something that needs the time of each line
}

func readLogOptions(r *http.Request) (logOptions, error) {
	o := logOptions{tail: -1, limit: math.MaxInt64, container: r.FormValue("container")}
	for name, to := range map[string]*int64{"tailLines": &o.tail, "limitBytes": &o.limit} {
		text := r.FormValue(name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n == 0 && name == "limitBytes" {
			return o, fault.Invalidf(name, "Invalid value: %q: must be a number above 0", text)
		}
		*to = n
	}
	// As Kubernetes: what is no truth is not true.
	o.follow, _ = strconv.ParseBool(r.FormValue("follow"))
	o.previous, _ = strconv.ParseBool(r.FormValue("previous"))
	timestamps, _ := strconv.ParseBool(r.FormValue("timestamps"))
	o.timed = timestamps || cmp.Or(r.FormValue("sinceSeconds"), r.FormValue("sinceTime")) != ""
	return o, nil
}

// timeless is the warning to who asks for the times of lines.
const timeless = "lines of logs carry no times here: all are shown, and without times; --tail bounds how many"

// log writes what the pod's container has written, and goes on while it runs when that is
// asked for.
func (s *store) log(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return refused()
	}
	o, err := readLogOptions(r)
	if err != nil {
		return err
	}
	found, err := s.find(r.Context(), r.PathValue("namespace"), r.PathValue("name"))
	if err != nil {
		return err
	}
	if o.container != "" && o.container != found.container() {
		if !found.hasCompanion(o.container) {
			return kube.BadRequest("container %s is not valid for pod %s", o.container, found.name())
		}
		o.companion = o.container
	}
	if o.previous {
		if found, err = before(found); err != nil {
			return err
		}
	}
	if o.timed {
		w.Header().Add("Warning", fmt.Sprintf("299 - %q", timeless))
	}
	err = s.send(r.Context(), w, found, o)
	if o.previous && fault.Is(rpc.Fault(err), fault.NotFound) {
		return found.noneBefore()
	}
	return err
}

// hasCompanion reports whether a container of a name is beside the one that counts.
func (r replica) hasCompanion(name string) bool {
	t := r.group.GetTemplate()
	named := func(c *gpuagentv1.Companion) bool { return c.GetName() == name }
	return slices.ContainsFunc(t.GetInitContainers(), named) || slices.ContainsFunc(t.GetCompanions(), named)
}

// before is the same replica in the attempt before, whose log is kept under the name that
// its workload had.
func before(r replica) (replica, error) {
	m, last := proto.CloneOf(r.workload.GetMetadata()), attempt(r.workload)-1
	base, numbered := strings.CutSuffix(m.GetName(), fmt.Sprintf("-%d", last+1))
	if last < 1 || !numbered {
		return replica{}, r.noneBefore()
	}
	m.Name = fmt.Sprintf("%s-%d", base, last)
	r.workload = &gpuagentv1.Workload{Metadata: m}
	return r, nil
}

func (r replica) noneBefore() error {
	return kube.BadRequest("previous terminated container %q in pod %q not found", r.container(), r.name())
}

// send writes the log of a replica.
func (s *store) send(ctx context.Context, w http.ResponseWriter, of replica, o logOptions) error {
	m := of.workload.GetMetadata()
	asked := &gpuagentv1.LogsRequest{
		Container: o.companion,
		Namespace: m.GetNamespace(), Name: m.GetName(), Group: of.group.GetName(), Index: of.index, Follow: o.follow, TailLines: max(o.tail, 0),
	}
	skip := int64(0)
	if o.tail == 0 { // which is all to the service
		var err error
		if skip, err = s.length(ctx, asked); err != nil {
			return err
		}
	}
	stream, err := s.workloads.Logs(ctx, asked)
	if err != nil {
		return err
	}
	return copyLog(w, stream, skip, o.limit)
}

// length is how many bytes a log has now.
func (s *store) length(ctx context.Context, of *gpuagentv1.LogsRequest) (int64, error) {
	stream, err := s.workloads.Logs(ctx, &gpuagentv1.LogsRequest{Namespace: of.GetNamespace(), Name: of.GetName(), Group: of.GetGroup(), Index: of.GetIndex()})
	if err != nil {
		return 0, err
	}
	n := int64(0)
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
		n += int64(len(chunk.GetData()))
	}
}

// copyLog writes a log piece by piece, without its first skip bytes and at most limit of
// them. Once something was written an error can only cut it short.
func copyLog(w http.ResponseWriter, stream interface {
	Recv() (*gpuagentv1.LogChunk, error)
}, skip, limit int64,
) error {
	chunk, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	flush := http.NewResponseController(w)
	_ = flush.Flush() // one that cannot is not asked to
	for ; err == nil && limit > 0; chunk, err = stream.Recv() {
		data := chunk.GetData()
		passed := min(skip, int64(len(data)))
		skip, data = skip-passed, data[passed:]
		data = data[:min(limit, int64(len(data)))]
		limit -= int64(len(data))
		if _, gone := w.Write(data); gone != nil {
			return nil //nolint:nilerr // the caller went away
		}
		_ = flush.Flush()
	}
	return nil
}
