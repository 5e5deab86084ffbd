package follow

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/tree"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// Lines shows a run as one line for each change, for logs and pipes.
type Lines struct {
	term  *output.Terminal
	shown map[string]string // what was last said of a task, by its id
	state pipelinev1.RuntimeState
	begun bool // something has been shown: what changes now has happened now
	lost  bool
}

// NewLines returns a view for anything that is not a live terminal.
func NewLines(term *output.Terminal) *Lines {
	return &Lines{term: term, shown: map[string]string{}}
}

// Show prints what has changed, in the order in which it happened.
func (l *Lines) Show(now Snapshot) {
	if l.lost {
		l.lost = false
		l.print(l.term.Now(), "server is back")
	}
	if state := now.Run.GetState(); state != l.state && !tree.Ended(state) {
		l.state = state
		l.print(l.term.Now(), "run "+output.ShortID(now.Run.GetRunId())+" "+tree.StateName(state))
	}
	changes := l.changes(now.Tasks)
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	for _, c := range changes {
		l.print(c.at, c.text)
	}
	l.begun = true
}

// Tick does nothing: nothing has changed.
func (l *Lines) Tick() {}

// Lost says once that the server is out of reach.
func (l *Lines) Lost(error) {
	if !l.lost {
		l.lost = true
		l.print(l.term.Now(), "server out of reach, trying again")
	}
}

// Close does nothing.
func (l *Lines) Close() {}

func (l *Lines) print(at time.Time, text string) {
	fmt.Fprintf(l.term.Out, "%s %s\n", output.Clock(at, l.term.Now()), output.Clean(text))
}

// counter begins the part of a note that counts seconds, as in "installing numpy
// (12 s)". A line that differs only there is no news.
const counter = " ("

type change struct {
	at   time.Time
	text string
}

// changes lists the leaf tasks of which there is news.
func (l *Lines) changes(tasks []*pipelinev1.Task) []change {
	var changes []change
	for _, task := range tasks {
		if !tree.Leaf(task) {
			continue
		}
		detail := task.GetDetail()
		text := tree.Path(task) + " " + tree.StateName(detail.GetState())
		if note := tree.Note(task); note != "" {
			text += ": " + note
		}
		news, _, _ := strings.Cut(text, counter)
		if l.shown[detail.GetTaskId()] == news {
			continue
		}
		l.shown[detail.GetTaskId()] = news
		if tree.Ended(detail.GetState()) && output.IsSet(detail.GetStartTime()) {
			text += " in " + output.Elapsed(detail.GetStartTime(), detail.GetEndTime(), l.term.Now())
		}
		changes = append(changes, change{at: l.when(detail), text: text})
	}
	return changes
}

// when is the moment of a task's last change: now, or for what happened before
// anybody looked, as far as the server told.
func (l *Lines) when(detail *pipelinev1.PipelineTaskDetail) time.Time {
	if l.begun {
		return l.term.Now()
	}
	for _, t := range []*timestamppb.Timestamp{detail.GetEndTime(), detail.GetStartTime(), detail.GetCreateTime()} {
		if output.IsSet(t) {
			return t.AsTime()
		}
	}
	return l.term.Now()
}

// ViewFor is the view that suits a terminal.
func ViewFor(term *output.Terminal) View {
	if term.Live {
		return NewScreen(term)
	}
	return NewLines(term)
}
