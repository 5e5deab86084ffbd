package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// Exit statuses.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // 128 + SIGINT, as shells count
)

// errUnsuccessful ends a command whose result has been printed and is not a
// success: a run that failed, a doctor with something missing.
var errUnsuccessful = errors.New("not successful")

// finish prints the error of a command, if any, and gives its exit status.
func (s *Session) finish(ctx context.Context, command *cobra.Command, err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errUnsuccessful):
		return exitFailed
	case ctx.Err() != nil:
		return exitInterrupted
	}
	s.printError(err)
	if !s.running {
		fmt.Fprintf(s.Term.Err, "`%s --help` says how to use it\n", command.CommandPath())
		return exitUsage
	}
	if fault.Is(err, fault.Invalid) {
		return exitUsage
	}
	return exitFailed
}

// genericMessage is the message of an Invalid fault that has nothing to say
// beside its violations.
var genericMessage = fault.InvalidAll(nil).Message

// printError prints the message, then each violation on a line of its own; of several
// errors one after the other.
func (s *Session) printError(err error) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range several.Unwrap() {
			s.printError(one)
		}
		return
	}
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || len(e.Violations) == 0 {
		fmt.Fprintf(s.Term.Err, "kfmesh: %s\n", strings.TrimSpace(err.Error()))
		return
	}
	place := strings.TrimSuffix(err.Error(), e.Error()) // what was put before it, such as the name of a file
	if len(e.Violations) == 1 && e.Message == genericMessage {
		v := e.Violations[0]
		fmt.Fprintf(s.Term.Err, "kfmesh: %s%s\n", place, strings.TrimPrefix(v.Field+": "+v.Reason, ": "))
		return
	}
	fmt.Fprintf(s.Term.Err, "kfmesh: %s%s\n", place, e.Message)
	table := output.Table{Indent: "  ", Uncut: true}
	for _, v := range e.Violations {
		table.Add(v.Field, v.Reason)
	}
	if err := table.Write(s.Term, s.Term.Err); err != nil {
		return // nobody reads
	}
}
