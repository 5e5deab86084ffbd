// Package configmap keeps config maps: values for workloads that need not be
// hidden. What must be is a secret.
//
// A config map is under its namespace and name in state.ConfigMaps, and what is too
// large for that in parts beside it. Every write is one commit that is refused
// when the config map changed meanwhile. A Shelf is safe for concurrent use, by
// many agents.
package configmap

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/keyed"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// Shelf is all config maps.
type Shelf struct{ state *state.State }

// NewShelf returns the config maps in a state.
func NewShelf(s *state.State) *Shelf { return &Shelf{state: s} }

// Create stores a new config map. What is wrong with it is fault.Invalid; a name
// that is taken fault.AlreadyExists.
func (s *Shelf) Create(ctx context.Context, c *gpuagentv1.ConfigMap) (*gpuagentv1.ConfigMap, error) {
	return s.create(ctx, c, false)
}

// TryCreate is Create, but for storing anything.
func (s *Shelf) TryCreate(ctx context.Context, c *gpuagentv1.ConfigMap) (*gpuagentv1.ConfigMap, error) {
	return s.create(ctx, c, true)
}

func (s *Shelf) create(ctx context.Context, c *gpuagentv1.ConfigMap, dry bool) (*gpuagentv1.ConfigMap, error) {
	if err := Check(c); err != nil {
		return nil, err
	}
	now, m := timestamppb.Now(), proto.CloneOf(c.GetMetadata())
	if m.GetNamespace() == "" {
		m.Namespace = state.DefaultNamespace
	}
	m.Uid, m.Generation, m.CreateTime, m.UpdateTime = uuid.NewString(), 1, now, now
	if dry {
		return s.tried(ctx, m, c)
	}
	stored, err := s.write(ctx, m, c, 0, nil)
	if fault.Is(err, fault.AlreadyExists) {
		return nil, errExists(m)
	}
	return stored, err
}

// tried is what a new config map would be.
func (s *Shelf) tried(ctx context.Context, m *metav1.ObjectMeta, c *gpuagentv1.ConfigMap) (*gpuagentv1.ConfigMap, error) {
	_, err := s.get(ctx, state.KeyOf(m))
	if err == nil {
		return nil, errExists(m)
	}
	if !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	made := proto.CloneOf(c)
	made.Metadata = m
	return made, nil
}

func errExists(m *metav1.ObjectMeta) error {
	return fault.AlreadyExistsf("config map %s exists already; update it, or delete it first", state.KeyOf(m)).WithReason("CONFIG_MAP_EXISTS")
}

// Update replaces the values, labels and annotations of a config map. It is
// fault.Conflict when the config map is no longer at the revision that c names. One that is
// to be what it is already is not stored anew.
func (s *Shelf) Update(ctx context.Context, c *gpuagentv1.ConfigMap) (*gpuagentv1.ConfigMap, error) {
	return s.update(ctx, c, false)
}

// TryUpdate is Update, but for storing anything.
func (s *Shelf) TryUpdate(ctx context.Context, c *gpuagentv1.ConfigMap) (*gpuagentv1.ConfigMap, error) {
	return s.update(ctx, c, true)
}

func (s *Shelf) update(ctx context.Context, c *gpuagentv1.ConfigMap, dry bool) (*gpuagentv1.ConfigMap, error) {
	if err := Check(c); err != nil {
		return nil, err
	}
	key := state.KeyOf(c.GetMetadata())
	for {
		old, err := s.get(ctx, key)
		if err != nil {
			return nil, err
		}
		if want := c.GetMetadata().GetResourceVersion(); want != 0 && want != old.Revision {
			return nil, fault.Conflictf("config map %s changed meanwhile: it is at resource version %d, not %d; get it again", key, old.Revision, want).
				WithReason("CONFIG_MAP_CHANGED")
		}
		had := old.Value.GetConfigMap().GetMetadata()
		now, err := s.changed(ctx, old, c)
		if fault.Is(err, fault.NotFound) { // its values went while they were being read
			continue
		}
		if err != nil || dry || now.GetMetadata().GetGeneration() == had.GetGeneration() {
			return now, err
		}
		m := now.GetMetadata()
		m.UpdateTime = timestamppb.Now()
		stored, err := s.write(ctx, m, c, old.Revision, s.state.Discard(holder(had), old.Value.GetData()))
		if fault.Is(err, fault.Conflict) || fault.Is(err, fault.AlreadyExists) { // somebody was faster: what that was decides
			continue
		}
		return stored, err
	}
}

