// Package emit tells a receiver of OpenLineage events (spec 2.0.2) what ran.
//
// What is to be told is written in the transaction that stores an execution, and
// deleted once the receiver has taken it. So a receiver that cannot be reached
// delays events and loses none; one may be told twice, and START may come again
// with the end of a run.
package emit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/graph"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

const (
	batch        = 100              // executions that are read at a time
	idle         = time.Second      // pause when there is nothing to tell
	longestPause = 30 * time.Second // between attempts to reach the receiver
	patience     = 20 * time.Second // for one answer
	lineagePath  = "/api/v1/lineage"
)

// Outbox notes executions that are to be told. It is a graph.Follower.
type Outbox struct{}

// Put implements graph.Follower. What came as OpenLineage events is not told again.
func (Outbox) Put(ctx context.Context, tx *sqlstore.Tx, b graph.Batch) ([][]*metadatav1.ArtifactEvent, error) {
	q, n := sqlstore.Q("INSERT INTO told_executions (execution_id, state) VALUES"), 0
	for _, request := range b.Requests {
		e := request.GetExecution()
		if !strings.HasPrefix(e.GetType(), "system.") || e.GetState() == metadatav1.Execution_STATE_UNSPECIFIED {
			continue
		}
		if n > 0 {
			q.Add(",")
		}
		q.List(b.Executions[e.GetUid()], e.GetState().String())
		n++
	}
	if n == 0 {
		return nil, nil
	}
	_, err := tx.Exec(ctx, q)
	return nil, err
}

// CheckURL says what is wrong with the URL of a receiver; empty means none.
func CheckURL(receiver string) error {
	u, err := url.Parse(receiver)
	if receiver != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return fault.Invalidf("openlineage-url", "is %q; want the URL of a receiver, such as http://marquez.example:5000", receiver)
	}
	return nil
}

// Sender tells a receiver.
type Sender struct {
	db     *sqlstore.DB
	graph  *graph.Graph
	url    string
	client *http.Client
	log    *slog.Logger
}

// New returns the sender to a receiver. A URL without a path gets OpenLineage's.
func New(db *sqlstore.DB, receiver string, log *slog.Logger) *Sender {
	if u, err := url.Parse(receiver); err == nil && strings.Trim(u.Path, "/") == "" {
		receiver = u.JoinPath(lineagePath).String()
	}
	return &Sender{db: db, graph: graph.New(db), url: receiver, client: &http.Client{Timeout: patience}, log: log}
}

// Run tells what there is to tell until ctx ends.
func (s *Sender) Run(ctx context.Context) {
	pause := idle
	for ctx.Err() == nil {
		told, err := s.round(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.log.WarnContext(ctx, "the receiver of lineage events cannot be told; trying again", "url", s.url, "error", err, "retry_in", pause)
		case told > 0:
			pause = idle
			continue
		default:
			pause = idle
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		if err != nil {
			pause = min(2*pause, longestPause)
		}
	}
}

// row is an execution that is to be told in a state.
type row struct {
	num, execution int64
	state          string
}

// round tells the oldest of what is to be told, and returns how many.
func (s *Sender) round(ctx context.Context) (int, error) {
	var rows []row
	err := s.db.Read(ctx, func(tx *sqlstore.Tx) error {
		rows = nil
		q := sqlstore.Q("SELECT num, execution_id, state FROM told_executions ORDER BY num LIMIT ?", batch)
		return tx.Rows(ctx, q, func(scan func(...any) error) error {
			var r row
			err := scan(&r.num, &r.execution, &r.state)
			rows = append(rows, r)
			return err
		})
	})
	if err != nil {
		return 0, err
	}
	var told []any
	for _, r := range rows {
		if err = s.tell(ctx, r); err != nil {
			break
		}
		told = append(told, r.num)
	}
	return len(told), errors.Join(err, s.forget(ctx, told))
}

// forget deletes what was told.
func (s *Sender) forget(ctx context.Context, told []any) error {
	if len(told) == 0 {
		return nil
	}
	return s.db.Write(ctx, func(tx *sqlstore.Tx) error {
		_, err := tx.Exec(ctx, sqlstore.Q("DELETE FROM told_executions WHERE num IN").List(told...))
		return err
	})
}

// tell sends the events of a row. One that the receiver refuses is left out: it
// would refuse it for ever.
func (s *Sender) tell(ctx context.Context, r row) error {
	reached, err := s.graph.Lineage(ctx, &metadatav1.GetLineageRequest{ExecutionId: r.execution, MaxHops: 1})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	contexts, err := s.graph.ListContexts(ctx, &metadatav1.ListContextsRequest{ExecutionId: r.execution})
	if err != nil {
		return err
	}
	for _, e := range eventsOf(r.state, reached, contexts.GetContexts()) {
		content, err := json.Marshal(e)
		if err != nil {
			return fault.Internalf(err, "a lineage event cannot be written")
		}
		if err := s.post(ctx, content); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sender) post(ctx context.Context, content []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(content))
	if err != nil {
		return fault.Internalf(err, "the receiver's URL is no URL")
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return fault.Unavailablef("no answer").WithCause(err)
	}
	defer func() { _ = response.Body.Close() }()
	said, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	switch {
	case response.StatusCode < http.StatusMultipleChoices:
		return nil
	case response.StatusCode == http.StatusBadRequest || response.StatusCode == http.StatusUnprocessableEntity:
		s.log.ErrorContext(ctx, "a lineage event is left out: its receiver refuses it", "status", response.Status, "said", string(said))
		return nil
	}
	return fault.Unavailablef("it answered %s", response.Status)
}
