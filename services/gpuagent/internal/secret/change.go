package secret

import (
	"bytes"
	"context"
	"maps"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// changed is what a stored secret becomes, with all its values, and whether that is what it
// is already.
func (v *Vault) changed(
	ctx context.Context, old store.Item[*gpuagentv1.SecretState], s *gpuagentv1.Secret,
) (now *gpuagentv1.Secret, same bool, err error) {
	was := old.Value.GetSecret()
	now = &gpuagentv1.Secret{
		Metadata: proto.CloneOf(was.GetMetadata()), Type: s.GetType(), Data: maps.Clone(s.GetData()), Immutable: s.GetImmutable(),
	}
	m := now.GetMetadata()
	m.Labels, m.Annotations = s.GetMetadata().GetLabels(), s.GetMetadata().GetAnnotations()
	if owners := s.GetMetadata().GetManagedFields(); owners != "" {
		m.ManagedFields = owners
	}
	had, err := v.values(ctx, old)
	if fault.Is(err, fault.Precondition) && len(s.GetKeep()) == 0 && !was.GetImmutable() {
		return now, false, nil // what nobody can read any more is replaced
	}
	if err != nil {
		return nil, false, err
	}
	if err := keep(now, had, s.GetKeep()); err != nil {
		return nil, false, err
	}
	alike := maps.EqualFunc(now.GetData(), had, bytes.Equal)
	if was.GetImmutable() && !(now.GetImmutable() && alike) {
		return nil, false, fault.Invalidf("secret.data", "Forbidden: field is immutable when `immutable` is set")
	}
	return now, alike && now.GetImmutable() == was.GetImmutable() && proto.Equal(m, was.GetMetadata()), nil
}

// keep takes over the values of keys, and checks the secret that this makes.
func keep(now *gpuagentv1.Secret, had map[string][]byte, keys []string) error {
	for _, key := range keys {
		value, ok := had[key]
		if !ok {
			return fault.Invalidf("secret.keep", "key %q has no value to be kept: give it one", key)
		}
		if now.Data == nil {
			now.Data = map[string][]byte{}
		}
		now.Data[key] = value
	}
	return Check(now)
}
