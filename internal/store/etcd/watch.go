package etcd

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// Watch implements store.Backend. A watch of a member that has lost its leader
// ends, so that it cannot go stale unnoticed.
func (b *Backend) Watch(ctx context.Context, prefix string, after int64) (<-chan []store.Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, failure(ctx, err)
	}
	if after < 0 {
		return nil, fault.Invalidf("after", "%d is not a revision", after)
	}
	watchCtx, stop := context.WithCancel(clientv3.WithRequireLeader(ctx))
	responses := b.client.Watch(watchCtx, prefix, clientv3.WithPrefix(), clientv3.WithRev(after+1), clientv3.WithPrevKV())
	out := make(chan []store.Change)
	go func() {
		defer close(out)
		defer stop()
		for response := range responses {
			if response.Err() != nil {
				return
			}
			if len(response.Events) == 0 {
				continue
			}
			select {
			case out <- changes(response.Events):
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

func changes(events []*clientv3.Event) []store.Change {
	batch := make([]store.Change, len(events))
	for i, e := range events {
		batch[i] = store.Change{Entry: entry(e.Kv), Deleted: e.Type == clientv3.EventTypeDelete}
		if e.PrevKv != nil {
			batch[i].Prev = e.PrevKv.Value
		}
	}
	return batch
}
