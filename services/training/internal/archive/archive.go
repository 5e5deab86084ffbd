// Package archive moves jobs that have ended to the archive of the metadata service.
//
// What is left of one in the store is a stub under its key: what lists select by, what says
// that it has ended, and when it goes. So names stay unique, a list goes by the store alone,
// and who asks for more is given the record. The record is stored before the stub takes the
// job's place, so a crash in between loses nothing; until then the store's job counts.
//
// With the job goes what ran of it, from which its pods and their events are shown: the
// workloads are deleted once it is in the archive. Logs are kept elsewhere, by workload.
package archive

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/trackid"
)

// Kind is that of records of jobs.
const Kind = "training.job"

// pageSize is how many records are asked for at a time.
const pageSize = 500

// Record is a job as it is archived: the summary is all of it, with the revision at which it
// last changed. The detail is what ran of it.
func Record(job *trainingv1.TrainingJob) (*metadatav1.Record, error) {
	summary, err := proto.Marshal(job)
	if err != nil {
		return nil, fault.Internalf(err, "job %s cannot be archived", job.GetMetadata().GetName())
	}
	m := job.GetMetadata()
	state := ""
	for _, c := range job.GetStatus().GetConditions() {
		if c.GetStatus() {
			state = c.GetType()
		}
	}
	return &metadatav1.Record{
		Kind: Kind, Uid: m.GetUid(), Namespace: m.GetNamespace(), Name: m.GetName(), DisplayName: m.GetName(),
		State: state, Parent: job.GetKind(), CreatedAt: m.GetCreateTime(), FinishedAt: job.GetStatus().GetCompletionTime(), Summary: summary,
	}, nil
}

// Stub is what the store keeps of a job that is archived, with the revision at which it last
// changed.
func Stub(job *trainingv1.TrainingJob) *trainingv1.TrainingJob {
	m := job.GetMetadata()
	stub := &trainingv1.TrainingJob{
		ApiVersion: job.GetApiVersion(), Kind: job.GetKind(), Archived: true,
		Metadata: &metav1.ObjectMeta{
			Namespace: m.GetNamespace(), Name: m.GetName(), Uid: m.GetUid(), Labels: m.GetLabels(), Generation: m.GetGeneration(),
			ResourceVersion: m.GetResourceVersion(), CreateTime: m.GetCreateTime(),
		},
		Status: &trainingv1.TrainingJobStatus{CompletionTime: job.GetStatus().GetCompletionTime()},
	}
	for _, c := range job.GetStatus().GetConditions() {
		if c.GetStatus() {
			stub.Status.Conditions = append(stub.Status.Conditions, &trainingv1.JobCondition{Type: c.GetType(), Status: true})
		}
	}
	if claims := job.GetSpec().GetClaims(); len(claims) > 0 { // which may go with it
		stub.Spec = &trainingv1.TrainingJobSpec{Claims: claims}
	}
	if ttl := job.GetSpec().GetRunPolicy().GetTtl(); ttl != nil {
		if stub.Spec == nil {
			stub.Spec = &trainingv1.TrainingJobSpec{}
		}
		stub.Spec.RunPolicy = &trainingv1.RunPolicy{Ttl: ttl}
	}
	return stub
}

// Archive is where the records are. It is safe for concurrent use.
type Archive struct {
	records metadatav1.ArchiveServiceClient
	press   *press
}

// New returns the archive of a metadata service.
func New(records metadatav1.ArchiveServiceClient) *Archive {
	return &Archive{records: records, press: newPress()}
}

// Put stores the record of a job and of what ran of it. It may be repeated. One that comes back
// to the archive, when nothing is left of what ran, is in it with what was there before.
func (a *Archive) Put(ctx context.Context, job *trainingv1.TrainingJob, ran []*gpuagentv1.Workload) error {
	record, err := Record(job)
	if err != nil {
		return err
	}
	if len(ran) > 0 {
		record.Detail, err = a.press.pack(ran)
	} else {
		record.Detail, err = a.detail(ctx, record.GetUid())
	}
	if err != nil {
		return err
	}
	_, err = a.records.PutRecord(ctx, &metadatav1.PutRecordRequest{Record: record})
	return err
}

// detail is that of the record of a job; nothing when there is none.
func (a *Archive) detail(ctx context.Context, uid string) ([]byte, error) {
	record, err := a.records.GetRecord(ctx, &metadatav1.GetRecordRequest{Kind: Kind, Uid: uid})
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return record.GetDetail(), err
}

// Delete forgets the record of a job, if there is one.
func (a *Archive) Delete(ctx context.Context, uid string) error {
	_, err := a.records.DeleteRecord(ctx, &metadatav1.DeleteRecordRequest{Kind: Kind, Uid: uid})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// Fill puts the jobs in place of their stubs, and leaves those out whose records have gone
// meanwhile.
func (a *Archive) Fill(ctx context.Context, jobs []*trainingv1.TrainingJob) ([]*trainingv1.TrainingJob, error) {
	found := map[string]*trainingv1.TrainingJob{}
	err := a.read(ctx, jobs, false, func(record *metadatav1.Record) error {
		job := &trainingv1.TrainingJob{}
		if err := proto.Unmarshal(record.GetSummary(), job); err != nil {
			return fault.Internalf(err, "archived job %s cannot be read", record.GetUid())
		}
		job.Archived, job.TrackingRun = true, trackid.Run(record.GetUid())
		found[record.GetUid()] = job
		return nil
	})
	if err != nil {
		return nil, err
	}
	filled := make([]*trainingv1.TrainingJob, 0, len(jobs))
	for _, job := range jobs {
		if job.GetArchived() {
			job = found[job.GetMetadata().GetUid()]
		}
		if job != nil {
			filled = append(filled, job)
		}
	}
	return filled, nil
}

// Ran returns what ran of those jobs that are in the archive, in their order.
func (a *Archive) Ran(ctx context.Context, jobs []*trainingv1.TrainingJob) ([]*gpuagentv1.Workload, error) {
	found := map[string][]*gpuagentv1.Workload{}
	err := a.read(ctx, jobs, true, func(record *metadatav1.Record) (err error) {
		found[record.GetUid()], err = a.press.unpack(record.GetDetail())
		return err
	})
	if err != nil {
		return nil, err
	}
	var ran []*gpuagentv1.Workload
	for _, job := range jobs {
		ran = append(ran, found[job.GetMetadata().GetUid()]...)
	}
	return ran, nil
}

// read reads the records of those jobs that are in the archive, in no order.
func (a *Archive) read(ctx context.Context, jobs []*trainingv1.TrainingJob, details bool, take func(*metadatav1.Record) error) error {
	var uids []string
	for _, job := range jobs {
		if job.GetArchived() {
			uids = append(uids, job.GetMetadata().GetUid())
		}
	}
	for part := range slices.Chunk(uids, pageSize) {
		page, err := a.records.ListRecords(ctx, &metadatav1.ListRecordsRequest{
			Kind: Kind, PageSize: pageSize, Details: details,
			Filter: &metav1.Filter{Predicates: []*metav1.Predicate{{
				Operation: metav1.Predicate_IN, Key: "uid", Value: &metav1.Predicate_StringValues_{StringValues: &metav1.Predicate_StringValues{Values: part}},
			}}},
		})
		if fault.Is(err, fault.Unavailable) {
			return fault.Unavailablef("jobs that ended a while ago are in the archive of the metadata service, which cannot be reached; try again").
				WithCause(err)
		}
		if err != nil {
			return err
		}
		for _, record := range page.GetRecords() {
			if err := take(record); err != nil {
				return err
			}
		}
	}
	return nil
}
