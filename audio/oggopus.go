package audio

import (
	"bytes"
	"errors"
	"io"
)

const opusTagsMagic = "OpusTags"

// decodeOggOpus decodes the Opus streams of an Ogg file, one after another
// where several are chained (RFC 7845). Of streams that run side by side the
// first counts. What is damaged is concealed; errForeign comes back for
// channel layouts that ffmpeg must mix.
func decodeOggOpus(data []byte, out *sink) error {
	var link *oggLink
	var good, lost int64
	end := func() {
		if link != nil {
			good, lost = good+link.good, lost+link.lost
		}
	}
	for r := newOggReader(data); ; {
		p, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if p.bos && bytes.HasPrefix(p.body, []byte(opusHeadMagic)) && (link == nil || link.audio || link.ended) {
			head, err := parseOpusHead(p.body)
			if err != nil {
				return err
			}
			end()
			if link, err = newOggLink(head, p, out); err != nil {
				return err
			}
			continue
		}
		if link == nil || p.serial != link.serial || link.ended {
			continue
		}
		if err := link.page(p); err != nil {
			return err
		}
	}
	if link == nil {
		return unsupported("ogg: no opus stream")
	}
	end()
	return mostlyGood(good, lost)
}

// oggLink is one Opus stream of an Ogg file. Granule positions count 48 kHz
// samples, pre-skip included.
type oggLink struct {
	*opusStream
	oggPackets
	serial   uint32
	pos      int64 // granule position after what was decoded
	base     int64 // granule position of the first decoded sample
	lastPage int64 // length of the last page that held audio
	pending  bool  // packets were lost since the last granule position
	audio    bool
	ended    bool
}

// newOggLink begins a link with its first page, which holds the head.
func newOggLink(head opusHead, p oggPage, out *sink) (*oggLink, error) {
	s, err := newOpusStream(head, out)
	if err != nil {
		return nil, err
	}
	l := &oggLink{opusStream: s, serial: p.serial}
	l.oggPackets.page(p)
	return l, nil
}

// page decodes what ends on p: first what was lost before it is concealed
// (RFC 7845 section 4.1), at last the end is trimmed (section 4.4).
func (l *oggLink) page(p oggPage) error {
	packets, lost := l.oggPackets.page(p)
	l.pending = l.pending || lost
	if !l.audio && len(packets) > 0 && bytes.HasPrefix(packets[0], []byte(opusTagsMagic)) {
		packets = packets[1:]
	}
	var length int64
	for _, pkt := range packets {
		length += int64(l.duration(pkt))
	}
	if len(packets) > 0 && p.granule >= 0 {
		switch gap := p.granule - l.pos - length; {
		case gap <= 0: // nothing missing, or a miscount: the packets know better
		case l.pending && l.audio && gap <= maxConceal:
			if err := l.conceal(int(gap)); err != nil {
				return err
			}
			l.pos, l.base = l.pos+gap, l.base+gap%opusStep
		case l.pending || !l.audio: // begins, or goes on, somewhere else
			l.pos, l.base = l.pos+gap, l.base+gap
		}
		l.pending = false
	}
	for _, pkt := range packets {
		if err := l.packet(pkt); err != nil {
			return err
		}
		l.audio = true
	}
	l.pos += length
	if length > 0 {
		l.lastPage = length
	}
	if p.eos {
		l.ended = true
		if cut := l.pos - p.granule; p.granule >= 0 && cut > 0 && cut <= l.lastPage {
			l.trimTo(p.granule - l.base)
		}
	}
	return nil
}
