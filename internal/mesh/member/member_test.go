package member

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/identity"
	"github.com/kfmesh/kfmesh/internal/mesh/token"
	"github.com/kfmesh/kfmesh/internal/store"
)

func roster() *Roster {
	return New(store.NewMemory(), func(context.Context, string) (bool, error) { return false, nil })
}

func create(t *testing.T, r *Roster, g Grant) token.Token {
	t.Helper()
	made, _, err := r.CreateToken(t.Context(), identity.Fingerprint{}, g)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// TestATokenAdmitsNoMoreThanItMay: many machines come at once.
func TestATokenAdmitsNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	for _, uses := range []int{1, 3} {
		r := roster()
		made := create(t, r, Grant{Uses: uses})
		var admitted atomic.Int32
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				err := r.Admit(t.Context(), made, fmt.Sprintf("n%d", i), identity.KeyDigest{byte(i)})
				switch {
				case err == nil:
					admitted.Add(1)
				case !fault.Is(err, fault.Denied):
					t.Errorf("got %v", err)
				}
			})
		}
		group.Wait()
		if int(admitted.Load()) != uses {
			t.Errorf("%d of %d came in", admitted.Load(), uses)
		}
	}
}

func TestMembersAreKnownByTheirKeys(t *testing.T) {
	t.Parallel()
	r, ctx := roster(), t.Context()
	first, second := identity.KeyDigest{1}, identity.KeyDigest{2}
	if err := r.Admit(ctx, create(t, r, Grant{}), "a", first); err != nil {
		t.Fatal(err)
	}
	if err := r.Check(ctx, "a", first); err != nil {
		t.Errorf("a member is refused: %v", err)
	}
	for node, key := range map[string]identity.KeyDigest{"a": second, "b": first} {
		if err := r.Check(ctx, node, key); !fault.Is(err, fault.Denied) {
			t.Errorf("node %s with key %d: %v", node, key[0], err)
		}
	}
	if err := r.Admit(ctx, create(t, r, Grant{}), "a", second); err != nil {
		t.Fatal(err)
	}
	if err := r.Check(ctx, "a", first); !fault.Is(err, fault.Denied) {
		t.Errorf("the key before is still good: %v", err)
	}
}

func TestWhatTokensMayBe(t *testing.T) {
	t.Parallel()
	r := roster()
	for _, tt := range []struct {
		grant Grant
		says  string
	}{
		{Grant{TTL: -time.Second}, "ttl"},
		{Grant{TTL: 2 * longestTTL}, "8760h"},
		{Grant{Node: "a/b"}, "no name of a node"},
		{Grant{Node: "a", Uses: 2}, "one use"},
		{Grant{Uses: mostUses + 1}, "uses"},
	} {
		_, _, err := r.CreateToken(t.Context(), identity.Fingerprint{}, tt.grant)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: %v", tt.grant, err)
		}
	}
}

// TestOldTokensAreForgotten: a token is remembered a while after it has expired, so
// that who uses it is told so, and not for ever.
func TestOldTokensAreForgotten(t *testing.T) {
	t.Parallel()
	r, ctx := roster(), t.Context()
	old, recent := create(t, r, Grant{TTL: 1}), create(t, r, Grant{TTL: 1})
	item, err := r.tokens.Get(ctx, old.ID)
	if err != nil {
		t.Fatal(err)
	}
	item.Value.Token.ExpireTime = timestamppb.New(time.Now().Add(-2 * remembered))
	if _, err := r.tokens.Update(ctx, old.ID, item.Value, item.Revision); err != nil {
		t.Fatal(err)
	}
	create(t, r, Grant{})
	if err := r.Admit(ctx, recent, "a", identity.KeyDigest{}); !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), "expired") {
		t.Errorf("an expired token: %v", err)
	}
	if err := r.Admit(ctx, old, "a", identity.KeyDigest{}); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a forgotten token: %v", err)
	}
}
