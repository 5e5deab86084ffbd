package tracking

import "sync"

// A Store remembers numbers that it looked up, because the calls that log look
// them up each time. What is remembered never changes and is never removed, so it
// holds whatever other replicas do; and it is learned from transactions that were
// committed.
const (
	rememberedRuns   = 4096
	rememberedSeries = 8192
)

// memory maps keys to values and forgets what was not used for long. It is safe
// for concurrent use.
type memory[K comparable, V any] struct {
	most int // entries

	mu     sync.Mutex
	recent map[K]V // guarded by mu; what was used since it was empty
	before map[K]V // guarded by mu; what was used before that
}

func newMemory[K comparable, V any](most int) *memory[K, V] {
	return &memory[K, V]{most: most, recent: map[K]V{}}
}

// get returns what is remembered of a key.
func (m *memory[K, V]) get(key K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if value, ok := m.recent[key]; ok {
		return value, true
	}
	value, ok := m.before[key]
	if ok {
		m.set(key, value)
	}
	return value, ok
}

// put remembers a value.
func (m *memory[K, V]) put(key K, value V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set(key, value)
}

// set is put with mu held.
func (m *memory[K, V]) set(key K, value V) {
	if len(m.recent) >= m.most/2 {
		m.before, m.recent = m.recent, make(map[K]V, m.most/2)
	}
	m.recent[key] = value
}
