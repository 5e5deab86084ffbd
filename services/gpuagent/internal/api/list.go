package api

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/board"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// defaultPageSize is that of a request which names none.
const defaultPageSize = 100

// ListWorkloads implements WorkloadService. A page begins behind the workload
// that the last one ended with, so what comes and goes meanwhile moves nothing.
func (s *workloads) ListWorkloads(_ context.Context, r *gpuagentv1.ListWorkloadsRequest) (*gpuagentv1.ListWorkloadsResponse, error) {
	after, err := parseToken(r.GetPageToken())
	if err != nil {
		return nil, err
	}
	size := int(r.GetPageSize())
	if size == 0 {
		size = defaultPageSize
	}
	all := s.engine.Board().List(selects(r.GetNamespace(), "", r.GetLabelSelector()))
	if after != "" {
		i, found := slices.BinarySearchFunc(all, after, func(w *gpuagentv1.Workload, token string) int {
			return strings.Compare(position(w), token)
		})
		if found {
			i++
		}
		all = all[i:]
	}
	page := &gpuagentv1.ListWorkloadsResponse{Workloads: all}
	if len(all) > size {
		page.Workloads = all[:size]
		page.NextPageToken = base64.RawURLEncoding.EncodeToString([]byte(position(all[size-1])))
	}
	return page, nil
}

// createdLayout writes a time so that text compares as times do.
const createdLayout = "20060102150405.000000000"

// position is where a workload stands in the order of lists, as text that
// compares alike.
func position(w *gpuagentv1.Workload) string {
	created := w.GetMetadata().GetCreateTime().AsTime().UTC().Format(createdLayout)
	return created + " " + state.KeyOf(w.GetMetadata())
}

func parseToken(token string) (string, error) {
	after, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil && len(after) > 0 {
		created, _, _ := strings.Cut(string(after), " ")
		_, err = time.Parse(createdLayout, created)
	}
	if err != nil {
		return "", fault.Invalidf("page_token", "%q was not given out by this service: leave it empty for the first page", token)
	}
	return string(after), nil
}

// selects makes a match of a namespace, a name and labels, any of which may be empty.
func selects(namespace, name string, labels map[string]string) board.Match {
	return func(w *gpuagentv1.Workload) bool {
		m := w.GetMetadata()
		if namespace != "" && m.GetNamespace() != namespace || name != "" && m.GetName() != name {
			return false
		}
		for label, want := range labels {
			if got, ok := m.GetLabels()[label]; !ok || got != want {
				return false
			}
		}
		return true
	}
}
