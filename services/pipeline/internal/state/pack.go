package state

import (
	"bytes"

	"github.com/klauspost/compress/zstd"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Details of runs of very many tasks are mostly alike, and compress to a tenth:
// so that a hundred thousand tasks fit into one message and one row. What is
// small stays as it is.
const (
	packedAbove  = 16 << 10
	packWindow   = 1 << 20
	unpackedMost = 1 << 30
)

// packed is what the content of a packed detail begins with: the magic number of
// Zstandard (RFC 8878, section 3.1.1), with which no ArchivedRun begins.
var packed = []byte{0x28, 0xb5, 0x2f, 0xfd}

// pack compresses a detail that is large.
func pack(detail []byte) ([]byte, error) {
	if len(detail) <= packedAbove {
		return detail, nil
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(packWindow), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fault.Internalf(err, "run cannot be archived")
	}
	defer encoder.Close()
	return encoder.EncodeAll(detail, nil), nil
}

// unpack returns what pack was given.
func unpack(content []byte) ([]byte, error) {
	if !bytes.HasPrefix(content, packed) {
		return content, nil
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(unpackedMost))
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	return decoder.DecodeAll(content, nil)
}
