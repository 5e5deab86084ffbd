package container

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moby/moby/client"

	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// pull pulls an image and shows how far that is.
func (s *starter) pull(ctx context.Context, image string) error {
	auth, err := s.runtime.authFor(image, s.order.PullSecrets)
	if err != nil {
		return err
	}
	p, leave := s.runtime.pulls.join(ctx, s.engine, image, auth)
	defer leave()
	what := "pulling " + image
	defer s.order.Tell.Progress(ctx, func(spent time.Duration) string {
		if percent := p.percent.Load(); percent > 0 {
			return fmt.Sprintf("%s (%d %%)", what, percent)
		}
		return runtime.For(what)(spent)
	})()
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pulls are the pulls that go on: replicas that want the same image share one.
type pulls struct {
	wait sync.WaitGroup
	mu   sync.Mutex
	now  map[pullKey]*pull // guarded by mu
}

type pullKey struct{ host, image, auth string }

// pull is one pull.
type pull struct {
	percent atomic.Int64
	cancel  context.CancelFunc
	done    chan struct{}
	err     error // set before done is closed
	users   int   // guarded by pulls.mu
}

// join begins a pull or joins one. Whoever leaves last ends it.
func (s *pulls) join(ctx context.Context, e *engine, image, auth string) (p *pull, leave func()) {
	key := pullKey{e.host, image, auth}
	s.mu.Lock()
	defer s.mu.Unlock()
	p = s.now[key]
	if p == nil {
		p = &pull{done: make(chan struct{})}
		if s.now == nil {
			s.now = map[pullKey]*pull{}
		}
		s.now[key] = p
		var shared context.Context
		shared, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
		s.wait.Go(func() {
			defer close(p.done)
			p.err = p.run(shared, e, image, auth)
		})
	}
	p.users++
	return p, func() { s.leave(key, p) }
}

func (s *pulls) leave(key pullKey, p *pull) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.users--; p.users == 0 {
		p.cancel()
		delete(s.now, key)
	}
}

func (p *pull) run(ctx context.Context, e *engine, image, auth string) error {
	response, err := e.ImagePull(ctx, image, client.ImagePullOptions{RegistryAuth: auth})
	if err != nil {
		return pullError(image, err)
	}
	defer func() { _ = response.Close() }()
	layers := progress{}
	for message, err := range response.JSONMessages(ctx) {
		if err == nil && message.Error != nil {
			err = errors.New(message.Error.Message)
		}
		if err != nil {
			return pullError(image, err)
		}
		if message.Progress != nil && strings.HasPrefix(message.Status, "Downloading") {
			layers[message.ID] = layer{message.Progress.Current, message.Progress.Total}
			p.percent.Store(max(p.percent.Load(), layers.percent())) // layers that come to light take nothing away
		}
	}
	return ctx.Err()
}

// progress is how far the layers of an image are, by id.
type progress map[string]layer

type layer struct{ current, total int64 }

func (p progress) percent() int64 {
	var sum layer
	for _, l := range p {
		sum.current += l.current
		sum.total += l.total
	}
	if sum.total <= 0 {
		return 0
	}
	return min(100, max(0, sum.current*100/sum.total))
}

// pullError says what an engine answered, without its words for that it did.
func pullError(image string, err error) error {
	return fmt.Errorf("pull %s: %s", image, strings.TrimPrefix(err.Error(), "Error response from daemon: "))
}
