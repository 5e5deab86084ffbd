package engine

import (
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/scheduler"
)

// unsatisfiable is why a life is told to stop that asks for more than there is.
type unsatisfiable struct{ sentence string }

func (u *unsatisfiable) Error() string { return u.sentence }

// comeBack is how many times a lease's length nodes are waited for that were there before:
// the head was away, or theirs has just ended.
const comeBack = 2

// unsettle has nothing fail for a while because it asks for more than there is: nodes may
// come back. The engine is locked.
func (e *Engine) unsettle() {
	if e.Agents != nil {
		e.settled = time.Now().Add(comeBack * e.LeaseTTL)
	}
}

// heedWait tells a life why it is not placed, and notes when it is to fail rather than
// wait. The engine is locked.
func (e *Engine) heedWait(w scheduler.Wait) {
	l := e.lives[w.UID]
	sentence := w.Sentence + e.boundBecause(l.w)
	if w.Joins {
		l.waitToJoin(sentence)
		return
	}
	l.wait(sentence)
	delete(e.hopeless, w.UID)
	if w.Hopeless && l.spec.GetWhenUnsatisfiable() == gpuagentv1.WhenUnsatisfiable_WHEN_UNSATISFIABLE_FAIL {
		e.hopeless[w.UID] = sentence
	}
}

// giveUpHopeless has those fail that are to and ask for more than there is, once that is settled.
// It returns when to do so otherwise. The engine is locked.
func (e *Engine) giveUpHopeless(now time.Time) (next time.Time) {
	if len(e.hopeless) > 0 && now.Before(e.settled) {
		return e.settled
	}
	for uid, sentence := range e.hopeless {
		delete(e.hopeless, uid)
		if l := e.lives[uid]; l != nil {
			l.stop(&unsatisfiable{sentence: sentence})
		}
	}
	return time.Time{}
}
