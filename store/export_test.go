package store

import (
	"context"
	"fmt"
	"strings"
)

// Abandon ends the store as a killed process would: nobody hears a goodbye.
func (s *Store) Abandon() {
	s.conn.Close()
	_ = s.Close()
}

// Picture says what the index holds, for tests that wait in vain.
func (s *Store) Picture() string {
	s.index.mu.Lock()
	defer s.index.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "owner %s, busy %v, claims %d\n", s.owner, s.index.busy, len(s.claims))
	for _, e := range s.index.entries {
		if e.state != done && e.state != dead {
			fmt.Fprintf(&b, "%s: %s at message %d, owner %s, lapsed %v\n", e.id, e.state, e.seq, e.owner, s.index.lapsed(e.owner))
			m, err := s.last(context.Background(), e.id)
			fmt.Fprintf(&b, "   in truth: %+v, %v\n", m, err)
		}
	}
	return b.String()
}
