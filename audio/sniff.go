package audio

import (
	"bytes"
	"encoding/binary"
)

// Container is what a file is by its content.
type Container string

// The containers that Sniff tells apart.
const (
	Unknown  Container = ""
	OggOpus  Container = "ogg/opus"
	OggOther Container = "ogg"
	WAV      Container = "wav"
	WebM     Container = "webm" // and Matroska
	MP4      Container = "mp4"  // and M4A, 3GP, QuickTime
	MP3      Container = "mp3"
	FLAC     Container = "flac"
	AAC      Container = "aac" // ADTS
	AMR      Container = "amr"
	CAF      Container = "caf"
	AIFF     Container = "aiff"
)

// SniffLen is how many leading bytes Sniff looks at, at most.
const SniffLen = 4096

// Sniff says what a file that begins with head is. Names and content types
// play no part; what isn't certainly one of the containers is Unknown.
func Sniff(head []byte) Container {
	head = head[:min(len(head), SniffLen)]
	has := func(at int, magic string) bool {
		return len(head) >= at+len(magic) && string(head[at:at+len(magic)]) == magic
	}
	switch {
	case has(0, "OggS"):
		return sniffOgg(head)
	case has(0, "RIFF") && has(8, "WAVE"):
		return WAV
	case has(0, "\x1A\x45\xDF\xA3"):
		return WebM
	case has(4, "ftyp"):
		return MP4
	case has(0, "fLaC"):
		return FLAC
	case has(0, "#!AMR\n"), has(0, "#!AMR-WB\n"):
		return AMR
	case has(0, "caff\x00\x01"):
		return CAF
	case has(0, "FORM") && (has(8, "AIFF") || has(8, "AIFC")):
		return AIFF
	case has(0, "ID3"):
		return sniffID3(head)
	}
	return sniffFrames(head)
}

// sniffOgg looks into the first page: RFC 3533 section 6, RFC 7845 section 5.1.
// A file may begin with another stream's page (a skeleton), so every page
// start in the head counts.
func sniffOgg(head []byte) Container {
	for at := 0; ; {
		i := bytes.Index(head[at:], []byte("OggS"))
		if i < 0 {
			return OggOther
		}
		at += i
		if len(head) < at+oggHeaderLen {
			return OggOther
		}
		packet := at + oggHeaderLen + int(head[at+26])
		if packet+8 <= len(head) && string(head[packet:packet+8]) == opusHeadMagic {
			return OggOpus
		}
		at += 4
	}
}

// sniffID3 looks behind an ID3v2 tag, which stands before MP3, but before raw
// AAC and FLAC too; a tag that reaches beyond the head is taken for MP3's.
func sniffID3(head []byte) Container {
	if len(head) < 10 {
		return Unknown
	}
	size := 0
	for _, b := range head[6:10] { // 28 bits, "syncsafe"
		if b&0x80 != 0 {
			return Unknown
		}
		size = size<<7 | int(b)
	}
	if 10+size >= len(head) {
		return MP3
	}
	rest := head[10+size:]
	if bytes.HasPrefix(rest, []byte("fLaC")) {
		return FLAC
	}
	if c := sniffFrames(rest); c != Unknown {
		return c
	}
	return MP3
}

// sniffFrames recognises the formats without a header by a valid first frame
// that is followed by another where the head reaches that far.
func sniffFrames(b []byte) Container {
	if n, ok := adtsFrame(b); ok && (n+7 > len(b) || isADTS(b[n:])) {
		return AAC
	}
	if n, ok := mp3Frame(b); ok && (n+4 > len(b) || isMP3(b[n:])) {
		return MP3
	}
	return Unknown
}

func isADTS(b []byte) bool { _, ok := adtsFrame(b); return ok }
func isMP3(b []byte) bool  { _, ok := mp3Frame(b); return ok }

// adtsFrame returns the length of the ADTS frame that b begins with
// (ISO/IEC 13818-7, 6.2).
func adtsFrame(b []byte) (int, bool) {
	if len(b) < 7 || b[0] != 0xFF || b[1]&0xF6 != 0xF0 || (b[2]>>2)&0xF > 12 {
		return 0, false
	}
	n := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
	return n, n > 7
}

// mp3Frame returns the length of the MPEG audio layer III frame that b begins
// with (ISO/IEC 11172-3, 2.4.1.3; 13818-3 for the lower rates).
func mp3Frame(b []byte) (int, bool) {
	if len(b) < 4 {
		return 0, false
	}
	h := binary.BigEndian.Uint32(b)
	version, layer, rate, hz := h>>19&3, h>>17&3, h>>12&15, h>>10&3
	if h>>21 != 0x7FF || version == 1 || layer != 1 || rate == 0 || rate == 15 || hz == 3 {
		return 0, false
	}
	kbit := [2][14]int{
		{32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}, // MPEG-1
		{8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},     // MPEG-2 and 2.5
	}
	hertz, perFrame, row := [3]int{44100, 48000, 32000}[hz], 144, 0
	switch version {
	case 2:
		hertz, perFrame, row = hertz/2, 72, 1
	case 0:
		hertz, perFrame, row = hertz/4, 72, 1
	}
	n := perFrame*1000*kbit[row][rate-1]/hertz + int(h>>9&1)
	return n, true
}
