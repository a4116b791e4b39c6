package audio

import (
	"bytes"
	"encoding/binary"

	"github.com/mynah-coach/mynah/coach"
)

// The elements of RFC 9559 that matter for sound.
const (
	mkvHeader         = 0x1A45DFA3
	mkvSegment        = 0x18538067
	mkvInfo           = 0x1549A966
	mkvTimestampScale = 0x2AD7B1
	mkvTracks         = 0x1654AE6B
	mkvTrackEntry     = 0xAE
	mkvTrackNumber    = 0xD7
	mkvTrackType      = 0x83
	mkvCodecID        = 0x86
	mkvCodecPrivate   = 0x63A2
	mkvCodecDelay     = 0x56AA
	mkvEncodings      = 0x6D80
	mkvAudio          = 0xE1
	mkvChannels       = 0x9F
	mkvCluster        = 0x1F43B675
	mkvTimestamp      = 0xE7
	mkvSimpleBlock    = 0xA3
	mkvBlockGroup     = 0xA0
	mkvBlock          = 0xA1
	mkvDiscardPadding = 0x75A2
)

const (
	mkvTypeAudio = 2
	mkvMaxResync = 1024 // damaged places after which a file is given up
	nanosecond   = 1_000_000_000
)

// decodeWebM decodes the first audio track of a WebM or Matroska file when it
// is Opus; another codec is errForeign. Segments and clusters are read without
// regard to their sizes, which a live recorder leaves open; after damage it
// goes on at the next cluster.
func decodeWebM(data []byte, out *sink) error {
	w := webm{out: out, scale: 1_000_000}
	for at, resyncs := 0, 0; at < len(data); {
		e, ok := readEBML(data[at:])
		descend := e.id == mkvSegment || e.id == mkvCluster
		if ok && (descend || !e.unknown && !e.cut) {
			if err := w.element(e); err != nil {
				return err
			}
			at += e.header
			if !descend {
				at += len(e.body)
			}
			continue
		}
		// Damaged, or cut off at the end.
		if resyncs++; resyncs > mkvMaxResync {
			return unsupported("webm: too much damage")
		}
		next := bytes.Index(data[at+1:], []byte{0x1F, 0x43, 0xB6, 0x75})
		if next < 0 {
			break
		}
		at += 1 + next
		w.damaged = true
	}
	if w.stream == nil {
		return unsupported("webm: no audio track")
	}
	w.end()
	return mostlyGood(w.good, w.lost)
}

// webm is the state between the elements of a file.
type webm struct {
	out     *sink
	scale   int64 // ns of a timestamp's unit
	cluster int64 // timestamp of the current cluster
	track   uint64
	stream  *opusStream
	pos     int64 // 48 kHz samples since the stream's first block
	base    int64 // time of the first block, in 48 kHz samples
	audio   bool  // a block was decoded
	damaged bool  // since the last block

	good, lost int64 // of streams that ended
}

// element takes in the next element at the level of a segment or cluster; the
// header of a master whose children follow.
func (w *webm) element(e ebmlElement) error {
	switch e.id {
	case mkvInfo:
		for c := range ebmlChildren(e.body) {
			if v := ebmlUint(c.body); c.id == mkvTimestampScale && v > 0 && v <= nanosecond {
				w.scale = int64(v)
			}
		}
	case mkvTracks:
		return w.tracks(e.body)
	case mkvTimestamp:
		w.cluster = int64(min(ebmlUint(e.body), 1<<40))
	case mkvSimpleBlock:
		return w.block(e.body, 0)
	case mkvBlockGroup:
		var block []byte
		var discard int64
		for c := range ebmlChildren(e.body) {
			switch c.id {
			case mkvBlock:
				block = c.body
			case mkvDiscardPadding:
				discard = ebmlInt(c.body)
			}
		}
		return w.block(block, discard)
	}
	return nil
}

