package remote_test

import (
	"context"
	"log/slog"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/internal/store/remote"
	"github.com/kfmesh/kfmesh/internal/store/storetest"
)

// identify believes what a caller says of itself, which only a test may.
func identify(ctx context.Context) (remote.Caller, error) {
	name := metadata.ValueFromIncomingContext(ctx, "name")
	if len(name) != 1 {
		return remote.Caller{}, fault.New(fault.Unauthenticated, "who are you?")
	}
	if name[0] == "all" {
		return remote.Caller{Name: "all", Read: []string{"/test/"}, Write: []string{"/test/"}}, nil
	}
	return remote.Caller{
		Name: name[0], Read: []string{"/test/"}, Write: []string{"/test/a", "/inbox/"},
		Check: []string{"/lead/"},
	}, nil
}

// as has every call of a connection say who calls.
func as(name string) []grpc.DialOption {
	say := func(ctx context.Context) context.Context { return metadata.AppendToOutgoingContext(ctx, "name", name) }
	return []grpc.DialOption{
		grpc.WithChainUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			return invoke(say(ctx), method, req, reply, cc, opts...)
		}),
		grpc.WithChainStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			return open(say(ctx), desc, cc, method, opts...)
		}),
	}
}

// serve serves a store at an address until the test ends or stop is called, and
// returns the address.
func serve(t *testing.T, backend store.Lessor, address string) (at string, stop func()) {
	t.Helper()
	server := rpc.NewServer(slog.New(slog.DiscardHandler))
	remote.Register(server, backend, identify)
	listener := listen(t, address)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener)
	}()
	stop = func() {
		server.Stop()
		<-ended
	}
	t.Cleanup(stop)
	return listener.Addr().String(), stop
}

// connect returns the store at an address as a caller of a name sees it.
func connect(t *testing.T, address, name string) *remote.Backend {
	t.Helper()
	mesh, err := rpc.NewDialed(map[string]string{"store": address}, as(name)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := mesh.Close(); err != nil {
			t.Error(err)
		}
	})
	return remote.New(mesh.Conn("store"))
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) (store.Backend, string) {
		address, _ := serve(t, store.NewMemory(), "127.0.0.1:0")
		return connect(t, address, "all"), "/test/"
	})
}

func TestKeysOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	memory := store.NewMemory()
	address, _ := serve(t, memory, "127.0.0.1:0")
	b, ctx := connect(t, address, "a"), t.Context()
	for _, key := range []string{"/secret/x", "/lead/x", "/tes", "/", ""} {
		_, getErr := b.Get(ctx, key+"/x")
		_, _, listErr := b.List(ctx, key)
		_, watchErr := b.Watch(ctx, key, 0)
		_, commitErr := b.Commit(ctx, store.Op{Key: key + "/x"})
		for call, err := range map[string]error{"get": getErr, "list": listErr, "watch": watchErr, "commit": commitErr} {
			if !fault.Is(err, fault.Denied) {
				t.Errorf("%s of %q: got %v, want denied", call, key, err)
			}
		}
	}
	for _, refused := range [][]store.Op{
		{{Key: "/test/a"}, {Key: "/secret/a"}},
		{{Key: "/test/other/a"}},
		{{Key: "/test/ab"}},
		{{Key: "/test/other/a", Delete: true, Expect: store.AnyRevision}},
		{{Key: "/secret/a", Check: true}},
		{{Key: remote.LeasePrefix + "0000000000000001"}},
	} {
		if _, err := b.Commit(ctx, refused...); !fault.Is(err, fault.Denied) {
			t.Errorf("%v: got %v, want denied", refused, err)
		}
	}
	if _, err := b.Commit(ctx, store.Op{Key: "/inbox/a"}, store.Op{Key: "/lead/a", Check: true}, store.Op{Key: "/test/other/b", Check: true}); err != nil {
		t.Errorf("what is allowed: %v", err)
	}
	if _, err := b.Get(ctx, "/inbox/a"); !fault.Is(err, fault.Denied) {
		t.Errorf("what may only be written was read: %v", err)
	}
	if entries, _, err := memory.List(ctx, ""); err != nil || len(entries) != 1 {
		t.Errorf("the store holds %v, %v", entries, err)
	}
}

func TestNobodyIsRefused(t *testing.T) {
	t.Parallel()
	address, _ := serve(t, store.NewMemory(), "127.0.0.1:0")
	mesh, err := rpc.NewDialed(map[string]string{"store": address})
	if err != nil {
		t.Fatal(err)
	}
	defer mesh.Close()
	if _, err := remote.New(mesh.Conn("store")).Get(t.Context(), "/test/a"); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("got %v", err)
	}
}

func TestLongLists(t *testing.T) {
	t.Parallel()
	memory := store.NewMemory()
	address, _ := serve(t, memory, "127.0.0.1:0")
	b, ctx := connect(t, address, "a"), t.Context()
	value := make([]byte, store.MaxValueBytes)
	for i := range 30 {
		if _, err := memory.Commit(ctx, store.Op{Key: "/test/" + string(rune('a'+i)), Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	want, revision, err := memory.List(ctx, "/test/")
	if err != nil {
		t.Fatal(err)
	}
	got, at, err := b.List(ctx, "/test/")
	if err != nil || at != revision || len(got) != len(want) {
		t.Fatalf("%d entries at %d, %v; want %d at %d", len(got), at, err, len(want), revision)
	}
	for i := range got {
		if got[i].Key != want[i].Key || len(got[i].Value) != len(value) {
			t.Errorf("entry %d is %s of %d bytes", i, got[i].Key, len(got[i].Value))
		}
	}
}
