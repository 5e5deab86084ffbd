// Command fill-archive puts finished runs into the archive of a running kfmesh,
// through the service that the pipeline service archives them with. What the runs
// are follows from their number, so that every archive of a size is alike.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// atOnce is how many records are on their way.
const atOnce = 32

func main() {
	address := flag.String("address", "127.0.0.1:9090", "gRPC address of kfmesh")
	runs := flag.Int("runs", 200_000, "how many runs")
	flag.Parse()
	if err := fill(context.Background(), *address, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "fill-archive:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func fill(ctx context.Context, address string, runs int) error {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	archive := metadatav1.NewArchiveServiceClient(conn)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range runs {
		record, err := recordOf(draw(random, i))
		if err != nil {
			return err
		}
		group.Go(func() error {
			_, err := archive.PutRecord(ctx, &metadatav1.PutRecordRequest{Record: record})
			return err
		})
	}
	return group.Wait()
}

// draw makes a finished run: most succeed, some are put away, and they are spread
// over most of a year and a hundred experiments.
func draw(random *rand.Rand, i int) *pipelinev1.RunState {
	states := []pipelinev1.RuntimeState{
		pipelinev1.RuntimeState_SUCCEEDED, pipelinev1.RuntimeState_SUCCEEDED, pipelinev1.RuntimeState_SUCCEEDED,
		pipelinev1.RuntimeState_SUCCEEDED, pipelinev1.RuntimeState_FAILED, pipelinev1.RuntimeState_CANCELED,
	}
	storage := pipelinev1.Run_AVAILABLE
	if random.IntN(20) == 0 {
		storage = pipelinev1.Run_ARCHIVED
	}
	created := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(random.Int64N(int64(300 * 24 * time.Hour))))
	run := &pipelinev1.Run{
		RunId:        uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, i)).String(),
		DisplayName:  fmt.Sprintf("train-%d of model %d", random.IntN(100_000), i),
		Description:  "nightly",
		State:        states[random.IntN(len(states))],
		StorageState: storage,
		ExperimentId: uuid.NewSHA1(uuid.NameSpaceURL, fmt.Append(nil, random.IntN(100))).String(),
		CreatedAt:    timestamppb.New(created),
		ScheduledAt:  timestamppb.New(created),
		FinishedAt:   timestamppb.New(created.Add(time.Duration(random.Int64N(int64(time.Hour))))),
	}
	run.StateHistory = []*pipelinev1.RuntimeStatus{
		{UpdateTime: run.CreatedAt, State: pipelinev1.RuntimeState_PENDING},
		{UpdateTime: run.CreatedAt, State: pipelinev1.RuntimeState_RUNNING},
		{UpdateTime: run.FinishedAt, State: run.State},
	}
	return &pipelinev1.RunState{Run: run, Namespace: "default", PipelineName: "train"}
}

// recordOf packs a run as the pipeline service does, without tasks.
func recordOf(state *pipelinev1.RunState) (*metadatav1.Record, error) {
	summary, err := proto.Marshal(state)
	if err != nil {
		return nil, err
	}
	detail, err := proto.Marshal(&pipelinev1.ArchivedRun{State: state})
	if err != nil {
		return nil, err
	}
	run := state.GetRun()
	return &metadatav1.Record{
		Kind: "pipeline.run", Uid: run.GetRunId(), Namespace: state.GetNamespace(), Name: run.GetRunId(),
		DisplayName: run.GetDisplayName(), Description: run.GetDescription(), State: run.GetState().String(),
		StorageState: run.GetStorageState().String(), Parent: run.GetExperimentId(),
		CreatedAt: run.GetCreatedAt(), ScheduledAt: run.GetScheduledAt(), FinishedAt: run.GetFinishedAt(),
		Summary: summary, Detail: detail,
	}, nil
}
