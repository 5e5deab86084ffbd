package archive

import (
	"bytes"
	"sync"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// What ran of a job is the detail of its record. Its replicas are mostly alike, and compress
// to a third or less; what is small stays as it is.
const (
	packedAbove  = 512
	packWindow   = 256 << 10
	unpackedMost = 64 << 20
)

// magic is what a packed detail begins with (RFC 8878, section 3.1.1), and no ArchivedWorkloads.
var magic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// press packs and unpacks details. It is safe for concurrent use.
type press struct {
	encoder func() (*zstd.Encoder, error)
	decoder func() (*zstd.Decoder, error)
}

func newPress() *press {
	return &press{
		encoder: sync.OnceValues(func() (*zstd.Encoder, error) {
			return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(packWindow),
				zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
		}),
		decoder: sync.OnceValues(func() (*zstd.Decoder, error) {
			return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(unpackedMost))
		}),
	}
}

// pack is workloads as the detail of a record.
func (p *press) pack(ran []*gpuagentv1.Workload) ([]byte, error) {
	shown := &trainingv1.ArchivedWorkloads{}
	for _, w := range ran {
		shown.Workloads = append(shown.Workloads, Shown(w))
	}
	detail, err := proto.MarshalOptions{Deterministic: true}.Marshal(shown)
	if err != nil || len(detail) <= packedAbove {
		return detail, err
	}
	encoder, err := p.encoder()
	if err != nil {
		return nil, err
	}
	return encoder.EncodeAll(detail, nil), nil
}

// unpack returns the workloads that pack was given, as they are shown.
func (p *press) unpack(detail []byte) ([]*gpuagentv1.Workload, error) {
	if bytes.HasPrefix(detail, magic) {
		decoder, err := p.decoder()
		if err != nil {
			return nil, err
		}
		if detail, err = decoder.DecodeAll(detail, nil); err != nil {
			return nil, err
		}
	}
	shown := &trainingv1.ArchivedWorkloads{}
	if err := proto.Unmarshal(detail, shown); err != nil {
		return nil, fault.Internalf(err, "what ran of an archived job cannot be read")
	}
	return shown.GetWorkloads(), nil
}

// Shown is what people see of a workload that is over: no files, no mounts, no probes, and of
// its environment what comes from no secret.
func Shown(w *gpuagentv1.Workload) *gpuagentv1.Workload {
	out := &gpuagentv1.Workload{
		Metadata: proto.CloneOf(w.GetMetadata()), Status: proto.CloneOf(w.GetStatus()),
		Spec: &gpuagentv1.WorkloadSpec{Queue: w.GetSpec().GetQueue()},
	}
	for _, g := range w.GetSpec().GetGroups() {
		out.Spec.Groups = append(out.Spec.Groups, &gpuagentv1.ReplicaGroup{Name: g.GetName(), Count: g.GetCount(), Template: shownTemplate(g.GetTemplate())})
	}
	for _, r := range out.GetStatus().GetReplicas() {
		r.Files, r.Ports = nil, nil
	}
	return out
}

func shownTemplate(t *gpuagentv1.Template) *gpuagentv1.Template {
	out := &gpuagentv1.Template{Image: t.GetImage(), Command: t.GetCommand(), Args: t.GetArgs(), Resources: t.GetResources()}
	for _, e := range t.GetEnv() {
		if e.GetValueFrom() == nil {
			out.Env = append(out.Env, e)
		}
	}
	for _, c := range t.GetInitContainers() {
		out.InitContainers = append(out.InitContainers, &gpuagentv1.Companion{Name: c.GetName(), Image: c.GetImage()})
	}
	for _, c := range t.GetCompanions() {
		out.Companions = append(out.Companions, &gpuagentv1.Companion{Name: c.GetName(), Image: c.GetImage()})
	}
	return out
}