// tracks chooses the first audio track and begins its stream.
func (w *webm) tracks(body []byte) error {
	if w.stream != nil && !w.audio {
		return nil // the same again
	}
	for entry := range ebmlChildren(body) {
		if entry.id != mkvTrackEntry {
			continue
		}
		var number, kind uint64
		var codec string
		var private []byte
		delay, channels, encoded := int64(-1), uint64(1), false
		for c := range ebmlChildren(entry.body) {
			switch c.id {
			case mkvTrackNumber:
				number = ebmlUint(c.body)
			case mkvTrackType:
				kind = ebmlUint(c.body)
			case mkvCodecID:
				codec = string(bytes.TrimRight(c.body, "\x00"))
			case mkvCodecPrivate:
				private = c.body
			case mkvCodecDelay:
				delay = ebmlInt(c.body)
			case mkvEncodings:
				encoded = true
			case mkvAudio:
				for a := range ebmlChildren(c.body) {
					if a.id == mkvChannels {
						channels = ebmlUint(a.body)
					}
				}
			}
		}
		if kind != mkvTypeAudio {
			continue
		}
		if codec != "A_OPUS" || encoded {
			return errForeign
		}
		head := opusHead{channels: int(max(1, min(channels, 2))), gain: 1}
		if len(private) > 0 {
			var err error
			if head, err = parseOpusHead(private); err != nil {
				return err
			}
		}
		if delay >= 0 && delay <= nanosecond {
			head.preSkip = int((delay*opusRate + nanosecond/2) / nanosecond)
		}
		w.end()
		stream, err := newOpusStream(head, w.out)
		w.track, w.stream, w.pos, w.audio = number, stream, 0, false
		return err
	}
	return nil
}

// end adds the current stream to the count of what was good and lost.
func (w *webm) end() {
	if w.stream != nil {
		w.good, w.lost = w.good+w.stream.good, w.lost+w.stream.lost
	}
}

// block decodes the frames of a block (RFC 9559 section 10) when it is of our
// track; discard is the length of its padding in ns (section 5.1.3.5.7).
func (w *webm) block(b []byte, discard int64) error {
	track, n, _ := ebmlVint(b)
	if n == 0 || len(b) < n+3 || w.stream == nil || track != w.track {
		return nil
	}
	frames, ok := mkvFrames(b[n+3:], b[n+2]>>1&3)
	if !ok {
		w.damaged = true
		return nil
	}
	ticks := w.cluster + int64(int16(binary.BigEndian.Uint16(b[n:])))
	time := int64(float64(ticks) * float64(w.scale) * opusRate / nanosecond)
	if !w.audio {
		w.base = time
	}
	gap := time - w.base - w.pos
	if w.damaged && gap > opusStep && gap <= maxConceal {
		if err := w.stream.conceal(int(gap)); err != nil {
			return err
		}
		w.pos += gap
	}
	w.audio, w.damaged = true, false
	from := len(w.out.samples)
	for _, f := range frames {
		w.pos += int64(w.stream.duration(f))
		if err := w.stream.packet(f); err != nil {
			return err
		}
	}
	if discard > 0 && discard <= nanosecond {
		samples := int((discard*coach.SampleRate + nanosecond/2) / nanosecond)
		w.out.trim(from, len(w.out.samples)-from-samples)
	}
	return nil
}

// mkvFrames splits a block's payload by its lacing: 0 none, 1 Xiph, 2 fixed,
// 3 EBML (RFC 9559 section 10.3).
func mkvFrames(b []byte, lacing byte) (frames [][]byte, ok bool) {
	if lacing == 0 {
		return [][]byte{b}, true
	}
	if len(b) == 0 {
		return nil, false
	}
	count := int(b[0]) + 1
	b = b[1:]
	sizes := make([]int, count)
	switch lacing {
	case 1:
		for i := range sizes[:count-1] {
			for {
				if len(b) == 0 {
					return nil, false
				}
				v := b[0]
				b = b[1:]
				sizes[i] += int(v)
				if v != 255 {
					break
				}
			}
		}
	case 2:
		if len(b)%count != 0 {
			return nil, false
		}
		for i := range sizes {
			sizes[i] = len(b) / count
		}
	case 3:
		for i := range sizes[:count-1] {
			v, n, unknown := ebmlVint(b)
			if n == 0 || unknown || v > 1<<30 {
				return nil, false
			}
			b = b[n:]
			sizes[i] = int(v)
			if i > 0 { // a difference to the size before, biased
				sizes[i] = sizes[i-1] + int(v) - (1<<(7*n-1) - 1)
			}
		}
	}
	for i, size := range sizes {
		if i == count-1 {
			size = len(b)
		}
		if size < 0 || size > len(b) {
			return nil, false
		}
		frames = append(frames, b[:size])
		b = b[size:]
	}
	return frames, true
}