// changed is what a config map becomes: of its next generation, unless it is what it was.
func (s *Shelf) changed(ctx context.Context, old store.Item[*gpuagentv1.ConfigMapState], c *gpuagentv1.ConfigMap) (*gpuagentv1.ConfigMap, error) {
	was, err := s.whole(ctx, old)
	if err != nil {
		return nil, err
	}
	now := &gpuagentv1.ConfigMap{
		Metadata: proto.CloneOf(was.GetMetadata()), Data: c.GetData(), BinaryData: c.GetBinaryData(), Immutable: c.GetImmutable(),
	}
	if err := checkImmutable(was, now); err != nil {
		return nil, err
	}
	m := now.GetMetadata()
	m.Labels, m.Annotations = c.GetMetadata().GetLabels(), c.GetMetadata().GetAnnotations()
	if owners := c.GetMetadata().GetManagedFields(); owners != "" {
		m.ManagedFields = owners
	}
	if !proto.Equal(now, was) {
		m.Generation++
	}
	return now, nil
}

// checkImmutable refuses to change a config map that says that it is not to be changed.
func checkImmutable(was, now *gpuagentv1.ConfigMap) error {
	if !was.GetImmutable() {
		return nil
	}
	var wrong []fault.Violation
	if !now.GetImmutable() {
		wrong = append(wrong, fault.Violation{Field: "config_map.immutable", Reason: "Forbidden: field is immutable when `immutable` is set"})
	}
	if !maps.Equal(was.GetData(), now.GetData()) {
		wrong = append(wrong, fault.Violation{Field: "config_map.data", Reason: "Forbidden: field is immutable when `immutable` is set"})
	}
	if !maps.EqualFunc(was.GetBinaryData(), now.GetBinaryData(), bytes.Equal) {
		wrong = append(wrong, fault.Violation{Field: "config_map.binary_data", Reason: "Forbidden: field is immutable when `immutable` is set"})
	}
	if len(wrong) > 0 {
		return fault.InvalidAll(wrong)
	}
	return nil
}

// Get returns a config map.
func (s *Shelf) Get(ctx context.Context, namespace, name string) (*gpuagentv1.ConfigMap, error) {
	for {
		item, err := s.get(ctx, state.Key(namespace, name))
		if err != nil {
			return nil, err
		}
		c, err := s.whole(ctx, item)
		if !fault.Is(err, fault.NotFound) { // it was changed or deleted while it was being read
			return c, err
		}
	}
}

