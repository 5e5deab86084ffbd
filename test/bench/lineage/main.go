// Command fill-lineage puts a graph of artifacts and executions into a running kfmesh,
// as pipelines make it: runs of twenty steps, each of which reads what the last two
// wrote and writes two artifacts. It prints the id of an artifact in the middle of one.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

const (
	steps       = 20
	edgesOfARun = 2*steps + 1 + 2*(steps-2) // two outputs a step; no input, one, and then two
	runsOfACall = 50
	callsAtOnce = 4
)

func main() {
	address := flag.String("address", "127.0.0.1:9090", "gRPC address of kfmesh")
	edges := flag.Int("edges", 1_000_000, "how many edges, at least")
	flag.Parse()
	if err := fill(context.Background(), *address, *edges); err != nil {
		fmt.Fprintln(os.Stderr, "fill-lineage:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func fill(ctx context.Context, address string, edges int) error {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	metadata := metadatav1.NewMetadataServiceClient(conn)
	group, filling := errgroup.WithContext(ctx)
	group.SetLimit(callsAtOnce)
	for first := 0; first*edgesOfARun < edges; first += runsOfACall {
		group.Go(func() error {
			_, err := metadata.PutExecutions(filling, &metadatav1.PutExecutionsRequest{Requests: runs(first)})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	middle := uid(edges/edgesOfARun/2, steps/2, "a")
	found, err := metadata.ListArtifacts(ctx, &metadatav1.ListArtifactsRequest{
		Filter: fmt.Sprintf(`{"predicates":[{"operation":"EQUALS","key":"uid","string_value":%q}]}`, middle),
	})
	if err != nil || len(found.GetArtifacts()) != 1 {
		return fmt.Errorf("artifact %s: %v, %w", middle, found, err)
	}
	fmt.Fprintln(os.Stdout, found.GetArtifacts()[0].GetArtifactId())
	return nil
}

// runs are the executions of some runs.
func runs(first int) []*metadatav1.PutExecutionRequest {
	var all []*metadatav1.PutExecutionRequest
	for run := first; run < first+runsOfACall; run++ {
		for step := range steps {
			all = append(all, execution(run, step))
		}
	}
	return all
}

func execution(run, step int) *metadatav1.PutExecutionRequest {
	request := &metadatav1.PutExecutionRequest{
		Execution: &metadatav1.Execution{
			Uid: uid(run, step, "step"), Name: "step", Type: "system.ContainerExecution", State: metadatav1.Execution_STATE_COMPLETE,
		},
	}
	for _, key := range []string{"a", "b"} {
		request.Outputs = append(request.Outputs, &metadatav1.ArtifactEvent{Key: key, Artifact: artifact(run, step, key)})
	}
	for back := 1; back <= min(step, 2); back++ {
		request.Inputs = append(request.Inputs, &metadatav1.ArtifactEvent{Key: fmt.Sprint(back), Artifact: artifact(run, step-back, "a")})
	}
	return request
}

func artifact(run, step int, key string) *metadatav1.Artifact {
	return &metadatav1.Artifact{Uid: uid(run, step, key), Type: "system.Dataset", Uri: "s3://bench/" + uid(run, step, key)}
}

func uid(run, step int, what string) string { return fmt.Sprintf("%d/%d/%s", run, step, what) }
