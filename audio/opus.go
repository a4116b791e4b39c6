package audio

import (
	"encoding/binary"
	"math"

	"layeh.com/gopus"

	"github.com/mynah-coach/mynah/coach"
)

const (
	opusHeadMagic = "OpusHead"
	opusRate      = 48000                       // the rate in which Opus counts
	opusRatio     = opusRate / coach.SampleRate // counted samples to one of ours
	opusMaxLen    = opusRate * 120 / 1000       // of a packet, RFC 6716 section 3.2
	opusStep      = opusRate / 400              // all durations are multiples of 2.5 ms
	opusPLC       = opusRate / 50               // concealed at a time
	maxConceal    = 5 * opusRate                // a longer gap is no loss but a jump
)

// opusHead is the identification header of RFC 7845 section 5.1.
type opusHead struct {
	channels int     // 1 or 2
	preSkip  int     // 48 kHz samples to drop at the beginning
	gain     float32 // factor
}

// parseOpusHead returns errForeign for layouts of more than one Opus stream.
func parseOpusHead(b []byte) (opusHead, error) {
	if len(b) < 19 || string(b[:8]) != opusHeadMagic {
		return opusHead{}, unsupported("opus: no head")
	}
	version, channels, family := b[8], int(b[9]), b[18]
	switch {
	case version > 15:
		return opusHead{}, unsupported("opus: version %d", version)
	case channels == 0:
		return opusHead{}, unsupported("opus: no channels")
	case family == 1 && channels >= 3 && channels <= 8:
		return opusHead{}, errForeign
	case family > 1 || channels > 2:
		return opusHead{}, unsupported("opus: %d channels in mapping family %d", channels, family)
	}
	gain := int16(binary.LittleEndian.Uint16(b[16:])) // dB, Q7.8
	return opusHead{
		channels: channels,
		preSkip:  int(binary.LittleEndian.Uint16(b[10:])),
		gain:     float32(math.Pow(10, float64(gain)/(20*256))),
	}, nil
}

// opusDuration returns the length of a packet in 48 kHz samples by its table
// of contents (RFC 6716 section 3.1), 0 for one that can't be valid.
func opusDuration(p []byte) int {
	if len(p) == 0 {
		return 0
	}
	frame := 0
	switch config := p[0] >> 3; {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		frame = [4]int{480, 960, 1920, 2880}[config&3]
	case config < 16: // hybrid: 10, 20 ms
		frame = 480 << (config & 1)
	default: // CELT: 2.5, 5, 10, 20 ms
		frame = opusStep << (config & 3)
	}
	count := 1
	switch p[0] & 3 {
	case 1, 2:
		count = 2
	case 3:
		if len(p) < 2 {
			return 0
		}
		count = int(p[1] & 0x3F)
	}
	if n := frame * count; n <= opusMaxLen {
		return n
	}
	return 0
}

// opusStream decodes the packets of one Opus stream into a sink. Its counts
// are 48 kHz samples.
type opusStream struct {
	dec  *gopus.Decoder
	head opusHead
	out  *sink
	from int // where in out the stream begins
	skip int // samples of ours still to drop at the beginning
	last int // length of the last valid packet

	good, lost int64 // what was decoded, and what was concealed
}

func newOpusStream(head opusHead, out *sink) (*opusStream, error) {
	dec, err := gopus.NewDecoder(coach.SampleRate, head.channels)
	if err != nil {
		return nil, unsupported("opus: %v", err)
	}
	return &opusStream{
		dec: dec, head: head, out: out,
		from: len(out.samples),
		skip: (head.preSkip + opusRatio/2) / opusRatio,
		last: opusPLC,
	}, nil
}

// duration is how long a packet will sound: an empty or invalid one stands for
// a lost one as long as the last.
func (s *opusStream) duration(p []byte) int {
	if n := opusDuration(p); n > 0 {
		s.last = n
		return n
	}
	return s.last
}

// packet decodes a packet; one that libopus refuses is concealed. The error
// is the sink's.
func (s *opusStream) packet(p []byte) error {
	n := s.duration(p)
	if len(p) == 0 { // silence that was not sent: no damage
		err := s.conceal(n)
		s.lost -= int64(n)
		return err
	}
	if opusDuration(p) == 0 {
		return s.conceal(n)
	}
	pcm, err := s.dec.Decode(p, n/opusRatio, false)
	if err != nil {
		return s.conceal(n)
	}
	s.good += int64(n)
	return s.put(pcm)
}

// conceal fills n samples, rounded down to 2.5 ms, from what was heard before.
func (s *opusStream) conceal(n int) error {
	for n -= n % opusStep; n > 0; {
		step := min(n, opusPLC)
		pcm, err := s.dec.Decode(nil, step/opusRatio, false)
		if err != nil {
			pcm = make([]int16, step/opusRatio*s.head.channels)
		}
		if err := s.put(pcm); err != nil {
			return err
		}
		s.lost += int64(step)
		n -= step
	}
	return nil
}

// put mixes to mono, applies the head's gain and drops the pre-skip.
func (s *opusStream) put(pcm []int16) error {
	ch := s.head.channels
	drop := min(s.skip, len(pcm)/ch)
	s.skip -= drop
	mono := make([]float32, 0, len(pcm)/ch-drop)
	for i := drop * ch; i+ch <= len(pcm); i += ch {
		v := float32(pcm[i])
		if ch == 2 {
			v = (v + float32(pcm[i+1])) / 2
		}
		mono = append(mono, v/32768*s.head.gain)
	}
	return s.out.put(mono)
}

// trimTo cuts the stream's end to length, counted with the pre-skip.
func (s *opusStream) trimTo(length int64) {
	s.out.trim(s.from, int((length-int64(s.head.preSkip)+opusRatio/2)/opusRatio))
}

// mostlyGood refuses a stream of which more was concealed than decoded.
func mostlyGood(good, lost int64) error {
	if good == 0 || lost > good {
		return unsupported("opus: %d ms decoded, %d ms damaged", good*1000/opusRate, lost*1000/opusRate)
	}
	return nil
}
