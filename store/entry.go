package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/nats-io/nats.go"

	"github.com/mynah-coach/mynah/coach"
)

// state is what a note's last message says about it.
type state string

const (
	ready   state = "ready"   // may be claimed
	later   state = "later"   // may be claimed once at has come
	claimed state = "claimed" // owner has it, unless owner is dead
	dead    state = "dead"    // given up, kept for the operator
	done    state = "done"    // answered; only known, its task is gone
)

// entry is what the index knows of a note: its last message's headers.
type entry struct {
	id    coach.NoteID
	seq   uint64 // of the message, and so the note's revision
	state state
	at    time.Time // ready: since when; later: until when; claimed: as before the claim; dead, done: since when
	owner string    // of claimed
}

// The headers of a note's message.
const (
	headerState = "Mynah-State"
	headerAt    = "Mynah-At" // nanoseconds since 1970
	headerOwner = "Mynah-Owner"
)

func (e entry) header() nats.Header {
	h := nats.Header{
		headerState: {string(e.state)},
		headerAt:    {strconv.FormatInt(e.at.UnixNano(), 10)},
	}
	if e.owner != "" {
		h.Set(headerOwner, e.owner)
	}
	return h
}

// parseEntry reads a message's headers.
func parseEntry(id coach.NoteID, seq uint64, h nats.Header) (entry, error) {
	e := entry{id: id, seq: seq, state: state(h.Get(headerState)), owner: h.Get(headerOwner)}
	switch e.state {
	case ready, later, claimed, dead, done:
	default:
		return entry{}, fmt.Errorf("note %s: unknown state %q", id, e.state)
	}
	ns, err := strconv.ParseInt(h.Get(headerAt), 10, 64)
	if err != nil {
		return entry{}, fmt.Errorf("note %s: %s: %w", id, headerAt, err)
	}
	e.at = time.Unix(0, ns)
	return e, nil
}

// checkID says whether a note's ID has the form that coach.NoteID promises.
func checkID(id coach.NoteID) error {
	if id == "" || len(id) > 128 {
		return fmt.Errorf("a note's ID has %d bytes, not 1 to 128", len(id))
	}
	for _, r := range []byte(id) {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
		default:
			return fmt.Errorf("a note's ID holds %q", r)
		}
	}
	return nil
}

// token turns a note's ID into one token of a subject: the dot, which would
// part tokens, becomes '=', which no ID holds.
func token(id coach.NoteID) string { return strings.ReplaceAll(string(id), ".", "=") }

// noteOf is the inverse of token, applied to the last token of a subject.
func noteOf(subject string) coach.NoteID {
	return coach.NoteID(strings.ReplaceAll(subject[strings.LastIndexByte(subject, '.')+1:], "=", "."))
}

// maxValue bounds what one compressed value may grow to.
const maxValue = 64 * mebi

// codec packs values as JSON in zstd. Safe for concurrent use.
type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newCodec() (*codec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(256<<10))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxValue), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return &codec{enc, dec}, nil
}

func (c *codec) close() {
	c.dec.Close()
	_ = c.enc.Close() // writes nowhere
}

func (c *codec) pack(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return c.enc.EncodeAll(b, nil), nil
}

// unpack reads what pack wrote. Its error holds nothing of the value.
func (c *codec) unpack(b []byte, v any) error {
	raw, err := c.dec.DecodeAll(b, nil)
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	if json.Unmarshal(raw, v) != nil {
		return errors.New("unpack: not the JSON that was expected") // the JSON error would quote it
	}
	return nil
}
