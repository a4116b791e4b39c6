package audio

import (
	"bytes"
	"encoding/binary"
	"io"
)

const (
	oggHeaderLen = 27
	oggMaxBad    = 2048    // damaged pages after which a file is given up
	oggMaxPacket = 1 << 16 // longer packets are no audio: an Opus packet has at most 61 kB
)

// oggPage is one page of RFC 3533, section 6.
type oggPage struct {
	serial, seq         uint32
	granule             int64 // -1: no packet ends here
	continued, bos, eos bool
	lacing, body        []byte
	skipped             bool // damaged bytes were passed over before it
}

// oggReader reads pages from a file in memory. It finds its way back after
// damage; a page that fails its checksum, but begins and ends where a page
// should, is kept: one wrong bit would otherwise cost a second of speech.
type oggReader struct {
	data []byte
	at   int
	bad  int
	crc  [256]uint32
}

func newOggReader(data []byte) *oggReader {
	r := &oggReader{data: data}
	for i := range r.crc {
		c := uint32(i) << 24
		for range 8 {
			c = c<<1 ^ 0x04c11db7*(c>>31)
		}
		r.crc[i] = c
	}
	return r
}

// next returns the next page, io.EOF after the last and an unsupported-audio
// error for a file with nothing but damage. A last page that was cut off comes
// with the whole segments that are left of it.
func (r *oggReader) next() (oggPage, error) {
	skipped := false
	for {
		i := bytes.Index(r.data[r.at:], []byte("OggS"))
		if i < 0 {
			return oggPage{}, io.EOF
		}
		skipped = skipped || i > 0
		r.at += i
		p, n, ok := r.page()
		if ok {
			r.at += n
			p.skipped = skipped
			return p, nil
		}
		if r.bad++; r.bad > oggMaxBad {
			return oggPage{}, unsupported("ogg: too many damaged pages")
		}
		skipped = true
		r.at += 4
	}
}

// page parses the page at r.at and returns it with its length.
func (r *oggReader) page() (p oggPage, n int, ok bool) {
	b := r.data[r.at:]
	if len(b) < oggHeaderLen || b[4] != 0 || len(b) < oggHeaderLen+int(b[26]) {
		return p, 0, false
	}
	flags := b[5]
	p = oggPage{
		continued: flags&1 != 0, bos: flags&2 != 0, eos: flags&4 != 0,
		granule: int64(binary.LittleEndian.Uint64(b[6:])),
		serial:  binary.LittleEndian.Uint32(b[14:]),
		seq:     binary.LittleEndian.Uint32(b[18:]),
		lacing:  b[oggHeaderLen : oggHeaderLen+int(b[26])],
	}
	head := oggHeaderLen + len(p.lacing)
	n = head
	for i, s := range p.lacing {
		if n+int(s) > len(b) { // cut off: keep the whole segments
			p.lacing, p.body = p.lacing[:i], b[head:n]
			p.granule, p.eos = -1, false
			return p, len(b), true
		}
		n += int(s)
	}
	p.body = b[head:n]
	if r.checksum(b[:n]) == binary.LittleEndian.Uint32(b[22:]) {
		return p, n, true
	}
	r.bad++
	whole := r.bad <= oggMaxBad && (n == len(b) || bytes.HasPrefix(b[n:], []byte("OggS")))
	return p, n, whole
}

// checksum is the page's CRC with its own field taken as zero.
func (r *oggReader) checksum(page []byte) uint32 {
	var c uint32
	for i, v := range page {
		if i >= 22 && i < 26 {
			v = 0
		}
		c = c<<8 ^ r.crc[byte(c>>24)^v]
	}
	return c
}

// oggPackets puts the packets of one logical stream together from its pages.
type oggPackets struct {
	next    uint32 // sequence number expected
	started bool
	partial []byte // of a packet that goes on on the next page
	inside  bool   // a packet goes on on the next page
	drop    bool   // and it is to be dropped: its beginning is lost, or it is too long
}

// page returns the packets that end on p, and whether something before p's
// first packet is lost. The packets are valid until the next call.
func (a *oggPackets) page(p oggPage) (packets [][]byte, lost bool) {
	lost = p.skipped || a.started && p.seq != a.next
	a.started, a.next = true, p.seq+1
	if p.continued != a.inside {
		lost = true
	}
	if lost {
		a.partial, a.inside, a.drop = nil, p.continued, p.continued
	}
	body := p.body
	for _, s := range p.lacing {
		seg := body[:s]
		body = body[s:]
		if len(a.partial)+len(seg) > oggMaxPacket {
			a.drop = true
		}
		if !a.drop {
			a.partial = append(a.partial, seg...)
		}
		a.inside = s == 255
		if a.inside {
			continue
		}
		if !a.drop {
			packets = append(packets, a.partial)
		}
		a.partial, a.drop = nil, false
	}
	return packets, lost
}
