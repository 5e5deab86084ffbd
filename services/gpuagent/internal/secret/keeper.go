package secret

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"gocloud.dev/gcerrors"
	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Keyring holds the one key that all data keys are encrypted with, or knows the
// service that does. It is opened when it is first needed, and is safe for
// concurrent use.
type Keyring struct {
	address string // URL of a key; empty for a file
	path    string // of that file
	remote  bool   // a service has it, which may be out of reach

	mu     sync.Mutex
	keeper *secrets.Keeper // guarded by mu; nil until it is needed
}

// NewKeyring returns the keyring of an address such as awskms://alias/kfmesh or
// base64key://..., or with an empty one that of a key in a file, which is made
// when it is first needed.
func NewKeyring(address, path string) (*Keyring, error) {
	if address == "" {
		return &Keyring{path: path}, nil
	}
	u, err := url.Parse(address) // whose error would say the address, which may hold the key
	if err != nil || u.Scheme == "" || u.Scheme == localsecrets.Scheme && u.Host == "" {
		return nil, fault.Invalidf("secrets-url", "want the URL of a key: base64key://, followed by 32 bytes in URL-safe base64, or that of a key service, such as awskms://alias/kfmesh?region=eu-central-1")
	}
	if !secrets.DefaultURLMux().ValidKeeperScheme(u.Scheme) {
		return nil, fault.Invalidf("secrets-url", "this program knows no key service %s://; it knows %v", u.Scheme, secrets.DefaultURLMux().KeeperSchemes())
	}
	return &Keyring{address: address, remote: u.Scheme != localsecrets.Scheme}, nil
}

// wrap encrypts a data key.
func (k *Keyring) wrap(ctx context.Context, dataKey []byte) ([]byte, error) {
	keeper, err := k.opened(ctx)
	if err != nil {
		return nil, err
	}
	wrapped, err := keeper.Encrypt(ctx, dataKey)
	if err != nil {
		return nil, errAway(err)
	}
	return wrapped, nil
}

// unwrap is the reverse of wrap. It is fault.Unavailable when a later try may
// fare better, and fault.Precondition when it was wrapped with another key.
func (k *Keyring) unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	keeper, err := k.opened(ctx)
	if err != nil {
		return nil, err
	}
	dataKey, err := keeper.Decrypt(ctx, wrapped)
	switch code := gcerrors.Code(err); {
	case err == nil:
		return dataKey, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case k.remote && code != gcerrors.InvalidArgument && code != gcerrors.PermissionDenied && code != gcerrors.NotFound:
		return nil, errAway(err)
	}
	return nil, errOtherKey(err)
}

func errAway(cause error) error {
	return fault.Unavailablef("the key that secrets are encrypted with cannot be used now; see secrets-url").WithCause(cause)
}

// opened returns the keeper of the key.
func (k *Keyring) opened(ctx context.Context) (*secrets.Keeper, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keeper != nil {
		return k.keeper, nil
	}
	keeper, err := k.open(ctx)
	if err != nil {
		return nil, err
	}
	k.keeper = keeper
	return keeper, nil
}

func (k *Keyring) open(ctx context.Context) (*secrets.Keeper, error) {
	if k.address == "" {
		key, err := localKey(k.path)
		if err != nil {
			return nil, fault.Unavailablef("the key that secrets are encrypted with cannot be used: %v", err)
		}
		return localsecrets.NewKeeper(key), nil
	}
	keeper, err := secrets.OpenKeeper(ctx, k.address)
	if err != nil {
		return nil, fault.Unavailablef("the key that secrets-url names cannot be opened").WithCause(err)
	}
	return keeper, nil
}

// Close lets go of the key.
func (k *Keyring) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keeper == nil {
		return nil
	}
	return k.keeper.Close()
}

// localKey reads the key in a file, which it makes when there is none. Whoever
// loses a race to make it takes the winner's.
func localKey(path string) (key [dataKeyBytes]byte, err error) {
	content, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeKey(path); err == nil {
			content, err = readKey(path)
		}
	}
	if err != nil {
		return key, err
	}
	if len(content) != len(key) {
		return key, fmt.Errorf("%s holds %d bytes and not the %d of a key", path, len(content), len(key))
	}
	return [dataKeyBytes]byte(content), nil
}

// readKey reads a key that nobody else can read.
func readKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if loose := info.Mode().Perm() & 0o077; loose != 0 {
		return nil, fmt.Errorf("%s can be read by others (mode %04o): want 0600", path, info.Mode().Perm())
	}
	return os.ReadFile(path)
}

// makeKey writes a new key beside its place, to the disk itself, and links it
// into place unless there is one.
func makeKey(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	key := make([]byte, dataKeyBytes)
	_, _ = rand.Read(key) // never fails
	_, err = f.Write(key)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

// syncDir brings the names in a directory to the disk.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
