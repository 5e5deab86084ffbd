package client

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func TestProbe(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := Probe(t.Context(), address); err != nil {
		t.Errorf("what listens gives %v", err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	err = Probe(t.Context(), address)
	if want := "no kfmesh at " + address + ": start one with `kfmesh up` or set --server"; err == nil || err.Error() != want {
		t.Errorf("nobody there gives %v", err)
	}
	for _, wrong := range []string{"", "localhost", "http://127.0.0.1:8080", "127.0.0.1:9090/"} {
		if err := Probe(t.Context(), wrong); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "host:port") {
			t.Errorf("%q gives %v", wrong, err)
		}
	}
}

// TestCollect reads a list of 450 in pages as a server gives them.
func TestCollect(t *testing.T) {
	all := make([]int, 450)
	for i := range all {
		all[i] = i
	}
	tests := []struct{ limit, want, calls int }{{0, 450, 3}, {1, 1, 1}, {200, 200, 1}, {201, 201, 2}, {1000, 450, 3}}
	for _, tt := range tests {
		calls := 0
		got, err := Collect(tt.limit, func(size int32, token string) ([]int, string, error) {
			calls++
			from := len(token)
			to := min(from+int(size), len(all))
			if to == len(all) {
				return all[from:to], "", nil
			}
			return all[from:to], strings.Repeat("x", to), nil
		})
		if err != nil || calls != tt.calls || !slices.Equal(got, all[:tt.want]) {
			t.Errorf("limit %d gives %d items in %d calls, %v; want %d in %d", tt.limit, len(got), calls, err, tt.want, tt.calls)
		}
	}
}

func TestCollectStopsAtAnError(t *testing.T) {
	broken := errors.New("broken")
	if got, err := Collect(0, func(int32, string) ([]int, string, error) { return []int{1}, "", broken }); !errors.Is(err, broken) || got != nil {
		t.Errorf("gives %v, %v", got, err)
	}
}

func TestEncode(t *testing.T) {
	filter := Where(Equals("state", "FAILED"), Contains("display_name", `50% "off" & more`))
	encoded, err := Encode(filter)
	if err != nil {
		t.Fatal(err)
	}
	decoded := &metav1.Filter{}
	if err := protojson.Unmarshal([]byte(encoded), decoded); err != nil || !proto.Equal(decoded, filter) {
		t.Errorf("%s decodes to %v, %v", encoded, decoded, err)
	}
	if none, err := Encode(Where()); none != "" || err != nil {
		t.Errorf("no filter is encoded as %q, %v", none, err)
	}
}
