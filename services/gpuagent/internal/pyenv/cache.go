package pyenv

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// Cache builds environments and keeps them.
type Cache struct {
	dir     string
	builder builder

	mu     sync.Mutex
	builds map[string]*build // guarded by mu; by digest, while they go on
}

// build is an environment in the making, waited for by everyone who wants it.
type build struct {
	done chan struct{}
	err  error // set before done is closed
}

// NewCache returns the cache in a directory. uv is the path of uv, empty to do
// without; env is what installers get as their environment.
func NewCache(dir, uv string, env []string) *Cache {
	return &Cache{dir: dir, builder: newBuilder(uv, env), builds: map[string]*build{}}
}

// Ensure returns the environment that answers a request, and builds it first if
// it must; say is then called with what goes on. A build belongs to the first who
// asked for it; when that one gives up, the next who waits begins anew.
func (c *Cache) Ensure(ctx context.Context, r Request, say func(string)) (Env, error) {
	name := digest(r, c.builder.settings)
	env := Env{dir: filepath.Join(c.dir, name)}
	for {
		if c.use(env) {
			return env, nil
		}
		b, mine := c.join(name)
		if !mine {
			say(progress(r))
			select {
			case <-b.done:
			case <-ctx.Done():
				return Env{}, ctx.Err()
			}
			if b.err != nil && !errors.Is(b.err, context.Canceled) {
				return Env{}, b.err
			}
			continue
		}
		b.err = c.build(ctx, env, r, say)
		c.leave(name, b)
		return env, b.err
	}
}

func progress(r Request) string {
	if len(r.Installs) == 0 {
		return "preparing Python " + r.Interpreter.Version
	}
	return "installing " + describe(r.Installs)
}

// join returns the build of an environment and whether the caller is to do it.
func (c *Cache) join(name string) (*build, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b, ok := c.builds[name]; ok {
		return b, false
	}
	b := &build{done: make(chan struct{})}
	c.builds[name] = b
	return b, true
}

func (c *Cache) leave(name string, b *build) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.builds, name)
	close(b.done)
}

// build makes an environment under the lock that keeps other processes off.
func (c *Cache) build(ctx context.Context, env Env, r Request, say func(string)) error {
	say(progress(r))
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	lock, err := lockFile(ctx, env.dir+".lock")
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if _, err := os.Stat(env.ready()); !errors.Is(err, fs.ErrNotExist) {
		return err // another process has built it meanwhile
	}
	if err := os.RemoveAll(env.dir); err != nil {
		return err
	}
	if err := c.builder.build(ctx, env, r, lock); err != nil {
		return err
	}
	return os.WriteFile(env.ready(), []byte(describe(r.Installs)+"\n"), 0o644)
}

// lockFile takes an exclusive lock, waiting for it off the scheduler's threads
// for as long as ctx lasts. It lasts until the file is closed, here and by all who have
// inherited it.
func lockFile(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	locked := make(chan error, 1)
	go func() { locked <- unix.Flock(int(f.Fd()), unix.LOCK_EX) }()
	select {
	case err := <-locked:
		if err != nil {
			_ = f.Close()
			return nil, err
		}
		return f, nil
	case <-ctx.Done():
		go func() { // lets go of the lock as soon as it has it
			_ = errors.Join(<-locked, f.Close())
		}()
		return nil, ctx.Err()
	}
}
