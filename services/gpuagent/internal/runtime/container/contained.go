package container

import (
	"time"

	cerrdefs "github.com/containerd/errdefs"

	"github.com/kfmesh/kfmesh/internal/pod"
)

// contained is a container of a pod that runs, or has ended.
type contained struct {
	host  *host
	of    pod.Container
	name  string   // in the engine
	sub   *attempt // by which its end is waited for
	copy  *logCopy
	ended chan struct{} // closed once code is known
	code  int
}

var _ pod.Process = (*contained)(nil)

// follow waits for the end of the container, by which its log is complete.
func (m *contained) follow() {
	defer close(m.ended)
	h := m.host
	defer m.copy.end()
	main := m.name == h.claim.Name
	if main {
		m.sub.follows = &h.attempt.pid
	}
	found, err := m.sub.awaitEnd(h.ctx, h.engine, m.name, m.copy)
	if h.ctx.Err() != nil {
		return
	}
	if err != nil {
		m.code = codeNotExecutable
		h.Say(m.of.Name, err.Error())
		if found == nil && main && cerrdefs.IsNotFound(err) {
			h.lose(m.name)
		}
		return
	}
	m.copy.finish(h.ctx)
	m.code = found.State.ExitCode
}

// Ended implements pod.Process.
func (m *contained) Ended() <-chan struct{} { return m.ended }

// Code implements pod.Process.
func (m *contained) Code() int { return m.code }

// Stop implements pod.Process.
func (m *contained) Stop(grace time.Duration) {
	if m.host.ctx.Err() == nil {
		if err := m.host.engine.stop(m.host.ctx, m.name, grace); err != nil {
			m.host.Say(m.of.Name, err.Error())
		}
	}
	<-m.ended
}

// Started implements pod.Process.
func (m *contained) Started() bool {
	rec, _, err := m.host.attempt.load()
	at, known := rec.Ready[m.name]
	return err == nil && known && at == m.startedAt()
}

// MarkStarted implements pod.Process.
func (m *contained) MarkStarted() {
	if m.of.PostStart == nil && m.of.Startup == nil {
		return
	}
	if err := m.host.note(record{Ready: map[string]string{m.name: m.startedAt()}}); err != nil {
		m.host.Say(m.of.Name, err.Error())
	}
}

// startedAt tells one run of the container from another.
func (m *contained) startedAt() string {
	found, err := m.host.inspect(m.name)
	if err != nil {
		return ""
	}
	return found.State.StartedAt
}
