package supervise

import (
	"errors"
	"io/fs"
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
func Inspect(journal string) (State, Exit, error) {
	o, err := ownerOf(journal)
	switch {
	case err != nil, o == (owner{}):
		return Free, Exit{}, err
	case o.PID == 0:
		return Sealed, Exit{}, nil
	}
	alive, err := locked(journal)
	if err != nil {
		return Free, Exit{}, err
	}
	if alive {
		return Running, Exit{}, nil
	}
	r, err := readJournal(journal) // anew: the end was written before the lock was let go
	switch {
	case err != nil:
		return Free, Exit{}, err
	case r.Exit == nil:
		return Lost, Exit{}, nil
	}
	return Done, *r.Exit, nil
}

// Seal takes a free epoch so that no supervisor can start it any more. It
// reports whether it did; false means that a supervisor came first.
func Seal(journal string) (bool, error) {
	f, err := claim(journal, owner{BootID: bootID()})
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}

// ownerOf returns the owner of an epoch; the zero owner while it is free.
func ownerOf(journal string) (owner, error) {
	r, err := readJournal(journal)
	if errors.Is(err, fs.ErrNotExist) {
		return owner{}, nil
	}
	if err != nil {
		return owner{}, err
	}
	return *r.Owner, nil
}
