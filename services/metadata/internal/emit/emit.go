// Package emit tells a receiver of OpenLineage events (spec 2.0.2) what ran.
//
// What is to be told is written in the transaction that stores an execution, and
// deleted once the receiver has taken it. So a receiver that cannot be reached
// delays events and loses none; what was told last is kept with the execution, so
// that START and each end are told once. Only a sender that dies between being
// answered and noting it tells an event again.
//
// An event that the receiver refuses is put aside with what it said, where
// ListRefusedEvents finds it, and counted as kfmesh_openlineage_refused_total at
// /metrics.
package emit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

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
	keptRefused  = 1000 // events
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

const scope = "github.com/kfmesh/kfmesh/services/metadata"

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

	refused metric.Int64Counter
}

// New returns the sender to a receiver. A URL without a path gets OpenLineage's.
func New(db *sqlstore.DB, receiver string, log *slog.Logger) *Sender {
	if u, err := url.Parse(receiver); err == nil && strings.Trim(u.Path, "/") == "" {
		receiver = u.JoinPath(lineagePath).String()
	}
	refused, err := otel.Meter(scope).Int64Counter("kfmesh.openlineage.refused",
		metric.WithDescription("Events that the receiver of OpenLineage refused."))
	if err != nil {
		log.Warn("refused lineage events are not counted", "error", err)
	}
	return &Sender{db: db, graph: graph.New(db), url: receiver, client: &http.Client{Timeout: patience}, log: log, refused: refused}
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
	told           string // the state in which it was told last
}

// round tells the oldest of what is to be told, and returns how much.
func (s *Sender) round(ctx context.Context) (int, error) {
	rows, err := s.oldest(ctx)
	if err != nil {
		return 0, err
	}
	told := map[int64]string{}
	var done []any
	for _, r := range rows {
		if last, again := told[r.execution]; again {
			r.told = last
		}
		if err = s.tell(ctx, r); err != nil {
			break
		}
		told[r.execution] = cmp.Or(lastOf(r.state, r.told), r.told)
		done = append(done, r.num)
	}
	return len(done), errors.Join(err, s.note(ctx, done, told))
}

func (s *Sender) oldest(ctx context.Context) (rows []row, err error) {
	err = s.db.Read(ctx, func(tx *sqlstore.Tx) error {
		rows = nil
		q := sqlstore.Q("SELECT t.num, t.execution_id, t.state, e.told FROM told_executions t"+
			" JOIN executions e ON e.id = t.execution_id ORDER BY t.num LIMIT ?", batch)
		return tx.Rows(ctx, q, func(scan func(...any) error) error {
			var r row
			err := scan(&r.num, &r.execution, &r.state, &r.told)
			rows = append(rows, r)
			return err
		})
	})
	return rows, err
}

// note deletes what was told, and keeps what executions were told as.
func (s *Sender) note(ctx context.Context, done []any, told map[int64]string) error {
	if len(done) == 0 {
		return nil
	}
	byState := map[string][]any{}
	for execution, state := range told {
		byState[state] = append(byState[state], execution)
	}
	return s.db.Write(ctx, func(tx *sqlstore.Tx) error {
		for _, state := range slices.Sorted(maps.Keys(byState)) {
			if _, err := tx.Exec(ctx, sqlstore.Q("UPDATE executions SET told = ? WHERE id IN", state).List(byState[state]...)); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, sqlstore.Q("DELETE FROM told_executions WHERE num IN").List(done...))
		return err
	})
}

// tell sends the events that a row is news of.
func (s *Sender) tell(ctx context.Context, r row) error {
	start, end := news(r.state, r.told)
	if !start && !end {
		return nil
	}
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
	for _, e := range eventsOf(r.state, start, end, reached, contexts.GetContexts()) {
		content, err := json.Marshal(e)
		if err != nil {
			return fault.Internalf(err, "a lineage event cannot be written")
		}
		no, err := s.post(ctx, content)
		if err == nil && no != nil {
			err = s.putAside(ctx, r, e.EventType, content, no)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// refusal is what a receiver says that will not have an event, now or later.
type refusal struct {
	status int
	said   string
}

func (s *Sender) post(ctx context.Context, content []byte) (*refusal, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(content))
	if err != nil {
		return nil, fault.Internalf(err, "the receiver's URL is no URL")
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, fault.Unavailablef("no answer").WithCause(err)
	}
	defer func() { _ = response.Body.Close() }()
	said, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	switch {
	case response.StatusCode < http.StatusMultipleChoices:
		return nil, nil
	case response.StatusCode == http.StatusBadRequest || response.StatusCode == http.StatusUnprocessableEntity:
		return &refusal{response.StatusCode, strings.ToValidUTF8(strings.ReplaceAll(string(said), "\x00", " "), "?")}, nil
	}
	return nil, fault.Unavailablef("it answered %s", response.Status)
}
