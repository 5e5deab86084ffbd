package etcd

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/kfmesh/kfmesh/internal/store"
)

// Watch implements store.Backend. The channel also closes when etcd has
// compacted the changes asked for away, or has lost its leader.
func (b *Backend) Watch(ctx context.Context, prefix string, after int64) (<-chan []store.Change, error) {
	watchCtx, stop := context.WithCancel(clientv3.WithRequireLeader(ctx))
	responses := b.client.Watch(watchCtx, prefix, clientv3.WithPrefix(), clientv3.WithRev(after+1), clientv3.WithPrevKV())
	batches := make(chan []store.Change)
	go func() {
		defer close(batches)
		defer stop()
		for resp := range responses {
			if resp.Err() != nil {
				return
			}
			if len(resp.Events) == 0 {
				continue
			}
			select {
			case batches <- changes(resp.Events):
			case <-ctx.Done():
				return
			}
		}
	}()
	return batches, nil
}

func changes(events []*clientv3.Event) []store.Change {
	out := make([]store.Change, len(events))
	for i, e := range events {
		c := store.Change{Deleted: e.Type == clientv3.EventTypeDelete, Entry: entry(e.Kv)}
		if c.Deleted {
			c.Entry = store.Entry{Key: string(e.Kv.Key), Revision: e.Kv.ModRevision}
		}
		if e.PrevKv != nil {
			c.Prev = e.PrevKv.Value
		}
		out[i] = c
	}
	return out
}
