package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// Memory is a coach.Queue, coach.AudioHold and coach.History that forgets all
// when the process ends. It passes the same suites as the real store, starts no
// goroutine that outlives its calls' contexts, and so works in a synctest
// bubble. The zero value is ready.
type Memory struct {
	mu      sync.Mutex
	changed chan struct{}
	notes   map[coach.NoteID]*kept
	arrived int
	claims  map[*coach.Task]*kept
	audio   map[coach.NoteID][]byte
	lessons map[coach.LearnerID][]coach.Lesson

	// Fail, where set, is asked before every operation ("accept", "claim",
	// "save", ...), which fails with the error that it returns.
	Fail func(op string) error
}

// kept is a note's durable state.
type kept struct {
	task    []byte // JSON; nothing is shared with callers
	due     time.Time
	order   int
	claimed *coach.Task
	ended   string // "finished" or "buried"
}

func (m *Memory) fail(op string) error {
	if m.Fail == nil {
		return nil
	}
	if err := m.Fail(op); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// announce wakes all waiting claims. m.mu is held.
func (m *Memory) announce() {
	if m.changed != nil {
		close(m.changed)
	}
	m.changed = make(chan struct{})
}

var ids = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// Accept is coach.Inbox's.
func (m *Memory) Accept(_ context.Context, note coach.VoiceNote) error {
	if err := m.fail("accept"); err != nil {
		return err
	}
	if !ids.MatchString(string(note.ID)) {
		return fmt.Errorf("accept: bad note ID")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.notes[note.ID]; known {
		return nil
	}
	if m.notes == nil {
		m.notes = map[coach.NoteID]*kept{}
		m.claims = map[*coach.Task]*kept{}
	}
	m.arrived++
	m.notes[note.ID] = &kept{task: pack(&coach.Task{Note: note}), due: time.Now(), order: m.arrived}
	m.announce()
	return nil
}

// Claim is coach.Queue's.
func (m *Memory) Claim(ctx context.Context) (*coach.Task, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := m.fail("claim"); err != nil {
			return nil, err
		}
		m.mu.Lock()
		if m.changed == nil {
			m.announce()
		}
		k, wait := m.first(time.Now())
		if k != nil {
			t := unpack(k.task)
			t.Attempt++
			k.task, k.claimed = pack(t), t
			m.claims[t] = k
			m.mu.Unlock()
			context.AfterFunc(ctx, func() { m.giveBack(t) })
			return t, nil
		}
		changed := m.changed
		m.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// first returns the note to claim, or how long until one is due.
func (m *Memory) first(now time.Time) (*kept, time.Duration) {
	var best *kept
	wait := time.Hour
	for _, k := range m.notes {
		if k.claimed != nil || k.ended != "" {
			continue
		}
		if d := k.due.Sub(now); d > 0 {
			wait = min(wait, d)
			continue
		}
		if best == nil || k.due.Before(best.due) || k.due.Equal(best.due) && k.order < best.order {
			best = k
		}
	}
	return best, wait
}

func (m *Memory) giveBack(t *coach.Task) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.claims[t]
	if k == nil {
		return
	}
	saved := unpack(k.task)
	saved.Attempt--
	k.task = pack(saved)
	m.end(t, k)
}

// end ends a claim. m.mu is held.
func (m *Memory) end(t *coach.Task, k *kept) {
	k.claimed = nil
	delete(m.claims, t)
	m.announce()
}

// Crash lets all claims lapse, as if the process that made them had been
// killed.
func (m *Memory) Crash() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for t, k := range m.claims {
		m.end(t, k)
	}
}

// move changes a claimed note.
func (m *Memory) move(op string, t *coach.Task, to func(k *kept) (over bool)) error {
	if err := m.fail(op); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.claims[t]
	if k == nil {
		return fmt.Errorf("%s: %w", op, coach.ErrLost)
	}
	if to(k) {
		m.end(t, k)
	}
	return nil
}

// Save is coach.Queue's.
func (m *Memory) Save(_ context.Context, t *coach.Task) error {
	return m.move("save", t, func(k *kept) bool {
		k.task = pack(t)
		return false
	})
}

// Finish is coach.Queue's.
func (m *Memory) Finish(_ context.Context, t *coach.Task) error {
	return m.move("finish", t, func(k *kept) bool {
		k.task, k.ended = pack(t), "finished"
		return true
	})
}

// Retry is coach.Queue's.
func (m *Memory) Retry(_ context.Context, t *coach.Task, after time.Duration, count bool) error {
	return m.move("retry", t, func(k *kept) bool {
		again := *t
		if !count {
			again.Attempt--
		}
		k.task = pack(&again)
		if after > 0 {
			k.due = time.Now().Add(after)
		}
		return true
	})
}

// Bury is coach.Queue's.
func (m *Memory) Bury(_ context.Context, t *coach.Task) error {
	return m.move("bury", t, func(k *kept) bool {
		k.task, k.ended = pack(t), "buried"
		return true
	})
}

// Wake is coach.Queue's.
func (m *Memory) Wake(_ context.Context, id coach.NoteID) error {
	if err := m.fail("wake"); err != nil {
		return err
	}
	if !ids.MatchString(string(id)) {
		return fmt.Errorf("wake: bad note ID")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.notes[id]
	if now := time.Now(); k != nil && k.claimed == nil && k.ended == "" && k.due.After(now) {
		k.due = now
		m.announce()
	}
	return nil
}

// Finished returns the finished tasks, Buried the dead letters, Waiting all
// others, each in the order of arrival.
func (m *Memory) Finished() []*coach.Task { return m.in("finished") }

// Buried returns the dead letters.
func (m *Memory) Buried() []*coach.Task { return m.in("buried") }

// Waiting returns the unfinished tasks as last saved.
func (m *Memory) Waiting() []*coach.Task { return m.in("") }

func (m *Memory) in(ended string) []*coach.Task {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []*kept
	for _, k := range m.notes {
		if k.ended == ended {
			all = append(all, k)
		}
	}
	slices.SortFunc(all, func(a, b *kept) int { return a.order - b.order })
	tasks := make([]*coach.Task, len(all))
	for i, k := range all {
		tasks[i] = unpack(k.task)
	}
	return tasks
}

// Hold is coach.AudioHold's.
func (m *Memory) Hold(ctx context.Context, id coach.NoteID, r io.Reader) error {
	if err := m.fail("hold"); err != nil {
		return err
	}
	b, err := io.ReadAll(r)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("hold: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.audio == nil {
		m.audio = map[coach.NoteID][]byte{}
	}
	m.audio[id] = b
	return nil
}

// Held is coach.AudioHold's.
func (m *Memory) Held(_ context.Context, id coach.NoteID) (io.ReadCloser, error) {
	if err := m.fail("held"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.audio[id]
	if !ok {
		return nil, coach.ErrNotHeld
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// Release is coach.AudioHold's.
func (m *Memory) Release(_ context.Context, id coach.NoteID) error {
	if err := m.fail("release"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.audio, id)
	return nil
}

// Remember is coach.History's; 50 lessons are kept.
func (m *Memory) Remember(_ context.Context, learner coach.LearnerID, l coach.Lesson) error {
	if err := m.fail("remember"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lessons == nil {
		m.lessons = map[coach.LearnerID][]coach.Lesson{}
	}
	all := slices.DeleteFunc(m.lessons[learner], func(o coach.Lesson) bool { return o.Note == l.Note })
	all = append(all, l)
	m.lessons[learner] = all[max(0, len(all)-50):]
	return nil
}

// Earlier is coach.History's.
func (m *Memory) Earlier(_ context.Context, learner coach.LearnerID, n int) ([]coach.Lesson, error) {
	if err := m.fail("earlier"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.Clone(m.lessons[learner])
	slices.Reverse(all)
	slices.SortStableFunc(all, func(a, b coach.Lesson) int { return b.At.Compare(a.At) })
	if n >= 0 && len(all) > n {
		all = all[:n]
	}
	return all, nil
}

// Forget is coach.History's.
func (m *Memory) Forget(_ context.Context, learner coach.LearnerID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.lessons, learner)
	return nil
}

// Trim is coach.History's.
func (m *Memory) Trim(_ context.Context, learner coach.LearnerID, before time.Time) error {
	if err := m.fail("trim"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if all, ok := m.lessons[learner]; ok {
		m.lessons[learner] = slices.DeleteFunc(all, func(l coach.Lesson) bool { return l.At.Before(before) })
	}
	return nil
}

func pack(t *coach.Task) []byte {
	b, err := json.Marshal(t)
	if err != nil {
		panic(err) // a Task always marshals
	}
	return b
}

func unpack(b []byte) *coach.Task {
	var t coach.Task
	if err := json.Unmarshal(b, &t); err != nil {
		panic(err)
	}
	return &t
}
