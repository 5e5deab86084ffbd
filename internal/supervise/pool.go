package supervise

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// attemptsEach is how many commands a supervisor runs at a time, and so how many
// are lost with one that is killed.
const attemptsEach = 32

// errClosed is the error of a Launch after Close.
var errClosed = errors.New("nothing more is started: the agent is ending")

// Pool is the supervisors of one agent, started as they are needed. One with
// nothing to do is kept for what comes next. A Pool is safe for concurrent use.
type Pool struct {
	program []string

	mu      sync.Mutex
	closed  bool      // guarded by mu
	members []*member // guarded by mu; those that take orders
}

// NewPool returns a pool of supervisors that are started as a program with its
// leading arguments. Nothing is started yet.
func NewPool(program []string) *Pool { return &Pool{program: program} }

// Launch has a supervisor run a spec. Whether the command could be started shows
// in how the epoch ended.
func (p *Pool) Launch(spec Spec) (*Epoch, error) {
	reports, err := p.launch(spec)
	if err != nil {
		return nil, err
	}
	return p.epoch(spec, reports), nil
}

// launch returns where the one report will come in. It is closed without one
// when the supervisor has gone.
func (p *Pool) launch(spec Spec) (<-chan report, error) {
	m, err := p.take()
	if err != nil {
		return nil, err
	}
	if err := m.started(); err != nil {
		p.remove(m)
		return nil, fmt.Errorf("start supervisor %s: %w", p.program[0], err)
	}
	return m.tell(spec)
}

// Close sends the supervisors away. They run what they were told to its end.
func (p *Pool) Close() {
	p.mu.Lock()
	members := p.members
	p.members, p.closed = nil, true
	p.mu.Unlock()
	for _, m := range members {
		m.dismiss()
	}
}

// take returns the first supervisor with room for one more command, so that the
// later ones become idle.
func (p *Pool) take() (*member, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	for _, m := range p.members {
		if m.load < attemptsEach {
			m.load++
			return m, nil
		}
	}
	m := newMember(p)
	m.load = 1
	p.members = append(p.members, m)
	return m, nil
}

// release makes room for one more command. A supervisor that has nothing to do
// is sent away when another one has room.
func (p *Pool) release(m *member) {
	p.mu.Lock()
	m.load--
	surplus := m.load == 0 && slices.ContainsFunc(p.members, func(other *member) bool {
		return other != m && other.load < attemptsEach
	})
	if surplus {
		p.removeLocked(m)
	}
	p.mu.Unlock()
	if surplus {
		m.dismiss()
	}
}

// remove gives no more orders to a supervisor.
func (p *Pool) remove(m *member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.removeLocked(m)
}

func (p *Pool) removeLocked(m *member) {
	p.members = slices.DeleteFunc(p.members, func(other *member) bool { return other == m })
}
