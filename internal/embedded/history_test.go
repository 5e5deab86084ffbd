package embedded

import (
	"errors"
	"log/slog"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

func TestHistoryIsDropped(t *testing.T) {
	t.Parallel()
	s, err := startEtcd(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	var last int64
	put := func(times int) {
		for range times {
			done, err := s.client.Put(t.Context(), "a", "")
			if err != nil {
				t.Fatal(err)
			}
			last = done.Header.Revision
		}
	}
	const kept = 20
	compacted := func(revision int64) bool {
		t.Helper()
		if err := s.dropHistory(t.Context(), kept); err != nil {
			t.Fatal(err)
		}
		_, err := s.client.Get(t.Context(), "a", clientv3.WithRev(revision))
		if err != nil && !errors.Is(err, rpctypes.ErrCompacted) {
			t.Fatal(err)
		}
		return err != nil
	}
	put(kept)
	if first := last - kept + 1; compacted(first) {
		t.Errorf("revision %d of %d is dropped", first, last)
	}
	put(kept)
	if !compacted(last-kept-1) || compacted(last-kept) {
		t.Errorf("of %d revisions not the last %d are left", last, kept)
	}
}
