package metadata_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/internal/rpc/rpctest"
	"github.com/kfmesh/kfmesh/services/metadata"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

// sqliteURL is the database URL of a file with an absolute path.
func sqliteURL(path string) config.Secret {
	return config.Secret((&url.URL{Scheme: "sqlite", Path: path}).String())
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestServes(t *testing.T) {
	sqltest.EachURL(t, func(t *testing.T, databaseURL string) {
		module, mesh := serve(t, config.Secret(databaseURL))
		run(t, module)
		graph := metadatav1.NewMetadataServiceClient(mesh.Conn("metadata"))
		archive := metadatav1.NewArchiveServiceClient(mesh.Conn("metadata"))

		// The call does not wait for Ready: it waits for the database by itself.
		ids, err := graph.PutExecution(t.Context(), &metadatav1.PutExecutionRequest{
			Execution: &metadatav1.Execution{Uid: "e"},
			Outputs:   []*metadatav1.ArtifactEvent{{Key: "model", Artifact: &metadatav1.Artifact{Uid: "m"}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := module.Ready(t.Context()); err != nil {
			t.Errorf("Ready = %v after an answer", err)
		}
		lineage, err := graph.GetLineage(t.Context(), &metadatav1.GetLineageRequest{ArtifactId: ids.GetOutputArtifactIds()[0]})
		if err != nil || len(lineage.GetExecutions()) != 1 {
			t.Errorf("lineage %v, %v", lineage, err)
		}
		if _, err := graph.DeleteArtifact(t.Context(), &metadatav1.DeleteArtifactRequest{ArtifactId: ids.GetOutputArtifactIds()[0]}); err != nil {
			t.Error(err)
		}
		record := &metadatav1.Record{Kind: "k", Uid: "u", Detail: []byte("d")}
		if _, err := archive.PutRecord(t.Context(), &metadatav1.PutRecordRequest{Record: record}); err != nil {
			t.Fatal(err)
		}
		got, err := archive.GetRecord(t.Context(), &metadatav1.GetRecordRequest{Kind: "k", Uid: "u"})
		if err != nil || string(got.GetDetail()) != "d" {
			t.Errorf("record %v, %v", got, err)
		}
		list, err := archive.ListRecords(t.Context(), &metadatav1.ListRecordsRequest{Kind: "k"})
		if err != nil || list.GetTotalSize() != 1 {
			t.Errorf("list %v, %v", list, err)
		}
		if _, err := archive.DeleteRecord(t.Context(), &metadatav1.DeleteRecordRequest{Kind: "k", Uid: "u"}); err != nil {
			t.Error(err)
		}
	})
}

func TestBadRequestsNameTheField(t *testing.T) {
	module, mesh := serve(t, sqliteURL(filepath.Join(t.TempDir(), "a b?", "m.db")))
	run(t, module)
	graph := metadatav1.NewMetadataServiceClient(mesh.Conn("metadata"))
	archive := metadatav1.NewArchiveServiceClient(mesh.Conn("metadata"))
	const filter = `{"predicates": [{"operation": "EQUALS", "key": "password"}]}`
	for field, call := range map[string]func(context.Context) error{
		"execution.uid": func(ctx context.Context) error {
			_, err := graph.PutExecution(ctx, &metadatav1.PutExecutionRequest{Execution: &metadatav1.Execution{}})
			return err
		},
		"requests[1].execution.uid": func(ctx context.Context) error {
			_, err := graph.PutExecutions(ctx, &metadatav1.PutExecutionsRequest{Requests: []*metadatav1.PutExecutionRequest{
				{Execution: &metadatav1.Execution{Uid: "first"}}, {Execution: &metadatav1.Execution{}},
			}})
			return err
		},
		"requests": func(ctx context.Context) error {
			_, err := graph.PutExecutions(ctx, &metadatav1.PutExecutionsRequest{})
			return err
		},
		"execution_id": func(ctx context.Context) error {
			_, err := graph.ListEvents(ctx, &metadatav1.ListEventsRequest{})
			return err
		},
		"filter.predicates[0].key": func(ctx context.Context) error {
			_, err := graph.ListArtifacts(ctx, &metadatav1.ListArtifactsRequest{Filter: filter})
			return err
		},
		"filter": func(ctx context.Context) error {
			_, err := graph.ListExecutions(ctx, &metadatav1.ListExecutionsRequest{Filter: "name=x"})
			return err
		},
		"page_token": func(ctx context.Context) error {
			_, err := graph.ListExecutions(ctx, &metadatav1.ListExecutionsRequest{PageToken: "x"})
			return err
		},
		"page_size": func(ctx context.Context) error {
			_, err := graph.ListExecutions(ctx, &metadatav1.ListExecutionsRequest{PageSize: 201})
			return err
		},
		"record.uid": func(ctx context.Context) error {
			_, err := archive.PutRecord(ctx, &metadatav1.PutRecordRequest{Record: &metadatav1.Record{Kind: "k"}})
			return err
		},
		"order_by": func(ctx context.Context) error {
			_, err := archive.ListRecords(ctx, &metadatav1.ListRecordsRequest{Kind: "k", OrderBy: "summary"})
			return err
		},
	} {
		err := call(t.Context())
		problem, ok := errors.AsType[*fault.Error](err)
		if !ok || problem.Kind != fault.Invalid || len(problem.Violations) != 1 || problem.Violations[0].Field != field {
			t.Errorf("%v, want Invalid at %s", err, field)
		}
	}
	_, err := graph.GetArtifact(t.Context(), &metadatav1.GetArtifactRequest{ArtifactId: 404})
	if problem, ok := errors.AsType[*fault.Error](err); !ok || problem.Reason != "ARTIFACT_NOT_FOUND" {
		t.Errorf("GetArtifact = %v, want ARTIFACT_NOT_FOUND", err)
	}
}

func TestNewRefusesBadURL(t *testing.T) {
	for _, databaseURL := range []config.Secret{"", "mysql://u:secret@h/d", "sqlite://relative.db"} {
		_, err := metadata.New(metadata.Config{DatabaseURL: databaseURL}, app.Deps{})
		if !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "secret") {
			t.Errorf("New(%q) = %v, want Invalid without secrets", string(databaseURL), err)
		}
	}
	cfg := metadata.Config{DatabaseURL: "postgres://u:secret@h/d"}
	if text := fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg); strings.Contains(text, "secret") {
		t.Errorf("%s tells the password", text)
	}
}

func TestWaitsForServerThatIsAway(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // and never answers as PostgreSQL does
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	module, mesh := serve(t, config.Secret("postgres://u@"+address+"/d?connect_timeout=1"))
	run(t, module)
	eventually(t, func() bool {
		err := module.Ready(t.Context())
		return fault.Is(err, fault.Unavailable) && strings.Contains(err.Error(), "cannot be reached")
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = metadatav1.NewArchiveServiceClient(mesh.Conn("metadata")).GetRecord(ctx, &metadatav1.GetRecordRequest{Kind: "k", Uid: "u"})
	if err == nil {
		t.Error("a call was answered without a database")
	}
}

func TestRunFailsForGood(t *testing.T) {
	module, _ := serve(t, sqliteURL(t.TempDir())) // a folder
	if err := module.Run(t.Context()); !fault.Is(err, fault.Precondition) {
		t.Errorf("Run = %v, want Precondition", err)
	}
	if err := module.Ready(t.Context()); !fault.Is(err, fault.Precondition) {
		t.Errorf("Ready = %v, want Precondition", err)
	}
}

// serve makes a module and serves it; run starts its work.
func serve(t *testing.T, databaseURL config.Secret) (app.Module, rpc.Mesh) {
	t.Helper()
	module, err := metadata.New(metadata.Config{DatabaseURL: databaseURL}, app.Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return module, rpctest.Serve(t, module.Register)
}

// run runs a module until the test ends.
func run(t *testing.T, module app.Module) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- module.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

// eventually waits for a condition.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the condition never held")
		}
	}
}
