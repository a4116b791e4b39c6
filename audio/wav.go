package audio

import (
	"encoding/binary"
	"math"

	"github.com/mynah-coach/mynah/coach"
)

// Format tags of the WAV header that are decoded here.
const (
	wavPCM        = 1
	wavFloat      = 3
	wavALaw       = 6
	wavMuLaw      = 7
	wavExtensible = 0xFFFE
)

const (
	wavMaxChannels = 8
	wavMinRate     = 4000
	wavMaxRate     = 192000
)

// wavFormat is the fmt chunk as far as it can be relied on.
type wavFormat struct {
	tag, channels, rate int
	bits                int // of a sample's value
	width               int // bytes that a sample takes
}

// decodeWAV decodes a RIFF WAVE file. Sizes in it are hints: the data chunk
// ends with the file when it says so, says nothing or lies. Codecs other than
// PCM, float and G.711 are errForeign.
func decodeWAV(data []byte, out *sink) error {
	f, body, err := parseWAV(data)
	if err != nil {
		return err
	}
	frame := f.width * f.channels
	frames := len(body) / frame
	if int64(frames)*coach.SampleRate > int64(out.limit)*int64(f.rate)+int64(f.rate) {
		return tooLong(out.limit)
	}
	value := f.sample()
	mono := make([]float32, frames)
	for i := range mono {
		var sum float32
		for c := range f.channels {
			sum += clip(value(body[i*frame+c*f.width:]))
		}
		mono[i] = sum / float32(f.channels)
	}
	return out.put(resample(mono, f.rate, coach.SampleRate))
}

// parseWAV finds the format and the data.
func parseWAV(data []byte) (f wavFormat, body []byte, err error) {
	if len(data) < 12 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WAVE" {
		return f, nil, unsupported("wav: no header")
	}
	for at := 12; at+8 <= len(data); {
		id, size := string(data[at:at+4]), int64(binary.LittleEndian.Uint32(data[at+4:]))
		rest := data[at+8:]
		switch id {
		case "fmt ":
			if f, err = parseWAVFormat(rest[:min(size, int64(len(rest)))]); err != nil {
				return f, nil, err
			}
		case "data":
			if f.width == 0 {
				return f, nil, unsupported("wav: data before format")
			}
			if size > 0 && size < int64(len(rest)) { // 0 is what a recorder leaves that streams
				rest = rest[:size]
			}
			return f, rest, nil
		}
		if size > int64(len(rest)) {
			break
		}
		at += 8 + int(size) + int(size&1)
	}
	return f, nil, unsupported("wav: no data")
}

func parseWAVFormat(b []byte) (f wavFormat, err error) {
	if len(b) < 16 {
		return f, unsupported("wav: short format")
	}
	u16 := func(at int) int { return int(binary.LittleEndian.Uint16(b[at:])) }
	f = wavFormat{tag: u16(0), channels: u16(2), rate: int(binary.LittleEndian.Uint32(b[4:])), bits: u16(14)}
	align := u16(12)
	if f.tag == wavExtensible && len(b) >= 26 {
		f.tag = u16(24) // the sub-format's first field
	}
	switch {
	case f.channels < 1 || f.channels > wavMaxChannels:
		return f, unsupported("wav: %d channels", f.channels)
	case f.rate < wavMinRate || f.rate > wavMaxRate:
		return f, unsupported("wav: %d Hz", f.rate)
	}
	f.width = (f.bits + 7) / 8
	if w := align / f.channels; w > f.width && w <= 8 && f.tag == wavPCM {
		f.width = w // a value in the upper bits of a wider container
	}
	switch {
	case f.tag == wavPCM && f.bits >= 1 && f.width <= 4,
		f.tag == wavFloat && (f.bits == 32 || f.bits == 64),
		(f.tag == wavALaw || f.tag == wavMuLaw) && f.bits == 8:
		return f, nil
	case f.tag == wavPCM || f.tag == wavFloat:
		return f, unsupported("wav: %d bits", f.bits)
	}
	return f, errForeign
}

// sample returns the function that reads the value that b begins with.
func (f wavFormat) sample() func(b []byte) float32 {
	switch {
	case f.tag == wavFloat && f.width == 4:
		return func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
	case f.tag == wavFloat:
		return func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) }
	case f.tag == wavALaw:
		return func(b []byte) float32 { return float32(aLaw(b[0])) / 32768 }
	case f.tag == wavMuLaw:
		return func(b []byte) float32 { return float32(muLaw(b[0])) / 32768 }
	case f.width == 1:
		return func(b []byte) float32 { return (float32(b[0]) - 128) / 128 }
	}
	return func(b []byte) float32 { // little-endian, into the upper bytes of 32 bits
		var v uint32
		for i := range f.width {
			v |= uint32(b[i]) << (8 * (4 - f.width + i))
		}
		return float32(int32(v)) / (1 << 31)
	}
}

// aLaw and muLaw expand G.711 codes to 16 bits.
func aLaw(c byte) int {
	c ^= 0x55
	v, exp := int(c&0xF)<<4+8, c>>4&7
	if exp > 0 {
		v = (v + 0x100) << (exp - 1)
	}
	if c&0x80 == 0 {
		return -v
	}
	return v
}

func muLaw(c byte) int {
	c = ^c
	v := (int(c&0xF)<<3+0x84)<<(c>>4&7) - 0x84
	if c&0x80 != 0 {
		return -v
	}
	return v
}
