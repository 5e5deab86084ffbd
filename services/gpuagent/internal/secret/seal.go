package secret

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// dataKeyBytes is the size of an AES-256 key.
const dataKeyBytes = 32

// seal encrypts content with a new key, and that key with the keeper's. A key
// service encrypts a few kilobytes at most, and each of its calls is paid for, so
// it is given keys only. What is sealed opens under the same label alone: a value
// that someone moved to another secret's place does not open there.
func seal(ctx context.Context, keys *Keyring, label string, content []byte) (dataKey, sealed []byte, err error) {
	key := make([]byte, dataKeyBytes)
	_, _ = rand.Read(key) // never fails
	box, err := newBox(key)
	if err != nil {
		return nil, nil, err
	}
	if dataKey, err = keys.wrap(ctx, key); err != nil {
		return nil, nil, err
	}
	return dataKey, box.Seal(nil, nil, content, []byte(label)), nil
}

// open is the reverse of seal.
func open(ctx context.Context, keys *Keyring, label string, dataKey, sealed []byte) ([]byte, error) {
	key, err := keys.unwrap(ctx, dataKey)
	if err != nil {
		return nil, err
	}
	box, err := newBox(key)
	if err != nil {
		return nil, err
	}
	content, err := box.Open(nil, nil, sealed, []byte(label))
	if err != nil {
		return nil, errOtherKey(err)
	}
	return content, nil
}

// newBox puts a random nonce before what it seals.
func newBox(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errOtherKey(err)
	}
	box, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fault.Internalf(err, "cipher of secrets cannot be made")
	}
	return box, nil
}

func errOtherKey(cause error) error {
	return fault.Preconditionf("its values cannot be decrypted: they were encrypted with another key than secrets-url now names").
		WithReason("SECRET_KEY_MISMATCH").WithCause(cause)
}
