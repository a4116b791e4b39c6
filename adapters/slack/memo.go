package slack

import (
	"sync"
	"time"
)

// memo remembers values for a while. Safe for concurrent use.
type memo[V any] struct {
	life time.Duration

	mu     sync.Mutex
	values map[string]memoed[V]
	swept  time.Time
}

type memoed[V any] struct {
	value V
	until time.Time
}

func newMemo[V any](life time.Duration) *memo[V] {
	return &memo[V]{life: life, values: map[string]memoed[V]{}}
}

func (m *memo[V]) get(key string) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.values[key]
	return v.value, ok && time.Now().Before(v.until)
}

// put remembers a value, and drops what is over once in a life, so that the
// memory is that of two lives at most.
func (m *memo[V]) put(key string, value V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if now.Sub(m.swept) > m.life {
		m.swept = now
		for k, v := range m.values {
			if !now.Before(v.until) {
				delete(m.values, k)
			}
		}
	}
	m.values[key] = memoed[V]{value, now.Add(m.life)}
}
