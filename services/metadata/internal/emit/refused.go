package emit

import (
	"context"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/listing"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// Refused returns a page of the events that the receiver refused, the newest first.
// A page token is the number of the last event shown.
func Refused(ctx context.Context, db *sqlstore.DB, request *metadatav1.ListRefusedEventsRequest) (*metadatav1.ListRefusedEventsResponse, error) {
	size, err := listing.PageSize(request.GetPageSize())
	if err != nil {
		return nil, err
	}
	q := refusedQuery("r.num, r.execution_id, x.name, x.namespace, r.event_type, r.status, r.reason, r.event, r.refused_at", request)
	if token := request.GetPageToken(); token != "" {
		last, err := strconv.ParseInt(token, 10, 64)
		if err != nil {
			return nil, fault.Invalidf("page_token", "is %q; want the next_page_token of the previous page", token)
		}
		q.Add("AND r.num < ?", last)
	}
	q.Add("ORDER BY r.num DESC LIMIT ?", size+1)
	response := new(metadatav1.ListRefusedEventsResponse)
	err = db.Read(ctx, func(tx *sqlstore.Tx) (err error) {
		response.Reset()
		if response.Events, err = readRefused(ctx, tx, q); err != nil {
			return err
		}
		_, err = tx.Row(ctx, refusedQuery("COUNT(*)", request), &response.TotalSize)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(response.GetEvents()) > size {
		response.Events = response.GetEvents()[:size]
		response.NextPageToken = strconv.FormatInt(response.GetEvents()[size-1].GetEventId(), 10)
	}
	return response, nil
}

// refusedQuery selects of the events that a request means.
func refusedQuery(what string, request *metadatav1.ListRefusedEventsRequest) *sqlstore.Query {
	q := sqlstore.Q("SELECT " + what + " FROM refused_events r JOIN executions x ON x.id = r.execution_id WHERE 1 = 1")
	if request.GetNamespace() != "" {
		q.Add("AND x.namespace = ?", request.GetNamespace())
	}
	if request.GetExecutionId() != 0 {
		q.Add("AND r.execution_id = ?", request.GetExecutionId())
	}
	return q
}

func readRefused(ctx context.Context, tx *sqlstore.Tx, q *sqlstore.Query) (events []*metadatav1.RefusedEvent, err error) {
	err = tx.Rows(ctx, q, func(scan func(...any) error) error {
		e := &metadatav1.RefusedEvent{Event: new(structpb.Struct)}
		var content []byte
		var refused int64
		err := scan(&e.EventId, &e.ExecutionId, &e.ExecutionName, &e.Namespace, &e.EventType, &e.Status, &e.Reason, &content, &refused)
		if err != nil {
			return err
		}
		e.RefuseTime = sqlstore.Time(refused)
		events = append(events, e)
		if err := protojson.Unmarshal(content, e.Event); err != nil {
			return fault.Internalf(err, "a lineage event that was put aside cannot be read")
		}
		return nil
	})
	return events, err
}

// putAside keeps an event that was refused, for people to look at, and forgets the
// oldest of many.
func (s *Sender) putAside(ctx context.Context, r row, eventType string, content []byte, no *refusal) error {
	s.log.ErrorContext(ctx, "a lineage event is put aside: its receiver refuses it", "execution", r.execution, "type", eventType,
		"status", no.status, "said", no.said)
	if s.refused != nil {
		s.refused.Add(ctx, 1)
	}
	return s.db.Write(ctx, func(tx *sqlstore.Tx) error {
		q := sqlstore.Q("INSERT INTO refused_events (execution_id, event_type, status, reason, event, refused_at) VALUES").
			List(r.execution, eventType, no.status, no.said, content, time.Now().UnixNano())
		if _, err := tx.Exec(ctx, q); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sqlstore.Q("DELETE FROM refused_events WHERE num <= (SELECT MAX(num) FROM refused_events) - ?", keptRefused))
		return err
	})
}
