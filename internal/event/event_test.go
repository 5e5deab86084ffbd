package event_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/event/eventtest"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

func TestMemoryConforms(t *testing.T) {
	t.Parallel()
	eventtest.Run(t, func(*testing.T) event.Bus { return event.NewMemory() })
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]event.Subject{
		"kfmesh.pipeline.run.default.r1.created":  {Service: "pipeline", Kind: "run", Namespace: "default", Name: "r1", What: "created"},
		"kfmesh.gpuagent.node._.n1%2Elocal.ready": {Service: "gpuagent", Kind: "node", Name: "n1.local", What: "ready"},
		"kfmesh.a.b.%5F.%2A%3E%25%20%09.é":        {Service: "a", Kind: "b", Namespace: "_", Name: "*>% \t", What: "é"},
	} {
		if got := s.String(); got != want {
			t.Errorf("%+v is %s, want %s", s, got, want)
		}
		if got, err := event.ParseSubject(want); err != nil || got != s {
			t.Errorf("%s is %+v (%v), want %+v", want, got, err, s)
		}
	}
}

func TestMalformedSubjects(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "kfmesh", "other.a.b.c.d.e", "kfmesh.a.b.c.d", "kfmesh.a.b.c.d.e.f", "kfmesh.a..c.d.e", "kfmesh.a.%zz.c.d.e"} {
		if got, err := event.ParseSubject(s); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q is %+v, %v", s, got, err)
		}
	}
}

func FuzzSubjects(f *testing.F) {
	f.Add("pipeline", "run", "", "a.b", "_")
	f.Fuzz(func(t *testing.T, service, kind, namespace, name, what string) {
		s := event.Subject{Service: service, Kind: kind, Namespace: namespace, Name: name, What: what}
		text := s.String()
		if strings.Count(text, ".") != 5 || strings.ContainsAny(text, "*> \t\r\n") {
			t.Errorf("%+v is %q, which is no subject", s, text)
		}
		if got, err := event.ParseSubject(text); err != nil || got != s {
			t.Errorf("%q is %+v (%v), want %+v", text, got, err, s)
		}
	})
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, subject string
		want             bool
	}{
		{"kfmesh.>", "kfmesh.a", true},
		{"kfmesh.>", "kfmesh.a.b", true},
		{"kfmesh.>", "kfmesh", false},
		{"kfmesh.*", "kfmesh.a", true},
		{"kfmesh.*", "kfmesh.a.b", false},
		{"kfmesh.*.b", "kfmesh.a.b", true},
		{"kfmesh.a.b", "kfmesh.a", false},
		{">.a", "kfmesh.a", false},
	} {
		if got := event.Matches(tc.pattern, tc.subject); got != tc.want {
			t.Errorf("%s matches %s: %v", tc.pattern, tc.subject, got)
		}
	}
}

// runChanged makes an event of every change.
func runChanged(c store.Change) (event.Event, bool) {
	what := string(c.Value)
	if c.Deleted {
		what = "deleted"
	}
	return event.Event{Subject: event.Subject{Service: "pipeline", Kind: "run", Name: c.Key, What: what}}, what != "silent"
}

// relayed runs a relay over the changes made by act and returns what it published.
func relayed(t *testing.T, backend store.Backend, bus *event.Memory, act func()) []string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var got []string
	go func() { _ = relayOf(backend, bus).Run(ctx) }()
	go func() {
		_ = bus.Subscribe(ctx, event.Subscription{Pattern: "kfmesh.>", Durable: "d"}, func(_ context.Context, e event.Event) error {
			got = append(got, e.ID+" "+e.Subject.What)
			return nil
		})
	}()
	synctest.Wait()
	act()
	<-time.After(2 * time.Second) // in the bubble: past the next save
	stop()
	synctest.Wait()
	return got
}

func TestRelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		backend, bus := store.NewMemory(), event.NewMemory()
		write := func(op store.Op) {
			op.Expect = store.AnyRevision
			if _, err := backend.Commit(t.Context(), op); err != nil {
				t.Error(err)
			}
		}
		write(store.Op{Key: "/runs/a", Value: []byte("old")})
		got := relayed(t, backend, bus, func() {
			write(store.Op{Key: "/runs/b", Value: []byte("created")})
			write(store.Op{Key: "/runs/b", Value: []byte("silent")})
			write(store.Op{Key: "/other", Value: []byte("created")})
			write(store.Op{Key: "/runs/b", Delete: true})
		})
		want := "/runs/a@2 old,/runs/b@4 created,/runs/b@7 deleted"
		if strings.Join(got, ",") != want {
			t.Errorf("first: got %v, want %v", got, want)
		}
		write(store.Op{Key: "/runs/c", Value: []byte("one")})
		write(store.Op{Key: "/runs/c", Value: []byte("two")})
		got = relayed(t, backend, bus, func() {})
		if want := "/runs/c@9 one,/runs/c@10 two"; strings.Join(got, ",") != want {
			t.Errorf("after a restart: got %v, want %v", got, want)
		}
		for range 10_000 { // more than the store keeps
			write(store.Op{Key: "/runs/c", Value: []byte("busy")})
		}
		got = relayed(t, backend, bus, func() { write(store.Op{Key: "/runs/d", Value: []byte("new")}) })
		if len(got) != 2 || !strings.HasSuffix(got[0], " busy") || !strings.HasSuffix(got[1], " new") {
			t.Errorf("after a gap: got %v, want c as it is and d", got)
		}
	})
}
