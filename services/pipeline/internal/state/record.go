package state

import (
	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// RunKind is the kind under which runs are archived.
const RunKind = "pipeline.run"

// Record packs a finished run for the archive: the summary is a RunState, the
// detail an ArchivedRun, compressed when it is large.
func Record(run *pipelinev1.RunState, tasks []*pipelinev1.Task) (*metadatav1.Record, error) {
	summary, err := proto.Marshal(run)
	if err != nil {
		return nil, fault.Internalf(err, "run cannot be archived")
	}
	detail, err := proto.Marshal(&pipelinev1.ArchivedRun{State: run, Tasks: tasks})
	if err != nil {
		return nil, fault.Internalf(err, "run cannot be archived")
	}
	if detail, err = pack(detail); err != nil {
		return nil, err
	}
	r := run.GetRun()
	return &metadatav1.Record{
		Kind:         RunKind,
		Uid:          r.GetRunId(),
		Namespace:    run.GetNamespace(),
		Name:         r.GetRunId(),
		DisplayName:  r.GetDisplayName(),
		Description:  r.GetDescription(),
		State:        r.GetState().String(),
		StorageState: r.GetStorageState().String(),
		Parent:       r.GetExperimentId(),
		Origin:       r.GetRecurringRunId(),
		CreatedAt:    r.GetCreatedAt(),
		ScheduledAt:  r.GetScheduledAt(),
		FinishedAt:   r.GetFinishedAt(),
		Summary:      summary,
		Detail:       detail,
	}, nil
}

// Summary unpacks what a list shows of an archived run.
func Summary(record *metadatav1.Record) (*pipelinev1.RunState, error) {
	run := &pipelinev1.RunState{}
	if err := proto.Unmarshal(record.GetSummary(), run); err != nil {
		return nil, fault.Internalf(err, "archived run %s cannot be read", record.GetUid())
	}
	return run, nil
}

// Detail unpacks an archived run with its tasks.
func Detail(record *metadatav1.Record) (*pipelinev1.ArchivedRun, error) {
	detail, err := unpack(record.GetDetail())
	if err != nil {
		return nil, fault.Internalf(err, "archived run %s cannot be read", record.GetUid())
	}
	run := &pipelinev1.ArchivedRun{}
	if err := proto.Unmarshal(detail, run); err != nil {
		return nil, fault.Internalf(err, "archived run %s cannot be read", record.GetUid())
	}
	return run, nil
}
