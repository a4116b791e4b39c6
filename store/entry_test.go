package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/mynah-coach/mynah/coach"
)

func TestEntryHeadersRoundTrip(t *testing.T) {
	for _, e := range []entry{
		{id: "a.b", seq: 1, state: ready, at: time.Unix(0, 1)},
		{id: "a", seq: 2, state: claimed, at: time.Unix(1_800_000_000, 123), owner: "me"},
		{id: "-", seq: 3, state: done, at: time.Unix(0, -5)},
	} {
		got, err := parseEntry(e.id, e.seq, e.header())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(e, got, cmp.AllowUnexported(entry{})); d != "" {
			t.Errorf("entry (-want +got):\n%s", d)
		}
		if id := noteOf("mynah.task." + token(e.id)); id != e.id {
			t.Errorf("%q became %q", e.id, id)
		}
	}
}

// TestLongestNoteFits holds the task of a three-minute note, every sound of
// which went wrong, against the limit of an ordinary NATS server.
func TestLongestNoteFits(t *testing.T) {
	var a coach.Assessment
	for w := range 600 {
		word := coach.Word{Text: fmt.Sprintf("word%d", w*7919%1000), Spoken: true, Accuracy: judgement(w), Stress: judgement(w + 1)}
		for p := range 6 {
			heard := coach.Phoneme([]string{"TH", "S", "IY", "AA", "R"}[(w+p)%5])
			word.Phones = append(word.Phones, coach.Phone{
				Expected: "AH", IPA: "ə", Heard: &heard, Accuracy: judgement(w*6 + p),
				Span: coach.Span{Start: float64(w) * .3001, End: float64(w)*.3 + .05*float64(p)},
			})
		}
		a.Words = append(a.Words, word)
	}
	task := coach.Task{Note: coach.VoiceNote{Text: strings.Repeat("word ", 600)}, Assessment: &a, Reply: &coach.Reply{Assessment: &a}}
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	b, err := c.pack(task)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", len(b))
	if len(b) > mebi/4 {
		t.Errorf("%d bytes leave no room below 1 MiB", len(b))
	}
}

func judgement(n int) coach.Judgement {
	return coach.Judgement{Label: coach.Label(1 + n%5), Score: float64(n*7919%1000) / 100.7, Confidence: float64(n*104729%1000) / 1000.3}
}

// FuzzUnpack feeds broken values to what reads tasks: it neither panics nor
// takes more memory than its limit, and what it takes in is read the same
// again.
func FuzzUnpack(f *testing.F) {
	c, err := newCodec()
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(c.close)
	good, err := c.pack(coach.Task{Note: coach.VoiceNote{ID: "a", Text: "think"}, Attempt: 2})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte{})
	f.Add(c.enc.EncodeAll([]byte("null"), nil))
	f.Add(c.enc.EncodeAll([]byte(`{"attempt":"x"}`), nil))
	f.Add(c.enc.EncodeAll(bytes.Repeat([]byte{' '}, 1<<20), nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v coach.Task
		if err := c.unpack(b, &v); err != nil {
			return
		}
		first, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := c.pack(v)
		if err != nil {
			t.Fatal(err)
		}
		var w coach.Task
		if err := c.unpack(again, &w); err != nil {
			t.Fatal(err)
		}
		second, err := json.Marshal(w)
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s became %s, %v", first, second, err)
		}
	})
}

// FuzzParseEntry feeds broken headers to what reads states.
func FuzzParseEntry(f *testing.F) {
	f.Add("ready", "1800000000000000000", "")
	f.Add("claimed", "-1", "owner")
	f.Add("", "", "")
	f.Add("done", "9223372036854775808", "x")
	f.Fuzz(func(t *testing.T, s, at, owner string) {
		h := nats.Header{headerState: {s}, headerAt: {at}, headerOwner: {owner}}
		e, err := parseEntry("a", 1, h)
		if err != nil {
			return
		}
		again, err := parseEntry("a", 1, e.header())
		if err != nil || again != e {
			t.Errorf("%+v became %+v, %v", e, again, err)
		}
	})
}
