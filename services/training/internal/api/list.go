package api

import (
	"context"
	"encoding/base64"
	"strings"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
	"github.com/kfmesh/kfmesh/services/training/internal/state"
)

// ListTrainingJobs implements TrainingService. A page begins behind the job that the
// last one ended with, so what comes and goes meanwhile moves nothing.
func (s *jobs) ListTrainingJobs(ctx context.Context, r *trainingv1.ListTrainingJobsRequest) (*trainingv1.ListTrainingJobsResponse, error) {
	which := selection{namespace: r.GetNamespace(), kind: kind.Canonical(r.GetKind()), labels: r.GetLabelSelector(), live: r.GetLive()}
	if r.GetNewestFirst() {
		return s.newest(ctx, which, r)
	}
	after, err := position(r.GetPageToken())
	if err != nil {
		return nil, err
	}
	items, more, revision, err := s.state.Jobs.Page(ctx, which.prefix(), after, int(r.GetPageSize()), which.has)
	if err != nil {
		return nil, err
	}
	out := &trainingv1.ListTrainingJobsResponse{Revision: revision}
	if more {
		out.NextPageToken = tokenOf(items[len(items)-1].Key)
	}
	out.Jobs, err = s.whole(ctx, items)
	return out, err
}

// tokenOf is the token of the page behind a key.
func tokenOf(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// position is the key that a page begins behind.
func position(token string) (string, error) {
	after, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(after) > 0 && !state.IsKey(string(after)) {
		return "", errToken(token)
	}
	return string(after), nil
}

func errToken(token string) error {
	return fault.Invalidf("page_token", "%q was not given out by this service: leave it empty for the first page", token)
}

// whole are jobs as they are shown, with what the archive has of them.
func (s *jobs) whole(ctx context.Context, items []store.Item[*trainingv1.TrainingJob]) ([]*trainingv1.TrainingJob, error) {
	jobs := make([]*trainingv1.TrainingJob, len(items))
	for i, item := range items {
		jobs[i] = state.Stamped(item)
	}
	return s.archive.Fill(ctx, jobs)
}

// selection says which jobs are meant; what is empty means any.
type selection struct {
	namespace, kind, name string
	labels                map[string]string
	live                  bool // those in the archive are not
}

// prefix is the longest that all their keys share.
func (w selection) prefix() string {
	switch {
	case w.namespace == "":
		return ""
	case w.kind == "":
		return w.namespace + "/"
	default:
		return state.Key(w.namespace, w.kind, w.name)
	}
}

func (w selection) has(job *trainingv1.TrainingJob) bool {
	m := job.GetMetadata()
	if w.live && job.GetArchived() {
		return false
	}
	for label, want := range w.labels {
		if got, ok := m.GetLabels()[label]; !ok || got != want {
			return false
		}
	}
	return fits(w.namespace, m.GetNamespace()) && fits(w.kind, job.GetKind()) && fits(w.name, m.GetName())
}

func fits(want, got string) bool { return want == "" || strings.EqualFold(want, got) }
