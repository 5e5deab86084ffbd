package api

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/training/internal/state"
)

// place is where a job is among all, the newest first.
type place struct {
	created int64 // nanoseconds since 1970
	key     string
}

func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(b.created, a.created), cmp.Compare(a.key, b.key))
}

// token is that of the page behind it.
func (p place) token() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d/%s", p.created, p.key))
}

// placeOf is the place that a page begins behind; nil for the first.
func placeOf(token string) (*place, error) {
	if token == "" {
		return nil, nil
	}
	text, _ := base64.RawURLEncoding.DecodeString(token) // what is none has no key
	created, key, _ := strings.Cut(string(text), "/")
	nanos, err := strconv.ParseInt(created, 10, 64)
	if err != nil || !state.IsKey(key) {
		return nil, errToken(token)
	}
	return &place{nanos, key}, nil
}

// newest lists the jobs that are meant, the newest first. All there are are looked at, and only
// those that are shown are held, or asked the archive for.
func (s *jobs) newest(ctx context.Context, which selection, r *trainingv1.ListTrainingJobsRequest) (*trainingv1.ListTrainingJobsResponse, error) {
	after, err := placeOf(r.GetPageToken())
	if err != nil {
		return nil, err
	}
	var places []place
	_, _, revision, err := s.state.Jobs.Page(ctx, which.prefix(), "", 0, func(job *trainingv1.TrainingJob) bool {
		p := place{job.GetMetadata().GetCreateTime().AsTime().UnixNano(), state.KeyOf(job)}
		if which.has(job) && (after == nil || comparePlaces(*after, p) < 0) {
			places = append(places, p)
		}
		return false
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(places, comparePlaces)
	out := &trainingv1.ListTrainingJobsResponse{Revision: revision}
	if size := int(r.GetPageSize()); size > 0 && size < len(places) {
		places = places[:size]
		out.NextPageToken = places[size-1].token()
	}
	items := make([]store.Item[*trainingv1.TrainingJob], 0, len(places))
	for _, p := range places {
		item, err := s.state.Jobs.Get(ctx, p.key)
		switch {
		case fault.Is(err, fault.NotFound): // it was deleted meanwhile
		case err != nil:
			return nil, err
		default:
			items = append(items, item)
		}
	}
	out.Jobs, err = s.whole(ctx, items)
	return out, err
}
