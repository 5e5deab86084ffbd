package collect

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc/rpctest"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/garbage"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/list"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// today is when the tests collect.
var today = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is what a collector works on.
type world struct {
	t         testing.TB
	dir       string
	bucket    *blob.Bucket
	store     *store.Memory
	state     *state.State
	records   *records
	books     *books
	retention garbage.Retention
	deps      Deps
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	bucket, err := blob.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, bucket: bucket, store: store.NewMemory(), records: &records{}, books: &books{}}
	w.state = state.New(w.store)
	mesh := rpctest.Serve(t, func(server grpc.ServiceRegistrar) {
		metadatav1.RegisterArchiveServiceServer(server, w.records)
		metadatav1.RegisterMetadataServiceServer(server, w.books)
	})
	w.deps = Deps{
		State: w.state, Bucket: bucket,
		Archive:  metadatav1.NewArchiveServiceClient(mesh.Conn("metadata")),
		Metadata: metadatav1.NewMetadataServiceClient(mesh.Conn("metadata")),
		Now:      func() time.Time { return today },
	}
	return w
}

// collector returns one with the retention as it is now.
func (w *world) collector() *Collector {
	w.deps.Retention = w.retention
	return New(w.deps)
}

// collect returns what was collected as "kind name", where names are relative
// to the bucket, sorted.
func (w *world) collect(dryRun bool) []string {
	w.t.Helper()
	var got []string
	err := w.collector().Collect(w.t.Context(), dryRun, func(g *metav1.Garbage) error {
		if g.GetRemoved() == dryRun || g.GetReason() == "" {
			w.t.Errorf("in a dry run (%v) it says %v", dryRun, g)
		}
		got = append(got, g.GetKind()+" "+strings.TrimPrefix(g.GetName(), w.dir+"/"))
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(got)
	return got
}

// goes collects, dry and then in earnest, and compares what went.
func (w *world) goes(want ...string) {
	w.t.Helper()
	slices.Sort(want)
	before := w.files()
	if got := w.collect(true); !slices.Equal(got, want) {
		w.t.Errorf("would go:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if after := w.files(); !slices.Equal(after, before) {
		w.t.Errorf("a dry run left %q of %q", after, before)
	}
	if got := w.collect(false); !slices.Equal(got, want) {
		w.t.Errorf("went:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := w.collect(false); len(got) > 0 {
		w.t.Errorf("the next time went %q", got)
	}
	if items, _, err := w.state.Condemned.List(w.t.Context(), ""); err != nil || len(items) > 0 {
		w.t.Errorf("still condemned: %v, %v", items, err)
	}
}

// files are the files of the bucket.
func (w *world) files() []string {
	var files []string
	err := filepath.WalkDir(w.dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, strings.TrimPrefix(path, w.dir+"/"))
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return files
}

// write puts a file in the bucket that was last written some time ago.
func (w *world) write(key string, age time.Duration) string {
	w.t.Helper()
	if err := w.bucket.Put(context.Background(), key, []byte(key)); err != nil {
		w.t.Fatal(err)
	}
	at := today.Add(-age)
	if err := os.Chtimes(filepath.Join(w.dir, key), at, at); err != nil {
		w.t.Fatal(err)
	}
	return w.bucket.URI(key)
}

// runID is the id of the n-th run.
func runID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// live stores a live run.
func (w *world) live(n int, spec string) {
	w.t.Helper()
	run := &pipelinev1.RunState{Run: &pipelinev1.Run{RunId: runID(n)}, SpecDigest: spec}
	if _, err := w.state.Runs.Create(context.Background(), runID(n), run); err != nil {
		w.t.Fatal(err)
	}
}

// task stores a task of a live run that reads and reuses artifacts.
func (w *world) task(n int, reads, reuses string) {
	w.t.Helper()
	task := &pipelinev1.Task{
		InputArtifacts:  []*pipelinev1.TaskArtifact{{Uri: reads}},
		OutputArtifacts: []*pipelinev1.TaskArtifact{{Uri: reuses}},
	}
	if _, err := w.state.Tasks.Create(context.Background(), state.TaskKey(runID(n), "t"), task); err != nil {
		w.t.Fatal(err)
	}
}

// finished archives a run of an experiment that finished some time ago.
func (w *world) finished(n int, experiment string, age time.Duration, spec string) {
	w.t.Helper()
	at := timestamppb.New(today.Add(-age))
	record, err := state.Record(&pipelinev1.RunState{SpecDigest: spec, Run: &pipelinev1.Run{
		RunId: runID(n), ExperimentId: experiment, CreatedAt: at, FinishedAt: at, DisplayName: fmt.Sprint("run ", n),
	}}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.records.all = append(w.records.all, record)
}

// records is an archive of runs.
type records struct {
	metadatav1.UnimplementedArchiveServiceServer
	all []*metadatav1.Record
}

// recordFields are what records may be found by.
var recordFields = list.Fields[*metadatav1.Record]{
	ID: (*metadatav1.Record).GetUid,
	Key: map[string]list.Field[*metadatav1.Record]{
		"uid":         {Text: (*metadatav1.Record).GetUid},
		"parent":      {Text: (*metadatav1.Record).GetParent},
		"created_at":  {Time: (*metadatav1.Record).GetCreatedAt},
		"finished_at": {Time: (*metadatav1.Record).GetFinishedAt},
	},
}

func (r *records) ListRecords(_ context.Context, request *metadatav1.ListRecordsRequest) (*metadatav1.ListRecordsResponse, error) {
	const most = 3 // small, so that every longer list takes several calls
	q := list.Query{
		Filter: request.GetFilter(), Key: request.GetOrderBy(), Descending: request.GetDescending(), Size: int(request.GetPageSize()),
	}
	if q.Key != "uid" { // those must come at once
		q.Size = min(q.Size, most)
	}
	if after := request.GetAfter(); after != nil {
		q.After = &list.Position{Value: after.GetValue(), ID: after.GetUid()}
	}
	page, err := list.Select(q, recordFields, r.all)
	return &metadatav1.ListRecordsResponse{Records: page.Items, More: page.Next != ""}, err
}

func (r *records) DeleteRecord(_ context.Context, request *metadatav1.DeleteRecordRequest) (*emptypb.Empty, error) {
	before := len(r.all)
	r.all = slices.DeleteFunc(r.all, func(record *metadatav1.Record) bool { return record.GetUid() == request.GetUid() })
	if len(r.all) == before {
		return nil, fault.NotFoundf("there is no such record")
	}
	return &emptypb.Empty{}, nil
}

// books is a metadata service that knows who used what.
type books struct {
	metadatav1.UnimplementedMetadataServiceServer
	uses   []*metadatav1.ArtifactUse
	broken error
}

func (b *books) ListUses(_ context.Context, r *metadatav1.ListUsesRequest) (*metadatav1.ListUsesResponse, error) {
	if b.broken != nil {
		return nil, b.broken
	}
	response := &metadatav1.ListUsesResponse{}
	for _, use := range b.uses {
		if strings.HasPrefix(use.GetUri(), r.GetPlace()+"/") && use.GetContext() != r.GetExceptContext() {
			response.Uses = append(response.Uses, use)
		}
	}
	return response, nil
}
