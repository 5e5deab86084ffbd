package door_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/durationpb"

	meshv1 "github.com/kfmesh/kfmesh/gen/kfmesh/mesh/v1"
	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/door"
	"github.com/kfmesh/kfmesh/internal/mesh/joined"
	"github.com/kfmesh/kfmesh/internal/store"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func TestANodeJoinsAndSeesTheHeadsStoreAndObjects(t *testing.T) {
	t.Parallel()
	h := newHead(t)
	_, link := h.member("a")
	ctx := t.Context()
	if link.Address != "127.0.0.1:9444" {
		t.Errorf("the agent is at %s", link.Address)
	}
	if _, err := link.Store.Commit(ctx, store.Op{Key: "/nodes/a", Value: []byte("here")}); err != nil {
		t.Error(err)
	}
	if e, err := h.store.Get(ctx, "/nodes/a"); err != nil || string(e.Value) != "here" {
		t.Errorf("the head holds %q, %v", e.Value, err)
	}
	if err := link.Blob.Put(ctx, "x", []byte("y")); err != nil {
		t.Error(err)
	}
	if content, err := h.blob.Get(ctx, "x"); err != nil || string(content) != "y" {
		t.Errorf("the head holds %q, %v", content, err)
	}
	for _, key := range []string{"/nodes/b", "/other", "/kfmesh/mesh/members/a"} {
		_, err := link.Store.Commit(ctx, store.Op{Key: key})
		refused(t, err, fault.Denied, key)
	}
	_, err := link.Store.Get(ctx, "/kfmesh/mesh/members/a")
	refused(t, err, fault.Denied, "/kfmesh/mesh/members/a")
}

func TestARestartNeedsNoToken(t *testing.T) {
	t.Parallel()
	h, dir := newHead(t), filepath.Join(t.TempDir(), "mesh")
	first, err := h.join(h.token(&meshv1.CreateTokenRequest{}), dir, "a")
	if err != nil {
		t.Fatal(err)
	}
	_, err = joined.Join(t.Context(), joined.Config{}, dir, "a", slog.New(slog.DiscardHandler))
	refused(t, err, fault.Precondition, "in use by another agent")
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"node.key", "node.crt", "ca.crt"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if info, err := os.Stat(filepath.Join(h.dir, "ca.key")); err != nil || info.Mode() != 0o600 {
		t.Errorf("ca.key: %v, %v", info.Mode(), err)
	}
	again, err := joined.Join(t.Context(), joined.Config{}, dir, "a", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.connect(again).Store.List(t.Context(), "/nodes/"); err != nil {
		t.Error(err)
	}
	_ = again.Close()
	_, err = joined.Join(t.Context(), joined.Config{}, dir, "b", slog.New(slog.DiscardHandler))
	refused(t, err, fault.Precondition, "--node-name a")
	_, err = joined.Join(t.Context(), joined.Config{}, t.TempDir(), "b", slog.New(slog.DiscardHandler))
	refused(t, err, fault.Invalid, "kfmesh token create")
}

func TestTokens(t *testing.T) {
	t.Parallel()
	h := newHead(t)
	good := h.token(&meshv1.CreateTokenRequest{})
	parts := strings.Split(good, ".")
	other := strings.Split(h.token(&meshv1.CreateTokenRequest{}), ".")
	bound := h.token(&meshv1.CreateTokenRequest{Node: "b"})
	expired := h.token(&meshv1.CreateTokenRequest{Ttl: durationpb.New(1)})
	deleted := h.token(&meshv1.CreateTokenRequest{})
	if _, err := h.tokens.DeleteToken(t.Context(), &meshv1.DeleteTokenRequest{Id: deleted}); err != nil {
		t.Fatal(err)
	}
	join := func(token, node string) error {
		_, err := h.join(token, t.TempDir(), node)
		return err
	}
	refused(t, join(parts[0]+"."+other[1]+"."+parts[2], "a"), fault.Unauthenticated, "does not know the token")
	refused(t, join(deleted, "a"), fault.Unauthenticated, "does not know the token")
	refused(t, join(expired, "a"), fault.Denied, "has expired; make another on the head with kfmesh token create")
	refused(t, join(bound, "a"), fault.Denied, "--node-name b")
	refused(t, join(good[:len(good)-1], "a"), fault.Invalid, "kfmesh token create")
	refused(t, join(good, "a/b"), fault.Invalid, "no name of a node")
	if err := join(good, "a"); err != nil {
		t.Errorf("a good token: %v", err)
	}
	refused(t, join(good, "c"), fault.Denied, "has been used by a")
	if err := join(bound, "b"); err != nil {
		t.Errorf("a token for the node: %v", err)
	}
	many := h.token(&meshv1.CreateTokenRequest{Uses: 2})
	for _, node := range []string{"m1", "m2"} {
		if err := join(many, node); err != nil {
			t.Errorf("a token for two, %s: %v", node, err)
		}
	}
	refused(t, join(many, "m3"), fault.Denied, "m1, m2")

	list, err := h.tokens.ListTokens(t.Context(), &meshv1.ListTokensRequest{})
	if err != nil || len(list.GetTokens()) != 5 || list.GetTokens()[0].GetUses() != 2 {
		t.Errorf("listed %v, %v", list, err)
	}
	entries, _, err := h.store.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(string(e.Value), parts[1]) {
			t.Errorf("%s holds the token's secret", e.Key)
		}
	}
	if strings.Contains(h.log.String(), parts[1]) {
		t.Error("the log holds a token's secret")
	}
}

