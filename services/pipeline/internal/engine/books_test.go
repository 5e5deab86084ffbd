package engine_test

import (
	"context"
	"sync"

	"google.golang.org/protobuf/types/known/emptypb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// books is a metadata service in memory.
type books struct {
	metadatav1.UnimplementedMetadataServiceServer
	metadatav1.UnimplementedArchiveServiceServer
	refused   string       // name of executions that are refused
	archiving func()       // called before a record is put
	refuse    func() error // what a change of the archive answers; nil for none

	mu         sync.Mutex
	executions map[string]*metadatav1.PutExecutionRequest // guarded by mu; by uid
	numbers    map[string]int64                           // guarded by mu; by uid
	records    map[string]*metadatav1.Record              // guarded by mu; by uid
}

func newBooks() *books {
	return &books{
		executions: map[string]*metadatav1.PutExecutionRequest{},
		numbers:    map[string]int64{},
		archiving:  func() {},
		records:    map[string]*metadatav1.Record{},
	}
}

func (b *books) number(uid string) int64 {
	if b.numbers[uid] == 0 {
		b.numbers[uid] = int64(len(b.numbers) + 1)
	}
	return b.numbers[uid]
}

func (b *books) PutExecution(_ context.Context, r *metadatav1.PutExecutionRequest) (*metadatav1.PutExecutionResponse, error) {
	if b.refused != "" && r.GetExecution().GetName() == b.refused {
		return nil, fault.Invalidf("execution.name", "is %q", b.refused)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.executions[r.GetExecution().GetUid()] = r
	response := &metadatav1.PutExecutionResponse{ExecutionId: b.number(r.GetExecution().GetUid())}
	for _, e := range r.GetInputs() {
		response.InputArtifactIds = append(response.InputArtifactIds, b.number(e.GetArtifact().GetUid()))
	}
	for _, e := range r.GetOutputs() {
		response.OutputArtifactIds = append(response.OutputArtifactIds, b.number(e.GetArtifact().GetUid()))
	}
	return response, nil
}

func (b *books) PutExecutions(ctx context.Context, r *metadatav1.PutExecutionsRequest) (*metadatav1.PutExecutionsResponse, error) {
	for _, request := range r.GetRequests() {
		if request.GetExecution().GetName() == b.refused {
			return nil, fault.Invalidf("requests", "there is one for %q", b.refused)
		}
	}
	all := &metadatav1.PutExecutionsResponse{}
	for _, request := range r.GetRequests() {
		response, err := b.PutExecution(ctx, request)
		if err != nil {
			return nil, err
		}
		all.Responses = append(all.Responses, response)
	}
	return all, nil
}

func (b *books) PutRecord(_ context.Context, r *metadatav1.PutRecordRequest) (*emptypb.Empty, error) {
	b.archiving()
	if err := b.refusal(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records[r.GetRecord().GetUid()] = r.GetRecord()
	return &emptypb.Empty{}, nil
}

func (b *books) DeleteRecord(_ context.Context, r *metadatav1.DeleteRecordRequest) (*emptypb.Empty, error) {
	if err := b.refusal(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.records[r.GetUid()] == nil {
		return nil, fault.NotFoundf("there is no record %s", r.GetUid())
	}
	delete(b.records, r.GetUid())
	return &emptypb.Empty{}, nil
}

func (b *books) refusal() error {
	if b.refuse == nil {
		return nil
	}
	return b.refuse()
}

func (b *books) GetRecord(_ context.Context, r *metadatav1.GetRecordRequest) (*metadatav1.Record, error) {
	if record := b.record(r.GetUid()); record != nil {
		return record, nil
	}
	return nil, fault.NotFoundf("there is no record %s", r.GetUid())
}

func (b *books) forget(uid string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.records, uid)
}

func (b *books) record(uid string) *metadatav1.Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.records[uid]
}

func (b *books) states() map[string]metadatav1.Execution_State {
	b.mu.Lock()
	defer b.mu.Unlock()
	states := map[string]metadatav1.Execution_State{}
	for _, e := range b.executions {
		states[e.GetExecution().GetName()] = e.GetExecution().GetState()
	}
	return states
}
