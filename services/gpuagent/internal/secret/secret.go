// Package secret keeps secrets: their names and sizes for everyone, their values
// for the replicas that name them.
//
// Values are sealed before they are stored, each secret under a key of its own,
// which is encrypted with the one key of a Keyring: in a file, or at a key
// service. Only Reveal opens them. No error and no sentence of this package
// holds a value.
//
// A secret is under its namespace and name in state.Secrets, and what is too large
// for that in parts beside it. Every write is one commit that is refused when the
// secret changed meanwhile, so there is the whole of an old secret or of a new
// one. A Vault is safe for concurrent use, by many agents.
package secret

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// Vault is all secrets.
type Vault struct {
	state *state.State
	keys  *Keyring
}

// NewVault returns the secrets in a state, sealed with the key of a keyring.
func NewVault(s *state.State, keys *Keyring) *Vault { return &Vault{state: s, keys: keys} }

// Create stores a new secret and returns it without its values. What is wrong with
// it is fault.Invalid; a name that is taken fault.AlreadyExists.
func (v *Vault) Create(ctx context.Context, s *gpuagentv1.Secret) (*gpuagentv1.Secret, error) {
	return v.create(ctx, s, false)
}

// TryCreate is Create, but for storing anything.
func (v *Vault) TryCreate(ctx context.Context, s *gpuagentv1.Secret) (*gpuagentv1.Secret, error) {
	return v.create(ctx, s, true)
}

func (v *Vault) create(ctx context.Context, s *gpuagentv1.Secret, dry bool) (*gpuagentv1.Secret, error) {
	if err := Check(s); err != nil {
		return nil, err
	}
	if len(s.GetKeep()) > 0 {
		return nil, fault.Invalidf("secret.keep", "%q has no value to be kept: the secret is new", s.GetKeep()[0])
	}
	now, m := timestamppb.Now(), proto.CloneOf(s.GetMetadata())
	if m.GetNamespace() == "" {
		m.Namespace = state.DefaultNamespace
	}
	m.Uid, m.Generation, m.CreateTime, m.UpdateTime = uuid.NewString(), 1, now, now
	if dry {
		return v.tried(ctx, m, s)
	}
	revision, err := v.write(ctx, m, s, 0, nil)
	if fault.Is(err, fault.AlreadyExists) {
		return nil, errExists(m)
	}
	if err != nil {
		return nil, err
	}
	return v.shown(m, s, revision), nil
}

// tried is what a new secret would be.
func (v *Vault) tried(ctx context.Context, m *metav1.ObjectMeta, s *gpuagentv1.Secret) (*gpuagentv1.Secret, error) {
	_, err := v.get(ctx, m.GetNamespace(), m.GetName())
	if err == nil {
		return nil, errExists(m)
	}
	if !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	return v.shown(m, s, 0), nil
}

func errExists(m *metav1.ObjectMeta) error {
	return fault.AlreadyExistsf("secret %s exists already; update it, or delete it first", state.KeyOf(m)).WithReason("SECRET_EXISTS")
}

// Update replaces the values, labels and annotations of a secret, but for the values it says
// to keep. It is fault.Conflict when the secret is no longer at the revision that s names.
// One that is to be what it is already is not stored anew.
func (v *Vault) Update(ctx context.Context, s *gpuagentv1.Secret) (*gpuagentv1.Secret, error) {
	return v.update(ctx, s, false)
}

// TryUpdate is Update, but for storing anything.
func (v *Vault) TryUpdate(ctx context.Context, s *gpuagentv1.Secret) (*gpuagentv1.Secret, error) {
	return v.update(ctx, s, true)
}

func (v *Vault) update(ctx context.Context, s *gpuagentv1.Secret, dry bool) (*gpuagentv1.Secret, error) {
	if len(s.GetKeep()) == 0 { // otherwise it is not yet known what it will hold
		if err := Check(s); err != nil {
			return nil, err
		}
	}
	for {
		old, err := v.get(ctx, s.GetMetadata().GetNamespace(), s.GetMetadata().GetName())
		if err != nil {
			return nil, err
		}
		if err := checkUpdate(old, s); err != nil {
			return nil, err
		}
		now, same, err := v.changed(ctx, old, s)
		if fault.Is(err, fault.NotFound) { // its values went while they were being read
			continue
		}
		if err != nil {
			return nil, err
		}
		m := now.GetMetadata()
		if !same {
			m.Generation++
			m.UpdateTime = timestamppb.Now()
		}
		if dry || same {
			return v.shown(m, now, old.Revision), nil
		}
		discard := v.state.Discard(holder(old.Value.GetSecret().GetMetadata()), old.Value.GetSealed())
		revision, err := v.write(ctx, m, now, old.Revision, discard)
		if fault.Is(err, fault.Conflict) || fault.Is(err, fault.AlreadyExists) { // somebody was faster: what that was decides
			continue
		}
		if err != nil {
			return nil, err
		}
		return v.shown(m, now, revision), nil
	}
}

// checkUpdate refuses what would change more than may be changed, or something
// else than the caller has seen.
func checkUpdate(old store.Item[*gpuagentv1.SecretState], s *gpuagentv1.Secret) error {
	key, had := state.KeyOf(s.GetMetadata()), old.Value.GetSecret()
	if want := s.GetMetadata().GetResourceVersion(); want != 0 && want != old.Revision {
		return fault.Conflictf("secret %s changed meanwhile: it is at resource version %d, not %d; get it again", key, old.Revision, want).
			WithReason("SECRET_CHANGED")
	}
	if had.GetType() != typeOf(s) {
		return fault.Preconditionf("secret %s is of type %q, which does not change; delete it to make it %q", key, had.GetType(), typeOf(s)).
			WithReason("SECRET_TYPE")
	}
	return nil
}