// TestAnAnswerThatWasLostIsAskedForAgain: the same machine, with the same key, may
// use its token again; another machine may not, whatever it calls itself.
func TestAnAnswerThatWasLostIsAskedForAgain(t *testing.T) {
	t.Parallel()
	h, dir := newHead(t), t.TempDir()
	token := h.token(&meshv1.CreateTokenRequest{})
	for range 2 {
		m, err := h.join(token, dir, "a")
		if err != nil {
			t.Fatal(err)
		}
		_ = m.Close()
		if err := os.Remove(filepath.Join(dir, "node.crt")); err != nil {
			t.Fatal(err)
		}
	}
	_, err := h.join(token, t.TempDir(), "a")
	refused(t, err, fault.Denied, "has been used")
}

func TestNamesOfNodesAtWorkAreTaken(t *testing.T) {
	t.Parallel()
	h := newHead(t)
	if _, err := h.store.Commit(t.Context(), store.Op{Key: "/nodes/head"}); err != nil {
		t.Fatal(err)
	}
	_, err := h.join(h.token(&meshv1.CreateTokenRequest{}), t.TempDir(), "head")
	refused(t, err, fault.Precondition, "another --node-name")
}

// TestWhoAnswersInTheHeadsPlaceLearnsNothing: the token names the head, and is not
// shown to anybody else.
func TestWhoAnswersInTheHeadsPlaceLearnsNothing(t *testing.T) {
	t.Parallel()
	h, impostor := newHead(t), newHead(t)
	_, err := joined.Join(t.Context(), joined.Config{
		Join: impostor.address, Token: config.Secret(h.token(&meshv1.CreateTokenRequest{})),
	}, t.TempDir(), "a", slog.New(slog.DiscardHandler))
	refused(t, err, fault.Unauthenticated, "not the head that made the token")
	if log := impostor.log.String(); strings.Contains(log, "let in") || strings.Contains(log, "node=a") {
		t.Errorf("the impostor has heard of the node:\n%s", log)
	}
}

func TestCertificatesOfOtherMeshesAreRefused(t *testing.T) {
	t.Parallel()
	h, other := newHead(t), newHead(t)
	m, _ := other.member("a")
	h.member("a")
	m.Head = h.address
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if link, err := m.Connect(ctx, ""); err == nil {
		t.Errorf("connected: %v", link)
	}
	if strings.Contains(h.log.String(), "error") {
		t.Logf("the head says:\n%s", h.log)
	}
}

