package secret

import (
	"bytes"
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/keyed"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// value is a value that must not be found anywhere.
const value = "correct-horse"

func newVault(t *testing.T, backend store.Backend, keyFile string) *Vault {
	t.Helper()
	keys, err := NewKeyring("", keyFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := keys.Close(); err != nil {
			t.Error(err)
		}
	})
	return NewVault(state.New(backend), keys)
}

func opaque(name string, data map[string]string) *gpuagentv1.Secret {
	s := &gpuagentv1.Secret{Metadata: &metav1.ObjectMeta{Name: name}, Data: map[string][]byte{}}
	for key, value := range data {
		s.Data[key] = []byte(value)
	}
	return s
}

// keys returns all keys of the store, and fails when a value is under one of them.
func keys(t *testing.T, backend store.Backend) []string {
	t.Helper()
	entries, _, err := backend.List(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Key)
		if bytes.Contains(e.Value, []byte(value)) {
			t.Errorf("the value can be read under %s", e.Key)
		}
	}
	return names
}

func TestLife(t *testing.T) {
	t.Parallel()
	ctx, backend := t.Context(), store.NewMemory()
	v := newVault(t, backend, filepath.Join(t.TempDir(), "key"))
	created, err := v.Create(ctx, opaque("db", map[string]string{"password": value}))
	if err != nil {
		t.Fatal(err)
	}
	if m := created.GetMetadata(); m.GetNamespace() != "default" || m.GetUid() == "" || m.GetResourceVersion() == 0 || created.GetType() != TypeOpaque {
		t.Errorf("created %v", created)
	}
	if _, err := v.Create(ctx, opaque("db", nil)); !fault.Is(err, fault.AlreadyExists) {
		t.Errorf("create twice: %v", err)
	}
	got, err := v.Get(ctx, "", "db")
	if err != nil || !proto.Equal(got, created) || len(got.GetData()) > 0 || got.GetSizes()["password"] != int64(len(value)) {
		t.Errorf("get %v, %v; want %v", got, err, created)
	}
	if all, err := v.List(ctx, "default"); err != nil || len(all) != 1 || !proto.Equal(all[0], created) {
		t.Errorf("list %v, %v", all, err)
	}
	if all, err := v.List(ctx, "defaul"); err != nil || len(all) != 0 {
		t.Errorf("list of another namespace %v, %v", all, err)
	}
	if data, err := v.Reveal(ctx, "", "db"); err != nil || string(data["password"]) != value {
		t.Errorf("reveal %q, %v", data, err)
	}
	keys(t, backend)
	for range 2 {
		err = v.Delete(ctx, "default", "db")
	}
	if !fault.Is(err, fault.NotFound) || len(keys(t, backend)) > 0 {
		t.Errorf("delete twice: %v; left %v", err, keys(t, backend))
	}
	if _, err := v.Reveal(ctx, "", "db"); !fault.Is(err, fault.NotFound) {
		t.Errorf("reveal of nothing: %v", err)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	v := newVault(t, store.NewMemory(), filepath.Join(t.TempDir(), "key"))
	created, err := v.Create(ctx, opaque("db", map[string]string{"a": "1", "b": "2"}))
	if err != nil {
		t.Fatal(err)
	}
	change := opaque("db", map[string]string{"a": "3"})
	change.Metadata.ResourceVersion = created.GetMetadata().GetResourceVersion()
	updated, err := v.Update(ctx, change)
	if err != nil || updated.GetMetadata().GetGeneration() != 2 || updated.GetMetadata().GetUid() != created.GetMetadata().GetUid() {
		t.Fatalf("update %v, %v", updated, err)
	}
	if data, err := v.Reveal(ctx, "", "db"); err != nil || len(data) != 1 || string(data["a"]) != "3" {
		t.Errorf("reveal %q, %v", data, err)
	}
	if _, err := v.Update(ctx, change); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "get it again") {
		t.Errorf("update of what has changed: %v", err)
	}
	change.Type, change.Metadata.ResourceVersion = "other", 0
	if _, err := v.Update(ctx, change); !fault.Is(err, fault.Precondition) {
		t.Errorf("update of the type: %v", err)
	}
	if _, err := v.Update(ctx, opaque("none", nil)); !fault.Is(err, fault.NotFound) {
		t.Errorf("update of nothing: %v", err)
	}
}

func TestLarge(t *testing.T) {
	t.Parallel()
	ctx, backend := t.Context(), store.NewMemory()
	v := newVault(t, backend, filepath.Join(t.TempDir(), "key"))
	large := strings.Repeat("x", keyed.MaxBytes)
	if _, err := v.Create(ctx, opaque("big", map[string]string{"k": large})); err != nil {
		t.Fatal(err)
	}
	if n := len(keys(t, backend)); n < 5 {
		t.Errorf("%d keys for a mebibyte", n)
	}
	var group sync.WaitGroup
	for _, text := range []string{large[1:], large[2:], "small"} { // at once: one after the other wins, whole
		group.Go(func() {
			if _, err := v.Update(ctx, opaque("big", map[string]string{"k": text})); err != nil {
				t.Error(err)
			}
		})
		group.Go(func() {
			if data, err := v.Reveal(ctx, "", "big"); err != nil || len(data["k"]) < len("small") {
				t.Errorf("reveal %d bytes, %v", len(data["k"]), err)
			}
		})
	}
	group.Wait()
	if _, err := v.Update(ctx, opaque("big", map[string]string{"k": "small"})); err != nil {
		t.Fatal(err)
	}
	if left := keys(t, backend); len(left) != 1 {
		t.Errorf("parts of earlier values are left: %v", left)
	}
}

