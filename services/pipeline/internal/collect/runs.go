package collect

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/list"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// pageSize is how many records of runs are read at a time.
const pageSize = 500

// runs removes finished runs that are too old or too many.
func (s *sweep) runs(ctx context.Context) error {
	if err := s.oldRuns(ctx); err != nil || s.Retention.RunsCount == 0 {
		return err
	}
	experiments, _, err := s.State.Experiments.List(ctx, "")
	if err != nil {
		return err
	}
	for _, e := range experiments {
		if err := s.manyRuns(ctx, e.Value.GetExperimentId(), e.Value.GetDisplayName()); err != nil {
			return err
		}
	}
	return nil
}

// oldRuns removes the runs that finished before the cutoff.
func (s *sweep) oldRuns(ctx context.Context) error {
	cutoff, some := s.Retention.Cutoff(s.now)
	if !some {
		return nil
	}
	request := &metadatav1.ListRecordsRequest{
		Kind: state.RunKind, OrderBy: "finished_at", PageSize: pageSize,
		Filter: &metav1.Filter{Predicates: []*metav1.Predicate{{
			Operation: metav1.Predicate_LESS_THAN, Key: "finished_at",
			Value: &metav1.Predicate_TimestampValue{TimestampValue: timestamppb.New(cutoff)},
		}}},
	}
	return s.eachRecord(ctx, request, func(r *metadatav1.Record) error {
		return s.dropRun(ctx, r, s.Retention.WhyOld(r.GetFinishedAt().AsTime(), s.now))
	})
}

// manyRuns removes the finished runs of an experiment but for the newest.
func (s *sweep) manyRuns(ctx context.Context, id, name string) error {
	request := &metadatav1.ListRecordsRequest{
		Kind: state.RunKind, OrderBy: "created_at", Descending: true, PageSize: pageSize,
		Filter: &metav1.Filter{Predicates: []*metav1.Predicate{list.Equals("parent", id)}},
	}
	kept := 0
	return s.eachRecord(ctx, request, func(r *metadatav1.Record) error {
		if kept < s.Retention.RunsCount {
			kept++
			return nil
		}
		return s.dropRun(ctx, r, s.Retention.WhyMany(name))
	})
}

// eachRecord goes through a list. What is done to a record, its removal too, does
// not change what follows: the next page begins after the last record seen.
func (s *sweep) eachRecord(ctx context.Context, request *metadatav1.ListRecordsRequest, do func(*metadatav1.Record) error) error {
	for {
		page, err := s.Archive.ListRecords(ctx, request)
		if err != nil {
			return err
		}
		for _, record := range page.GetRecords() {
			if err := do(record); err != nil {
				return err
			}
		}
		if !page.GetMore() || len(page.GetRecords()) == 0 {
			return nil
		}
		last := page.GetRecords()[len(page.GetRecords())-1]
		at := last.GetCreatedAt()
		if request.GetOrderBy() == "finished_at" {
			at = last.GetFinishedAt()
		}
		request.After = &metadatav1.RecordPosition{Value: at.AsTime().UTC().Format(time.RFC3339Nano), Uid: last.GetUid()}
	}
}

// dropRun forgets a finished run, as deleting it does.
func (s *sweep) dropRun(ctx context.Context, r *metadatav1.Record, reason string) error {
	if s.doomed[r.GetUid()] {
		return nil
	}
	if finished, err := s.notLive(ctx, []string{r.GetUid()}); err != nil || len(finished) == 0 {
		return err // a live one was retried, and its record is about to be read back
	}
	if s.dryRun {
		s.doomed[r.GetUid()] = true
	}
	g := &metav1.Garbage{Kind: "run", Name: r.GetUid(), Reason: r.GetDisplayName() + ": " + reason}
	return s.dispose(ctx, g, func(ctx context.Context) error {
		_, err := s.Archive.DeleteRecord(ctx, &metadatav1.DeleteRecordRequest{Kind: state.RunKind, Uid: r.GetUid()})
		if fault.Is(err, fault.NotFound) { // somebody else deleted it
			return nil
		}
		return err
	})
}
