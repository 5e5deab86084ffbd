package detect

import (
	"context"
	"errors"
	"strings"

	"golang.org/x/sync/errgroup"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// vendors is the GPUs of a node that has some of more than one vendor.
type vendors []GPUs

// List implements GPUs. Those of the first vendor come first; numbers of the others follow
// theirs, and so do the numbers of their link groups.
func (v vendors) List(ctx context.Context) ([]*gpuagentv1.Gpu, error) {
	var all []*gpuagentv1.Gpu
	var failed error
	next, links := int32(0), int32(0)
	for _, of := range v {
		found, err := of.List(ctx)
		failed = errors.Join(failed, err)
		first, closest := next, links
		for _, gpu := range found {
			gpu.Index = after(gpu.GetIndex(), first)
			next = max(next, wholeIndex(gpu.GetIndex())+1)
			if gpu.GetLinkGroup() > 0 {
				gpu.LinkGroup += closest
				links = max(links, gpu.GetLinkGroup())
			}
		}
		all = append(all, found...)
	}
	return all, failed
}

// Watch implements GPUs.
func (v vendors) Watch(ctx context.Context, tell func(Trouble)) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, of := range v {
		group.Go(func() error { return of.Watch(ctx, tell) })
	}
	return group.Wait()
}

// Driver implements GPUs.
func (v vendors) Driver() string {
	var all []string
	for _, of := range v {
		if driver := of.Driver(); driver != "" {
			all = append(all, driver)
		}
	}
	return strings.Join(all, "; ")
}
