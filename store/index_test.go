package store

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

var epoch = time.Unix(1_800_000_000, 0)

func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

func nobodyLapsed(string) bool { return false }

func TestIndexPicks(t *testing.T) {
	x := newIndex(func(owner string) bool { return owner == "gone" })
	x.set(entry{id: "third", seq: 1, state: ready, at: at(3)}, true)
	x.set(entry{id: "first", seq: 2, state: ready, at: at(1)}, true)
	x.set(entry{id: "tie", seq: 3, state: ready, at: at(1)}, true)
	x.set(entry{id: "later", seq: 4, state: later, at: at(20)}, true)
	x.set(entry{id: "due", seq: 5, state: later, at: at(2)}, true)
	x.set(entry{id: "held", seq: 6, state: claimed, at: at(0), owner: "alive"}, true)
	x.set(entry{id: "lapsed", seq: 7, state: claimed, at: at(9), owner: "gone"}, true)
	x.set(entry{id: "done", seq: 8, state: done, at: at(0)}, true)
	x.set(entry{id: "dead", seq: 9, state: dead, at: at(0)}, true)
	for _, want := range []coach.NoteID{"lapsed", "first", "tie", "due", "third"} {
		e, ok, _, _ := x.pick(at(10))
		if !ok || e.id != want {
			t.Fatalf("picked %q, %v; want %q", e.id, ok, want)
		}
	}
	_, ok, wait, changed := x.pick(at(10))
	if ok || wait != 10*time.Second {
		t.Errorf("picked %v, wait %s; want 10s", ok, wait)
	}
	select {
	case <-changed:
		t.Error("a change was announced")
	default:
	}
	x.free("first")
	<-changed
	if e, ok, _, _ := x.pick(at(10)); !ok || e.id != "first" {
		t.Errorf("picked %q after it was freed", e.id)
	}
	if got, want := x.depths(), (Depth{Ready: 3, Later: 2, Claimed: 2, Dead: 1}); got != want {
		t.Errorf("depth %+v, want %+v", got, want)
	}
}

func TestIndexIgnoresWhatIsOld(t *testing.T) {
	t.Run("a slow reader doesn't bring a finished note back", func(t *testing.T) {
		x := newIndex(nobodyLapsed)
		x.set(entry{id: "a", seq: 1, state: ready}, true)
		x.set(entry{id: "a", seq: 2, state: claimed, owner: "other"}, true)
		x.set(entry{id: "a", seq: 3, state: done}, true)
		x.set(entry{id: "a", seq: 2, state: claimed, owner: "other"}, false)
		if _, known := x.get("a"); known {
			t.Error("the note is back")
		}
	})
	t.Run("nor does a watch that is behind", func(t *testing.T) {
		x := newIndex(nobodyLapsed)
		x.set(entry{id: "a", seq: 1, state: ready}, false)
		x.set(entry{id: "a", seq: 2, state: claimed}, false)
		x.set(entry{id: "a", seq: 3, state: done}, false)
		x.set(entry{id: "a", seq: 1, state: ready}, true)
		x.set(entry{id: "a", seq: 2, state: claimed}, true)
		if e, _ := x.get("a"); e.state != done {
			t.Errorf("state %s", e.state)
		}
		x.set(entry{id: "a", seq: 3, state: done}, true)
		if len(x.entries) != 0 || x.depths() != (Depth{}) {
			t.Errorf("%d entries are kept, depth %+v", len(x.entries), x.depths())
		}
	})
}

// TestIndexConverges delivers random histories of notes by a watch, in order,
// and by local writes and readers, in any order: in the end the index is what
// the histories' last entries say.
func TestIndexConverges(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		var history []entry
		last := map[coach.NoteID]entry{}
		for seq := uint64(1); seq <= 60; seq++ {
			id := coach.NoteID('a' + rune(r.IntN(6)))
			if last[id].state == done {
				continue
			}
			e := entry{id: id, seq: seq, state: []state{ready, later, claimed, claimed, dead, done}[r.IntN(6)], at: at(r.IntN(5))}
			last[id] = e
			history = append(history, e)
		}
		x := newIndex(nobodyLapsed)
		for watched := 0; watched < len(history); {
			if r.IntN(3) == 0 {
				x.set(history[r.IntN(len(history))], false)
				continue
			}
			x.set(history[watched], true)
			watched++
		}
		for range 10 {
			x.set(history[r.IntN(len(history))], false)
		}
		var want Depth
		for id, e := range last {
			got, known := x.get(id)
			if e.state == done {
				if known {
					t.Fatalf("seed %d: %s is kept as %+v", seed, id, got)
				}
				continue
			}
			if got.seq != e.seq || got.state != e.state {
				t.Fatalf("seed %d: %s is %+v, want %+v", seed, id, got, e)
			}
			switch e.state {
			case ready:
				want.Ready++
			case later:
				want.Later++
			case claimed:
				want.Claimed++
			case dead:
				want.Dead++
			}
		}
		if got := x.depths(); got != want {
			t.Fatalf("seed %d: depth %+v, want %+v", seed, got, want)
		}
		picks := 0
		for {
			_, ok, _, _ := x.pick(at(100))
			if !ok {
				break
			}
			picks++
		}
		if picks != want.Ready+want.Later {
			t.Fatalf("seed %d: %d picks, want %d", seed, picks, want.Ready+want.Later)
		}
	}
}

func TestPeersJudge(t *testing.T) {
	const lease = 4 * time.Second
	p := &peers{self: "me", lease: lease, heard: map[string]time.Time{}, own: at(0), since: at(0)}
	check := func(what, owner string, now int, want bool) {
		t.Helper()
		if got := p.lapsedAt(owner, at(now)); got != want {
			t.Errorf("%s: lapsed %v, want %v", what, got, want)
		}
	}
	check("the own claims", "me", 0, true)
	check("an unknown owner at first", "other", 0, false)
	for s := 0; s <= 5; s++ {
		p.hear("me", at(s))
	}
	check("an owner never heard in a lease", "other", 5, true)
	p.hear("other", at(5))
	check("an owner just heard", "other", 5, false)
	p.hear("me", at(6))
	p.hear("me", at(8))
	check("an owner heard within the lease", "other", 9, false)
	check("an owner silent for a lease", "other", 10, true)
	check("anyone while deaf", "other", 30, false)
	p.hear("me", at(30))
	check("anyone right after", "other", 30, false)
	p.hear("me", at(32))
	p.hear("me", at(34))
	check("an owner silent for a lease since", "other", 35, true)
	p.hear("other", at(35))
	p.hear("-other", at(35))
	check("an owner who said goodbye", "other", 35, true)
}