// Get returns a secret without its values.
func (v *Vault) Get(ctx context.Context, namespace, name string) (*gpuagentv1.Secret, error) {
	item, err := v.get(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	return stamped(item), nil
}

// List returns the secrets of a namespace, or of all when it is empty, without
// their values.
func (v *Vault) List(ctx context.Context, namespace string) ([]*gpuagentv1.Secret, error) {
	items, _, err := v.state.Secrets.List(ctx, state.NamespacePrefix(namespace))
	if err != nil {
		return nil, err
	}
	all := make([]*gpuagentv1.Secret, len(items))
	for i, item := range items {
		all[i] = stamped(item)
	}
	return all, nil
}

// Delete forgets a secret.
func (v *Vault) Delete(ctx context.Context, namespace, name string) error {
	for {
		item, err := v.get(ctx, namespace, name)
		if err != nil {
			return err
		}
		ops := v.state.Discard(holder(item.Value.GetSecret().GetMetadata()), item.Value.GetSealed())
		ops = append(ops, v.state.Secrets.DeleteOp(item.Key, item.Revision))
		if _, err = v.state.Backend.Commit(ctx, ops...); !fault.Is(err, fault.Conflict) {
			return err
		}
	}
}

// Reveal returns the values of a secret, for a replica that is about to start.
func (v *Vault) Reveal(ctx context.Context, namespace, name string) (map[string][]byte, error) {
	for {
		item, err := v.get(ctx, namespace, name)
		if err != nil {
			return nil, err
		}
		values, err := v.values(ctx, item)
		if fault.Is(err, fault.NotFound) { // it was changed or deleted while it was being read
			continue
		}
		return values, err
	}
}

// values are those of a stored secret; fault.NotFound when they are gone.
func (v *Vault) values(ctx context.Context, item store.Item[*gpuagentv1.SecretState]) (map[string][]byte, error) {
	m := item.Value.GetSecret().GetMetadata()
	sealed, err := v.state.Unpack(ctx, holder(m), item.Value.GetSealed())
	if err != nil {
		return nil, err
	}
	return v.unseal(ctx, m, item.Value.GetDataKey(), sealed)
}

func (v *Vault) unseal(ctx context.Context, m *metav1.ObjectMeta, dataKey, sealed []byte) (map[string][]byte, error) {
	content, err := open(ctx, v.keys, label(m), dataKey, sealed)
	if err != nil {
		return nil, err
	}
	data := &gpuagentv1.SecretData{}
	if err := proto.Unmarshal(content, data); err != nil {
		return nil, fault.Internalf(nil, "the values of secret %s are damaged", state.KeyOf(m)) // the cause might hold some
	}
	return data.GetValues(), nil
}

// write seals the values of s and stores them under m, in one commit with more.
func (v *Vault) write(ctx context.Context, m *metav1.ObjectMeta, s *gpuagentv1.Secret, expect int64, more []store.Op) (int64, error) {
	content, err := proto.Marshal(&gpuagentv1.SecretData{Values: s.GetData()})
	if err != nil {
		return 0, fault.Internalf(nil, "the values of secret %s cannot be encoded", state.KeyOf(m))
	}
	dataKey, sealed, err := seal(ctx, v.keys, label(m), content)
	if err != nil {
		return 0, err
	}
	parcel, ops := v.state.Pack(holder(m), sealed)
	stored := &gpuagentv1.SecretState{Secret: v.shown(m, s, 0), DataKey: dataKey, Sealed: parcel}
	ops = append(append(ops, more...), v.state.Secrets.UpdateOp(state.KeyOf(m), stored, expect))
	return v.state.Backend.Commit(ctx, ops...)
}

func (v *Vault) get(ctx context.Context, namespace, name string) (store.Item[*gpuagentv1.SecretState], error) {
	item, err := v.state.Secrets.Get(ctx, state.Key(namespace, name))
	if fault.Is(err, fault.NotFound) {
		return item, fault.NotFoundf("there is no secret %s", state.Key(namespace, name)).WithReason("SECRET_NOT_FOUND")
	}
	return item, err
}

// shown is what everybody may see of a secret: its metadata, type and sizes.
func (v *Vault) shown(m *metav1.ObjectMeta, s *gpuagentv1.Secret, revision int64) *gpuagentv1.Secret {
	sizes := make(map[string]int64, len(s.GetData()))
	for key, value := range s.GetData() {
		sizes[key] = int64(len(value))
	}
	m = proto.CloneOf(m)
	m.ResourceVersion = revision
	return &gpuagentv1.Secret{Metadata: m, Type: typeOf(s), Sizes: sizes, Immutable: s.GetImmutable()}
}

func stamped(item store.Item[*gpuagentv1.SecretState]) *gpuagentv1.Secret {
	s := item.Value.GetSecret()
	s.Metadata.ResourceVersion = item.Revision
	return s
}

func holder(m *metav1.ObjectMeta) state.Holder {
	return state.Holder{UID: m.GetUid(), Generation: m.GetGeneration()}
}

// label is what the values of a secret are sealed under.
func label(m *metav1.ObjectMeta) string { return state.KeyOf(m) + "/" + m.GetUid() }
