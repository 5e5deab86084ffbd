package door

import (
	"sync"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Bounds of tries with tokens that are not known. A secret has 160 bits, so that
// guessing is hopeless anyway; this keeps who tries from keeping the head busy.
const (
	mostFailures = 10
	failureTime  = time.Minute
	mostHosts    = 10_000
)

// limiter counts failures by host. It is safe for concurrent use.
type limiter struct {
	mu    sync.Mutex
	hosts map[string]failures // guarded by mu
}

// failures are those of a host within a while that began with the first of them.
type failures struct {
	count int
	begun time.Time
}

// check returns fault.Exhausted when a host has failed too often lately.
func (l *limiter) check(host string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.hosts[host]; f.count >= mostFailures && now.Sub(f.begun) < failureTime {
		return fault.Exhaustedf("too many tries with tokens that this mesh does not know; try again in %s", failureTime).
			WithReason("TOO_MANY_TRIES")
	}
	return nil
}

// failed counts a failure of a host.
func (l *limiter) failed(host string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.hosts) >= mostHosts {
		l.forget(now)
	}
	f := l.hosts[host]
	if now.Sub(f.begun) >= failureTime {
		f = failures{begun: now}
	}
	f.count++
	if l.hosts == nil {
		l.hosts = map[string]failures{}
	}
	l.hosts[host] = f
}

// forget drops what counts no longer, or everything when all of it does: memory is
// bounded, whoever calls. The caller holds mu.
func (l *limiter) forget(now time.Time) {
	for host, f := range l.hosts {
		if now.Sub(f.begun) >= failureTime {
			delete(l.hosts, host)
		}
	}
	if len(l.hosts) >= mostHosts {
		clear(l.hosts)
	}
}