func TestWhoIsPutOutStaysOut(t *testing.T) {
	t.Parallel()
	h := newHead(t)
	_, link := h.member("a")
	if _, err := h.tokens.DeleteMember(t.Context(), &meshv1.DeleteMemberRequest{Node: "a"}); err != nil {
		t.Fatal(err)
	}
	_, err := link.Store.Commit(t.Context(), store.Op{Key: "/nodes/a"})
	refused(t, err, fault.Denied, "not a member")
	_, err = link.Store.Watch(t.Context(), "/nodes/", 0)
	refused(t, err, fault.Denied, "not a member")
	_, err = link.Blob.Get(t.Context(), "x")
	refused(t, err, fault.Denied, "not a member")
	_, err = h.tokens.DeleteMember(t.Context(), &meshv1.DeleteMemberRequest{Node: "a"})
	refused(t, err, fault.NotFound, "a")
}

func TestWhoJoinsAnewShutsItsOldKeyOut(t *testing.T) {
	t.Parallel()
	h := newHead(t)
	_, before := h.member("a")
	_, after := h.member("a")
	_, _, err := before.Store.List(t.Context(), "/nodes/")
	refused(t, err, fault.Denied, "another key")
	if _, _, err := after.Store.List(t.Context(), "/nodes/"); err != nil {
		t.Error(err)
	}
}

func TestTheHeadStartsAgainAndNodesGoOn(t *testing.T) {
	t.Parallel()
	h := newHead(t)
	_, link := h.member("a")
	ctx := t.Context()
	lease, err := link.Store.Grant(ctx, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	changes, err := link.Store.Watch(ctx, "/nodes/", 0)
	if err != nil {
		t.Fatal(err)
	}
	h.stop()
	h.start()
	for begun := time.Now(); ; {
		if _, err = link.Store.Commit(ctx, store.Op{Key: "/nodes/a", Lease: lease, Expect: store.AnyRevision}); err == nil {
			break
		}
		if !fault.Is(err, fault.Unavailable) || time.Since(begun) > patience {
			t.Fatal(err)
		}
	}
	select {
	case batch := <-changes:
		if len(batch) == 0 || batch[0].Key != "/nodes/a" {
			t.Errorf("got %v", batch)
		}
	case <-time.After(patience):
		t.Error("the watch does not go on")
	}
}

func TestTheHeadCallsAgents(t *testing.T) {
	t.Parallel()
	h := newHead(t)
	a, _ := h.member("a")
	b, link := h.member("b")
	serve := func(server grpc.ServiceRegistrar) { healthpb.RegisterHealthServer(server, health.NewServer()) }
	atA := serveAgent(t, a, serve)
	check := func(agents *door.Agents, node, address string) error {
		conn, err := agents.Agent(node, address)
		if err != nil {
			return err
		}
		_, err = healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
		return err
	}
	if err := check(h.door.Agents(), "a", atA); err != nil {
		t.Errorf("the head calls a: %v", err)
	}
	refused(t, check(h.door.Agents(), "b", atA), fault.Unavailable, "")
	if err := check(h.door.Agents(), "b", serveAgent(t, b, serve)); err != nil {
		t.Errorf("the head calls b: %v", err)
	}
	refused(t, check(h.door.Agents(), "c", ""), fault.Unavailable, "has not said")
	_ = link

	other := newHead(t)
	refused(t, check(other.door.Agents(), "a", atA), fault.Unavailable, "")
	if err := callAsNode(t, b, a.Node, atA); err == nil {
		t.Error("one node calls another's agent")
	}
}

func TestTooManyTries(t *testing.T) {
	t.Parallel()
	h := newHead(t)
	parts := strings.Split(h.token(&meshv1.CreateTokenRequest{}), ".")
	other := strings.Split(h.token(&meshv1.CreateTokenRequest{}), ".")
	var err error
	for range 11 {
		_, err = h.join(parts[0]+"."+other[1]+"."+parts[2], t.TempDir(), "a")
	}
	refused(t, err, fault.Exhausted, "too many tries")
}

func TestAClosedDoor(t *testing.T) {
	t.Parallel()
	h := &head{t: t, dir: filepath.Join(t.TempDir(), "none"), store: store.NewMemory(), log: &journal{}}
	h.start()
	defer h.stop()
	_, err := h.tokens.CreateToken(t.Context(), &meshv1.CreateTokenRequest{})
	refused(t, err, fault.Precondition, "--mesh-addr")
	if _, err := os.Stat(h.dir); !os.IsNotExist(err) {
		t.Errorf("an authority was made for nobody: %v", err)
	}
}
