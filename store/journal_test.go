package store

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
)

func journalOf(t testing.TB, records ...record) []byte {
	t.Helper()
	var all []byte
	for _, r := range records {
		b, err := encodeRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, records, err := openJournal(path)
	if err != nil || len(records) != 0 {
		t.Fatal(records, err)
	}
	add := func(r record) {
		t.Helper()
		if err := j.add(r); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now().UTC().Truncate(0)
	a := record{ID: "a", Seq: 1, State: ready, At: now, Task: []byte("task a")}
	b := record{ID: "b", Seq: 4, State: done, At: now, Ends: now.Add(time.Hour)}
	add(a)
	add(record{ID: "b", Seq: 2, State: ready, At: now, Task: bytes.Repeat([]byte("x"), 10_000)})
	add(b)
	add(record{ID: "c", Seq: 3, State: dead, At: now, Ends: now.Add(-time.Hour)})
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.tidy(); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if after.Size() > 1000 || before.Size() < 10_000 || after.Mode().Perm() != 0o600 {
		t.Errorf("%d bytes before, %d after, mode %v", before.Size(), after.Size(), after.Mode())
	}
	a.Seq, a.State = 9, later
	add(a)
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	j, records, err = openJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[coach.NoteID]record{"a": a, "b": b}, records); d != "" {
		t.Errorf("records (-want +got):\n%s", d)
	}
	j.full, j.min = 1000, 1000
	for n := range 100 {
		add(record{ID: "a", Seq: uint64(10 + n), State: ready, At: now, Task: make([]byte, 100)})
	}
	if j.size > 1000 {
		t.Errorf("%d bytes, though it is compacted at 1000", j.size)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
}

// TestJournalLosesOneRecordToOneByte flips every bit of a journal in turn.
func TestJournalLosesOneRecordToOneByte(t *testing.T) {
	var all []record
	for n := range 5 {
		all = append(all, record{ID: coach.NoteID(fmt.Sprint("n", n)), Seq: uint64(n + 1), State: ready, Task: []byte("MYNJ and more")})
	}
	good := journalOf(t, all...)
	for bit := range len(good) * 8 {
		b := bytes.Clone(good)
		b[bit/8] ^= 1 << (bit % 8)
		records := decodeJournal(b)
		if len(records) < 4 {
			t.Errorf("bit %d: %d of 5 records are left", bit, len(records))
		}
		for _, r := range records {
			if d := cmp.Diff(all[r.Seq-1], r); d != "" {
				t.Errorf("bit %d (-want +got):\n%s", bit, d)
			}
		}
	}
}

// FuzzJournal reads broken journals: what is found in one stands there as it
// was written, and whatever whole record follows is found too.
func FuzzJournal(f *testing.F) {
	last := record{ID: "last", Seq: 1 << 62, State: dead, Task: []byte("t")}
	f.Add(journalOf(f, record{ID: "a", Seq: 1, State: ready}))
	f.Add(journalOf(f, record{ID: "a", Seq: 1, State: "odd"}, record{ID: "*", Seq: 2, State: done}))
	f.Add([]byte("MYNJMYNJMYNJMYNJ"))
	f.Add([]byte("MYNJ\xff\xff\xff\x00____{}"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		records := decodeJournal(b)
		for id, r := range records {
			if r.ID != id || checkID(id) != nil {
				t.Errorf("record %+v for %q", r, id)
			}
		}
		// A head that promises more than there is must not swallow what follows.
		records = decodeJournal(append(bytes.Clone(b), journalOf(t, last)...))
		if r, ok := records["last"]; !ok || r.Seq != last.Seq {
			t.Errorf("the record that follows is %+v", r)
		}
	})
}
