package supervise

import (
	"errors"
	"io/fs"

	"github.com/kfmesh/kfmesh/internal/boottime"
)

// State is where an epoch is in its life.
type State int

// The states.
const (
	Free    State = iota // nobody has taken it
	Sealed               // given up before it was started
	Running              // its supervisor lives
	Done                 // it ended; the Exit is known
	Lost                 // its supervisor is gone and left no Exit
)

// Inspect reads the state of the epoch of a journal, and how it ended when Done.
func Inspect(path string) (State, Exit, error) {
	r, held, err := readJournal(path)
	switch {
	case err != nil:
		return Free, Exit{}, err
	case held: // by somebody who may not have said so yet
		return Running, Exit{}, nil
	}
	state, exit := r.state()
	return state, exit, nil
}

// state is where the epoch of a journal is that nobody holds.
func (r record) state() (State, Exit) {
	switch {
	case r.Owner == nil:
		return Free, Exit{}
	case r.Owner.PID == 0:
		return Sealed, Exit{}
	case r.Exit == nil:
		return Lost, Exit{}
	}
	return Done, *r.Exit
}

// Seal takes the free epoch of a journal so that no supervisor can start it any more. It
// reports whether it did; false means that a supervisor came first.
func Seal(path string) (bool, error) {
	j, err := claim(path, owner{BootID: boottime.ID()}, nil)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, j.close()
}