func TestOnlyTheRightKeyOpens(t *testing.T) {
	t.Parallel()
	ctx, backend, dir := t.Context(), store.NewMemory(), t.TempDir()
	v := newVault(t, backend, filepath.Join(dir, "key"))
	for _, name := range []string{"a", "b"} {
		if _, err := v.Create(ctx, opaque(name, map[string]string{"k": value})); err != nil {
			t.Fatal(err)
		}
	}
	again := newVault(t, backend, filepath.Join(dir, "key"))
	if data, err := again.Reveal(ctx, "", "a"); err != nil || string(data["k"]) != value {
		t.Errorf("with the same key: %q, %v", data, err)
	}
	other := newVault(t, backend, filepath.Join(dir, "other"))
	if _, err := other.Reveal(ctx, "", "a"); !fault.Is(err, fault.Precondition) || !strings.Contains(err.Error(), "another key") {
		t.Errorf("with another key: %v", err)
	}
	moved, err := v.state.Secrets.Get(ctx, "default/a")
	if err != nil {
		t.Fatal(err)
	}
	victim, err := v.state.Secrets.Get(ctx, "default/b")
	if err != nil {
		t.Fatal(err)
	}
	victim.Value.DataKey, victim.Value.Sealed = moved.Value.GetDataKey(), moved.Value.GetSealed()
	if _, err := v.state.Secrets.Update(ctx, "default/b", victim.Value, victim.Revision); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Reveal(ctx, "", "b"); !fault.Is(err, fault.Precondition) {
		t.Errorf("a value that was moved to another secret: %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*gpuagentv1.Secret)
		says   string
	}{
		"right":     {func(*gpuagentv1.Secret) {}, ""},
		"name":      {func(s *gpuagentv1.Secret) { s.Metadata.Name = "A_b" }, "secret.metadata.name"},
		"no name":   {func(s *gpuagentv1.Secret) { s.Metadata = nil }, "secret.metadata.name"},
		"namespace": {func(s *gpuagentv1.Secret) { s.Metadata.Namespace = "../x" }, "secret.metadata.namespace"},
		"key":       {func(s *gpuagentv1.Secret) { s.Data["a/b"] = []byte(value) }, `key "a/b"`},
		"dots":      {func(s *gpuagentv1.Secret) { s.Data[".."] = []byte(value) }, "leaves its directory"},
		"size":      {func(s *gpuagentv1.Secret) { s.Data["k"] = make([]byte, keyed.MaxBytes+1) }, "may be 1048576"},
		"tls":       {func(s *gpuagentv1.Secret) { s.Type = "kubernetes.io/tls" }, `needs the key "tls.crt"`},
		"docker": {func(s *gpuagentv1.Secret) {
			s.Type, s.Data[DockerConfigKey] = TypeDockerConfig, []byte(value)
		}, "is not JSON"},
	} {
		s := opaque("db", map[string]string{"k": value})
		tt.change(s)
		err := Check(s)
		if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), value)) {
			t.Errorf("%s: %v; want one that says %q", name, err, tt.says)
		}
	}
}

func TestKeyrings(t *testing.T) {
	t.Parallel()
	key := base64.URLEncoding.EncodeToString(make([]byte, dataKeyBytes))
	for address, says := range map[string]string{
		"base64key://" + key:   "",
		"base64key://":         "want the URL of a key",
		"no-url":               "want the URL of a key",
		"nokms://" + value:     "knows no key service nokms://",
		"%zz://" + value:       "want the URL of a key",
		"base64key://" + value: "cannot be opened",
	} {
		keys, err := NewKeyring(address, "")
		if err == nil {
			_, err = keys.wrap(t.Context(), make([]byte, dataKeyBytes))
		}
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), value)) {
			t.Errorf("%s: %v; want one that says %q", address, err, says)
		}
	}
}

func TestLocalKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "key")
	found := make(chan [dataKeyBytes]byte, 8)
	var group sync.WaitGroup
	for range cap(found) { // agents that race make one key
		group.Go(func() {
			key, err := localKey(path)
			if err != nil {
				t.Error(err)
			}
			found <- key
		})
	}
	group.Wait()
	first := <-found
	for range cap(found) - 1 {
		if key := <-found; key != first {
			t.Error("there are two keys")
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := localKey(path); err == nil || !strings.Contains(err.Error(), "want 0600") {
		t.Errorf("a key that others can read: %v", err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "short"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := localKey(filepath.Join(filepath.Dir(path), "short")); err == nil {
		t.Error("half a key is taken")
	}
}

// FuzzOpen has nothing but what was sealed opened.
func FuzzOpen(f *testing.F) {
	keys, err := NewKeyring("base64key://"+base64.URLEncoding.EncodeToString(make([]byte, dataKeyBytes)), "")
	if err != nil {
		f.Fatal(err)
	}
	dataKey, sealed, err := seal(context.Background(), keys, "label", []byte(value))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(dataKey, sealed)
	f.Add(dataKey[1:], sealed)
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, k, s []byte) {
		if content, err := open(t.Context(), keys, "label", k, s); err == nil && string(content) != value {
			t.Errorf("opened to %q", content)
		}
		if content, err := open(t.Context(), keys, "another", k, s); err == nil {
			t.Errorf("opened under another label to %q", content)
		}
	})
}