// List returns the config maps of a namespace, or of all when it is empty.
func (s *Shelf) List(ctx context.Context, namespace string) ([]*gpuagentv1.ConfigMap, error) {
	items, _, err := s.state.ConfigMaps.List(ctx, state.NamespacePrefix(namespace))
	if err != nil {
		return nil, err
	}
	var all []*gpuagentv1.ConfigMap
	for _, item := range items {
		c, err := s.whole(ctx, item)
		if fault.Is(err, fault.NotFound) { // changed since: as it is now, unless it is gone
			m := item.Value.GetConfigMap().GetMetadata()
			if c, err = s.Get(ctx, m.GetNamespace(), m.GetName()); fault.Is(err, fault.NotFound) {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// Delete forgets a config map.
func (s *Shelf) Delete(ctx context.Context, namespace, name string) error {
	for {
		item, err := s.get(ctx, state.Key(namespace, name))
		if err != nil {
			return err
		}
		ops := s.state.Discard(holder(item.Value.GetConfigMap().GetMetadata()), item.Value.GetData())
		ops = append(ops, s.state.ConfigMaps.DeleteOp(item.Key, item.Revision))
		if _, err = s.state.Backend.Commit(ctx, ops...); !fault.Is(err, fault.Conflict) {
			return err
		}
	}
}

// Values returns all values of a config map, binary ones too.
func (s *Shelf) Values(ctx context.Context, namespace, name string) (map[string][]byte, error) {
	c, err := s.Get(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	values := maps.Clone(c.GetBinaryData())
	if values == nil {
		values = map[string][]byte{}
	}
	for key, value := range c.GetData() {
		values[key] = []byte(value)
	}
	return values, nil
}

// Check says everything that is wrong with a config map that is to be stored.
func Check(c *gpuagentv1.ConfigMap) error {
	wrong := keyed.CheckName("config_map.metadata.name", c.GetMetadata().GetName())
	wrong = append(wrong, state.CheckNamespace("config_map.metadata.namespace", c.GetMetadata().GetNamespace())...)
	total := int64(0)
	for _, key := range slices.Sorted(maps.Keys(c.GetData())) {
		wrong = append(wrong, keyed.CheckKey("config_map.data", key)...)
		total += int64(len(c.GetData()[key]))
	}
	for _, key := range slices.Sorted(maps.Keys(c.GetBinaryData())) {
		wrong = append(wrong, keyed.CheckKey("config_map.binary_data", key)...)
		total += int64(len(c.GetBinaryData()[key]))
		if _, twice := c.GetData()[key]; twice {
			wrong = append(wrong, fault.Violation{Field: "config_map.binary_data", Reason: fmt.Sprintf("key %q is in data too: want it in one of them", key)})
		}
	}
	wrong = append(wrong, keyed.CheckSize("config_map.data", total)...)
	if len(wrong) > 0 {
		return fault.InvalidAll(wrong)
	}
	return nil
}

// write stores the values of c under m, in one commit with more.
func (s *Shelf) write(ctx context.Context, m *metav1.ObjectMeta, c *gpuagentv1.ConfigMap, expect int64, more []store.Op) (*gpuagentv1.ConfigMap, error) {
	m.ResourceVersion = 0
	content, err := proto.Marshal(&gpuagentv1.ConfigMap{Data: c.GetData(), BinaryData: c.GetBinaryData()})
	if err != nil {
		return nil, fault.Internalf(err, "config map %s cannot be encoded", state.KeyOf(m))
	}
	parcel, ops := s.state.Pack(holder(m), content)
	stored := &gpuagentv1.ConfigMapState{ConfigMap: &gpuagentv1.ConfigMap{Metadata: m, Immutable: c.GetImmutable()}, Data: parcel}
	ops = append(append(ops, more...), s.state.ConfigMaps.UpdateOp(state.KeyOf(m), stored, expect))
	revision, err := s.state.Backend.Commit(ctx, ops...)
	if err != nil {
		return nil, err
	}
	m.ResourceVersion = revision
	return &gpuagentv1.ConfigMap{Metadata: m, Data: c.GetData(), BinaryData: c.GetBinaryData(), Immutable: c.GetImmutable()}, nil
}

func (s *Shelf) get(ctx context.Context, key string) (store.Item[*gpuagentv1.ConfigMapState], error) {
	item, err := s.state.ConfigMaps.Get(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return item, fault.NotFoundf("there is no config map %s", key).WithReason("CONFIG_MAP_NOT_FOUND")
	}
	return item, err
}

// whole is a stored config map with its values; fault.NotFound when they are gone.
func (s *Shelf) whole(ctx context.Context, item store.Item[*gpuagentv1.ConfigMapState]) (*gpuagentv1.ConfigMap, error) {
	m := item.Value.GetConfigMap().GetMetadata()
	content, err := s.state.Unpack(ctx, holder(m), item.Value.GetData())
	if err != nil {
		return nil, err
	}
	c := &gpuagentv1.ConfigMap{}
	if err := proto.Unmarshal(content, c); err != nil {
		return nil, fault.Internalf(err, "stored config map %s cannot be read", item.Key)
	}
	c.Metadata, c.Immutable = m, item.Value.GetConfigMap().GetImmutable()
	c.Metadata.ResourceVersion = item.Revision
	return c, nil
}

func holder(m *metav1.ObjectMeta) state.Holder {
	return state.Holder{UID: m.GetUid(), Generation: m.GetGeneration()}
}
