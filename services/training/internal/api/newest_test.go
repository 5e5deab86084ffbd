package api

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/archive"
	"github.com/kfmesh/kfmesh/services/training/internal/state"
)

// counting is an archive that counts which records it is asked for.
type counting struct {
	records
	asked int
}

func (c *counting) ListRecords(_ context.Context, l *metadatav1.ListRecordsRequest, _ ...grpc.CallOption) (*metadatav1.ListRecordsResponse, error) {
	c.asked += len(l.GetFilter().GetPredicates()[0].GetStringValues().GetValues())
	return &metadatav1.ListRecordsResponse{Records: c.kept}, nil
}

func TestTheNewestFirst(t *testing.T) {
	t.Parallel()
	s, kept := service(), &counting{}
	s.archive = archive.New(kept)
	for name, second := range map[string]int64{"a": 3, "b": 1, "c": 4, "d": 1, "e": 5, "live": 2} {
		job := &trainingv1.TrainingJob{Kind: "JAXJob", Metadata: &metav1.ObjectMeta{
			Namespace: "x", Name: name, Uid: "uid of " + name, CreateTime: timestamppb.New(time.Unix(second, 0)),
		}}
		if name != "live" {
			if err := s.archive.Put(t.Context(), job, nil); err != nil {
				t.Fatal(err)
			}
			job = archive.Stub(job)
		}
		if _, err := s.state.Jobs.Create(t.Context(), state.KeyOf(job), job); err != nil {
			t.Fatal(err)
		}
	}
	for want, r := range map[string]*trainingv1.ListTrainingJobsRequest{
		"e c a live b d":      {},
		"e c, a live, b d":    {PageSize: 2},
		"e c a live, b d":     {PageSize: 4},
		"live":                {Live: true},
		"":                    {Namespace: "y"},
		"e, c, a, live, b, d": {Kind: "jaxjob", PageSize: 1},
	} {
		r.NewestFirst, kept.asked = true, 0
		var pages []string
		for {
			page, err := s.ListTrainingJobs(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, job := range page.GetJobs() {
				names = append(names, job.GetMetadata().GetName())
			}
			pages = append(pages, strings.Join(names, " "))
			if r.PageToken = page.GetNextPageToken(); r.PageToken == "" {
				break
			}
		}
		if got := strings.Join(pages, ", "); got != want {
			t.Errorf("%v: got %q, want %q", r, got, want)
		}
		if kept.asked > 5 {
			t.Errorf("%v: the archive was asked for %d of 5 records", r, kept.asked)
		}
	}
}
