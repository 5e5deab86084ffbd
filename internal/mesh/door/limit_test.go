package door

import (
	"strconv"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	t.Parallel()
	var l limiter
	now := time.Now()
	for range mostFailures {
		if err := l.check("a", now); err != nil {
			t.Fatalf("too early: %v", err)
		}
		l.failed("a", now)
	}
	if l.check("a", now) == nil {
		t.Error("one try too many")
	}
	if err := l.check("b", now); err != nil {
		t.Errorf("another host: %v", err)
	}
	if err := l.check("a", now.Add(failureTime)); err != nil {
		t.Errorf("later: %v", err)
	}
	for i := range 2 * mostHosts {
		l.failed(strconv.Itoa(i), now)
	}
	if len(l.hosts) > mostHosts {
		t.Errorf("%d hosts are remembered", len(l.hosts))
	}
}
