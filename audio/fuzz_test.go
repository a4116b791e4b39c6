package audio

import (
	"bytes"
	"errors"
	"testing"

	"github.com/mynah-coach/mynah/coach"
)

// fuzzDecoder runs a decoder from the bytes of a container to samples: it ends,
// with samples in range and below the limit, or with a learner's error.
func fuzzDecoder(f *testing.F, decoder func([]byte, *sink) error) {
	f.Fuzz(func(t *testing.T, data []byte) {
		out := &sink{limit: 2 * coach.SampleRate, slack: coach.SampleRate}
		err := decoder(data, out)
		var samples []float32
		if err == nil {
			samples, err = out.result()
		}
		if err != nil {
			if !errors.Is(err, errForeign) && coach.ReasonOf(err) == "" {
				t.Error(err)
			}
			return
		}
		if len(samples) > out.limit {
			t.Errorf("%d samples", len(samples))
		}
		for _, v := range samples {
			if v != clip(v) {
				t.Fatalf("sample %g", v)
			}
		}
	})
}

func FuzzOggOpus(f *testing.F) {
	seed(f, 6000, "adult-clear.ogg", "child.ogg")
	fuzzDecoder(f, decodeOggOpus)
}

func FuzzWebM(f *testing.F) {
	seed(f, 6000, "adult-clear.webm", "chrome-recorder.webm")
	fuzzDecoder(f, decodeWebM)
}

func FuzzWAV(f *testing.F) {
	seed(f, 4000, "adult-clear.wav")
	fuzzDecoder(f, decodeWAV)
}

// FuzzOggPages parses pages and packets without the native decoder.
func FuzzOggPages(f *testing.F) {
	seed(f, 6000, "adult-clear.ogg")
	f.Fuzz(func(t *testing.T, data []byte) {
		var a oggPackets
		for r := newOggReader(data); ; {
			before := r.at
			p, err := r.next()
			if err != nil {
				return
			}
			if r.at <= before || r.at > len(data) {
				t.Fatalf("from %d to %d", before, r.at)
			}
			packets, _ := a.page(p)
			for _, pkt := range packets {
				if len(pkt) > oggMaxPacket {
					t.Fatalf("a packet of %d bytes", len(pkt))
				}
			}
		}
	})
}

func FuzzFrame(f *testing.F) {
	var good bytes.Buffer
	if err := writeSamples(&good, []float32{0, 0.5, -1}); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	for _, status := range []byte{statusUnsupported, statusTooLong, statusInternal, statusForeign, statusReport} {
		var b bytes.Buffer
		if err := writeText(&b, status, "why"); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte(frameMagic + "r\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 8
		frame, err := readFrame(bytes.NewReader(data), limit)
		if err != nil {
			return
		}
		if len(frame.samples) > limit || len(frame.text) > frameMaxText {
			t.Errorf("%d samples, %d characters", len(frame.samples), len(frame.text))
		}
		for _, v := range frame.samples {
			if v != clip(v) {
				t.Errorf("sample %g", v)
			}
		}
	})
}
