package store

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// journal is a second copy of the embedded store's notes, against a disk that
// rots. One wrong byte in a JetStream file costs it the message or, silently,
// everything in the file from there on; of a journal it costs one record. It is
// read at the start only, and not synced: the stream is what counts, and is.
//
// A file is a row of records, each
//
//	"MYNJ"  length of body, uint32  CRC-32C of body, uint32  body
//
// with little-endian numbers and a record as JSON for body. A note's last state
// is its record with the highest Seq.
type journal struct {
	path string

	mu   sync.Mutex
	file *os.File
	size int64
	full int64 // the size at which it is compacted
	min  int64 // the least that full is
}

// record is a note's state as it was written to the stream.
type record struct {
	ID    coach.NoteID `json:"id"`
	Seq   uint64       `json:"seq"`
	State state        `json:"state"`
	At    time.Time    `json:"at"`
	Ends  time.Time    `json:"ends,omitzero"` // when its message goes by itself
	Task  []byte       `json:"task,omitempty"`
}

// ended reports whether the note's message has gone, or is about to.
func (r record) ended() bool { return !r.Ends.IsZero() && time.Until(r.Ends) < 2*time.Second }

const (
	journalMagic = "MYNJ"
	journalHead  = len(journalMagic) + 8
	journalFull  = 16 * mebi
)

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// openJournal opens or makes the journal at a path and returns the last record
// of each note in it. Broken records are left out.
func openJournal(path string) (*journal, map[coach.NoteID]record, error) {
	records, err := readJournal(path)
	if err != nil {
		return nil, nil, fmt.Errorf("journal: %w", err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("journal: %w", err)
	}
	return &journal{path: path, file: f, full: journalFull, min: journalFull}, records, nil
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.file.Close()
}

// add appends a record.
func (j *journal) add(r record) error {
	b, err := encodeRecord(r)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	n, err := j.file.Write(b)
	if j.size += int64(n); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if j.size > j.full {
		return j.compact()
	}
	return nil
}

// tidy leaves only each note's last record, so that nothing of an answered note
// stays for long.
func (j *journal) tidy() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.compact()
}

func (j *journal) compact() error {
	records, err := readJournal(j.path)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return j.replace(records)
}

// replace makes records all that the journal holds, less those that have ended,
// and syncs it. j.mu is held, or the journal is not shared yet.
func (j *journal) replace(records map[coach.NoteID]record) error {
	next := j.path + ".new"
	f, err := os.OpenFile(next, os.O_APPEND|os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	size, err := writeRecords(f, records)
	if err == nil {
		err = os.Rename(next, j.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("journal: %w", err), f.Close(), os.Remove(next))
	}
	former := j.file
	j.file, j.size, j.full = f, size, max(j.min, 2*size)
	return former.Close()
}

func writeRecords(f *os.File, records map[coach.NoteID]record) (size int64, err error) {
	w := bufio.NewWriterSize(f, 1<<16)
	for _, r := range records {
		if r.ended() {
			continue
		}
		b, err := encodeRecord(r)
		if err != nil {
			return 0, err
		}
		n, err := w.Write(b)
		if size += int64(n); err != nil {
			return 0, err
		}
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	return size, f.Sync()
}

func encodeRecord(r record) ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	b := make([]byte, 0, journalHead+len(body))
	b = append(b, journalMagic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	b = binary.LittleEndian.AppendUint32(b, checksum(body))
	return append(b, body...), nil
}

func readJournal(path string) (map[coach.NoteID]record, error) {
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return decodeJournal(b), nil
}

// decodeJournal returns the last record of each note. After a broken record it
// goes on at the next beginning of one.
func decodeJournal(b []byte) map[coach.NoteID]record {
	records := map[coach.NoteID]record{}
	for {
		next := bytes.Index(b, []byte(journalMagic))
		if next < 0 {
			return records
		}
		b = b[next:]
		r, size := decodeRecord(b)
		if size == 0 {
			b = b[1:]
			continue
		}
		b = b[size:]
		if old, ok := records[r.ID]; !ok || old.Seq <= r.Seq {
			records[r.ID] = r
		}
	}
}

// decodeRecord reads the record that b begins with. Size is 0 when there is no
// whole one.
func decodeRecord(b []byte) (r record, size int) {
	if len(b) < journalHead {
		return record{}, 0
	}
	length := binary.LittleEndian.Uint32(b[4:])
	sum := binary.LittleEndian.Uint32(b[8:])
	if int64(length) > int64(len(b)-journalHead) {
		return record{}, 0
	}
	size = journalHead + int(length)
	body := b[journalHead:size]
	if checksum(body) != sum || json.Unmarshal(body, &r) != nil || checkID(r.ID) != nil {
		return record{}, 0
	}
	switch r.State {
	case ready, later, claimed, dead, done:
		return r, size
	}
	return record{}, 0
}
