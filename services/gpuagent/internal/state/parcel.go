package state

import (
	"context"
	"fmt"
	"slices"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/store"
)

// Sizes of parcels: up to inlineBytes they are in the value that holds them, which
// has more to say; beyond that in parts of partBytes.
const (
	inlineBytes = 128 << 10
	partBytes   = 240 << 10
)

// Holder says whose a parcel is. A parcel is never changed: another generation of
// its holder has another.
type Holder struct {
	UID        string
	Generation int64
}

func (h Holder) part(i int) string { return fmt.Sprintf("%s/%d/%d", h.UID, h.Generation, i) }

// Pack makes a parcel and the writes of its parts, which belong in the commit
// that stores its holder: then there is the whole of both, or neither.
func (s *State) Pack(h Holder, content []byte) (*gpuagentv1.Parcel, []store.Op) {
	if len(content) <= inlineBytes {
		return &gpuagentv1.Parcel{Content: content}, nil
	}
	var ops []store.Op
	for part := range slices.Chunk(content, partBytes) {
		ops = append(ops, s.parts.CreateOp(h.part(len(ops)), &gpuagentv1.ParcelPart{Content: part}))
	}
	return &gpuagentv1.Parcel{Parts: int32(len(ops))}, ops
}

// Unpack returns what is in a parcel. It is fault.NotFound when the parts are
// gone, as they are once the holder was changed or deleted.
func (s *State) Unpack(ctx context.Context, h Holder, p *gpuagentv1.Parcel) ([]byte, error) {
	content := p.GetContent()
	for i := range int(p.GetParts()) {
		part, err := s.parts.Get(ctx, h.part(i))
		if err != nil {
			return nil, err
		}
		content = append(content, part.Value.GetContent()...)
	}
	return content, nil
}

// Discard makes the deletes of a parcel's parts, for the commit that replaces or
// deletes its holder.
func (s *State) Discard(h Holder, p *gpuagentv1.Parcel) []store.Op {
	var ops []store.Op
	for i := range int(p.GetParts()) {
		ops = append(ops, s.parts.DeleteOp(h.part(i), store.AnyRevision))
	}
	return ops
}
