package api

import (
	"context"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/training/internal/archive"
	"github.com/kfmesh/kfmesh/services/training/internal/state"
)

// records are an archive in memory, which has details in lists for who asks for them.
type records struct {
	metadatav1.ArchiveServiceClient
	kept []*metadatav1.Record
}

func (r *records) PutRecord(_ context.Context, put *metadatav1.PutRecordRequest, _ ...grpc.CallOption) (*emptypb.Empty, error) {
	r.kept = append(r.kept, put.GetRecord())
	return &emptypb.Empty{}, nil
}

func (r *records) GetRecord(context.Context, *metadatav1.GetRecordRequest, ...grpc.CallOption) (*metadatav1.Record, error) {
	return nil, fault.NotFoundf("there is no record")
}

func (r *records) ListRecords(_ context.Context, l *metadatav1.ListRecordsRequest, _ ...grpc.CallOption) (*metadatav1.ListRecordsResponse, error) {
	out := &metadatav1.ListRecordsResponse{}
	for _, record := range r.kept {
		if l.GetDetails() && slices.Contains(l.GetFilter().GetPredicates()[0].GetStringValues().GetValues(), record.GetUid()) {
			out.Records = append(out.Records, record)
		}
	}
	return out, nil
}

// put makes a job, in the archive or not, and what ran of it, which is named after it.
func put(t *testing.T, s *jobs, namespace, kind, name string, archived bool) {
	t.Helper()
	job := &trainingv1.TrainingJob{Kind: kind, Metadata: &metav1.ObjectMeta{Namespace: namespace, Name: name, Uid: namespace + kind + name}}
	if archived {
		ran := &gpuagentv1.Workload{Metadata: &metav1.ObjectMeta{Name: strings.Join([]string{namespace, kind, name}, "/")}}
		if err := s.archive.Put(t.Context(), job, []*gpuagentv1.Workload{ran}); err != nil {
			t.Fatal(err)
		}
		job = archive.Stub(job)
	}
	if _, err := s.state.Jobs.Create(t.Context(), state.KeyOf(job), job); err != nil {
		t.Fatal(err)
	}
}

func TestArchivedWorkloads(t *testing.T) {
	t.Parallel()
	s := service()
	s.archive = archive.New(&records{})
	put(t, s, "x", "PyTorchJob", "a", true)
	put(t, s, "x", "MPIJob", "a", true)
	put(t, s, "x", "TrainJob", "b", true)
	put(t, s, "x", "TrainJob", "live", false)
	put(t, s, "y", "JAXJob", "a", true)
	for _, tt := range []struct {
		want string // the pages
		r    *trainingv1.ListArchivedWorkloadsRequest
	}{
		{"x/MPIJob/a x/PyTorchJob/a x/TrainJob/b y/JAXJob/a", &trainingv1.ListArchivedWorkloadsRequest{}},
		{"x/MPIJob/a x/PyTorchJob/a x/TrainJob/b", &trainingv1.ListArchivedWorkloadsRequest{Namespace: "x"}},
		{"x/MPIJob/a x/PyTorchJob/a, x/TrainJob/b", &trainingv1.ListArchivedWorkloadsRequest{Namespace: "x", PageSize: 2}},
		{"x/MPIJob/a, x/PyTorchJob/a, x/TrainJob/b, y/JAXJob/a", &trainingv1.ListArchivedWorkloadsRequest{PageSize: 1}},
		{"x/MPIJob/a x/PyTorchJob/a", &trainingv1.ListArchivedWorkloadsRequest{Namespace: "x", Names: []string{"a"}, PageSize: 1}},
		{"x/TrainJob/b", &trainingv1.ListArchivedWorkloadsRequest{Namespace: "x", Names: []string{"b", "none"}}},
		{"x/MPIJob/a x/PyTorchJob/a y/JAXJob/a", &trainingv1.ListArchivedWorkloadsRequest{Names: []string{"a"}, PageSize: 1}},
		{"", &trainingv1.ListArchivedWorkloadsRequest{Namespace: "x", Names: []string{"live"}}},
	} {
		var pages []string
		for {
			page, err := s.ListArchivedWorkloads(t.Context(), tt.r)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, w := range page.GetWorkloads() {
				names = append(names, w.GetMetadata().GetName())
			}
			pages = append(pages, strings.Join(names, " "))
			if tt.r.PageToken = page.GetNextPageToken(); tt.r.PageToken == "" {
				break
			}
		}
		if got := strings.Join(pages, ", "); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.r, got, tt.want)
		}
	}
	if _, err := s.ListArchivedWorkloads(t.Context(), &trainingv1.ListArchivedWorkloadsRequest{PageToken: "?"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a foreign token gives %v", err)
	}
}
