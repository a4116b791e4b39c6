package audio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/coach"
)

func TestWebMDecodesLikeFFmpeg(t *testing.T) {
	stereo := encode(t, "adult-clear.wav", "webm", "-ar", "48000", "-ac", "2", "-b:a", "64k", "-c:a", "libopus")
	for name, data := range map[string][]byte{
		"a file":              recording(t, "adult-clear.webm"),
		"Chrome's recorder":   recording(t, "chrome-recorder.webm"),
		"stereo":              stereo,
		"a live stream":       encode(t, "adult-clear.wav", "webm", "-live", "1", "-ar", "48000", "-c:a", "libopus"),
		"Matroska":            encode(t, "adult-clear.wav", "mka", "-ar", "48000", "-c:a", "libopus"),
		"the sound of a film": encode(t, "adult-clear.wav", "webm", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=5", "-shortest", "-c:v", "libvpx", "-ar", "48000", "-c:a", "libopus"),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decodeWith(decodeWebM, data)
			if err != nil {
				t.Fatal(err)
			}
			sameSpeech(t, got, data, nil)
		})
	}
}

// The same Opus packets in Ogg and in WebM are the same samples.
func TestWebMIsTheSameAsOgg(t *testing.T) {
	ogg := recording(t, "adult-errors.ogg")
	want, err := decodeWith(decodeOggOpus, ogg)
	if err != nil {
		t.Fatal(err)
	}
	packets := allPackets(t, ogg)
	for name, data := range map[string][]byte{
		"copied by ffmpeg": encode(t, "adult-errors.ogg", "webm", "-c:a", "copy"),
		"without lacing":   muxWebM(packets[0], packets[2:], 1, noLacing),
		"with Xiph lacing": muxWebM(packets[0], packets[2:], 7, xiphLacing),
		"with EBML lacing": muxWebM(packets[0], packets[2:], 7, ebmlLacing),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decodeWith(decodeWebM, data)
			if err != nil {
				t.Fatal(err)
			}
			if n := min(len(got), len(want)); n < len(want)-16 || len(got) > len(want)+960 || !equal(got[:n], want[:n]) {
				t.Errorf("%d samples, Ogg has %d", len(got), len(want))
			}
		})
	}
}

func TestWebMSurvivesDamage(t *testing.T) {
	data := encode(t, "adult-long.ogg", "webm", "-c:a", "copy", "-cluster_time_limit", "500")
	whole, err := decodeWith(decodeWebM, data)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("goes on at the next cluster, in time", func(t *testing.T) {
		bad := bytes.Clone(data)
		from := bytes.Index(bad[len(bad)/2:], []byte{0x1F, 0x43, 0xB6, 0x75}) + len(bad)/2
		clear(bad[from : from+100])
		got, err := decodeWith(decodeWebM, bad)
		if err != nil {
			t.Fatal(err)
		}
		if d := len(got) - len(whole); d < -80 || d > 80 {
			t.Fatalf("%d samples, want %d", len(got), len(whole))
		}
		tail := coach.SampleRate
		if db, _ := snr(got[len(got)-tail:], whole[len(whole)-tail:], 80); db < 30 {
			t.Errorf("SNR of the last second %.1f dB", db)
		}
	})
	t.Run("keeps what is there of a cut file", func(t *testing.T) {
		got, err := decodeWith(decodeWebM, data[:len(data)*6/10])
		if err != nil {
			t.Fatal(err)
		}
		if len(got) < len(whole)*55/100 || !equal(got, whole[:len(got)]) {
			t.Errorf("%d samples of %d", len(got), len(whole))
		}
	})
}

func TestWebMRefuses(t *testing.T) {
	data := recording(t, "chrome-recorder.webm")
	cluster := bytes.Index(data, []byte{0x1F, 0x43, 0xB6, 0x75})
	channels := bytes.Index(data, []byte(opusHeadMagic)) + 9
	with := func(at int, b byte) []byte {
		c := bytes.Clone(data)
		c[at] = b
		return c
	}
	for name, bad := range map[string][]byte{
		"no blocks":       data[:cluster],
		"no tracks":       append(bytes.Clone(data[:48]), data[cluster:]...),
		"255 channels":    with(channels, 255),
		"another track":   bytes.ReplaceAll(data, []byte{0xD7, 0x81, 0x01}, []byte{0xD7, 0x81, 0x02}),
		"damage all over": append(bytes.Clone(data[:cluster]), bytes.Repeat([]byte{0x1F, 0x43, 0xB6, 0x75, 0, 0, 0, 0}, 5000)...),
		"a huge element":  append(bytes.Clone(data[:cluster]), 0xA3, 0x01, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3),
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := decodeWith(decodeWebM, bad); !errors.Is(err, coach.ErrUnsupportedAudio) {
				t.Errorf("%d samples, error %v", len(s), err)
			}
		})
	}
}

func TestMatroskaLacing(t *testing.T) {
	three := [][]byte{[]byte("first"), bytes.Repeat([]byte("2"), 300), []byte("the third")}
	for name, c := range map[string]struct {
		lacing byte
		block  []byte
		want   [][]byte // nil: refused
	}{
		"none":              {0, []byte("all"), [][]byte{[]byte("all")}},
		"Xiph":              {1, laceXiph(three), three},
		"EBML":              {3, laceEBML(three), three},
		"fixed":             {2, []byte("\x02aabbcc"), [][]byte{[]byte("aa"), []byte("bb"), []byte("cc")}},
		"fixed, odd":        {2, []byte("\x02aabbc"), nil},
		"Xiph, too long":    {1, []byte("\x01\xff\x00ab"), nil},
		"Xiph, cut":         {1, []byte("\x05\xff\xff"), nil},
		"EBML, too long":    {3, []byte("\x01\x9fab"), nil},
		"EBML, below zero":  {3, []byte("\x02\x81\x80abc"), nil},
		"EBML, cut":         {3, []byte("\x07\x81"), nil},
		"no count of laces": {1, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := mkvFrames(c.block, c.lacing)
			if ok != (c.want != nil) {
				t.Fatalf("ok %v, frames %q", ok, got)
			}
			if diff := cmp.Diff(c.want, got); ok && diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Lacings of muxWebM: the flag and how frames are joined.
type lacing struct {
	flag byte
	join func([][]byte) []byte
}

var (
	noLacing   = lacing{0, func(f [][]byte) []byte { return f[0] }}
	xiphLacing = lacing{1, laceXiph}
	ebmlLacing = lacing{3, laceEBML}
)

func laceXiph(frames [][]byte) []byte {
	b := []byte{byte(len(frames) - 1)}
	for _, f := range frames[:len(frames)-1] {
		n := len(f)
		for ; n >= 255; n -= 255 {
			b = append(b, 255)
		}
		b = append(b, byte(n))
	}
	return append(b, bytes.Join(frames, nil)...)
}

func laceEBML(frames [][]byte) []byte {
	b := []byte{byte(len(frames) - 1)}
	last := 0
	for i, f := range frames[:len(frames)-1] {
		v := len(f)
		if i > 0 {
			v = len(f) - last + 1<<13 - 1
		}
		b = binary.BigEndian.AppendUint16(b, uint16(v)|0x4000)
		last = len(f)
	}
	return append(b, bytes.Join(frames, nil)...)
}

// muxWebM writes a file of one live cluster, each block with several packets.
func muxWebM(head []byte, packets [][]byte, perBlock int, l lacing) []byte {
	element := func(id []byte, body ...[]byte) []byte {
		b := bytes.Join(body, nil)
		size := append([]byte{0x08}, binary.BigEndian.AppendUint32(nil, uint32(len(b)))...)
		return bytes.Join([][]byte{id, size, b}, nil)
	}
	out := element([]byte{0x1A, 0x45, 0xDF, 0xA3})
	out = append(out, 0x18, 0x53, 0x80, 0x67, 0xFF) // a segment of unknown size
	out = append(out, element([]byte{0x16, 0x54, 0xAE, 0x6B}, element([]byte{0xAE},
		element([]byte{0xD7}, []byte{5}), element([]byte{0x83}, []byte{mkvTypeAudio}),
		element([]byte{0x86}, []byte("A_OPUS")), element([]byte{0x63, 0xA2}, head)))...)
	out = append(out, 0x1F, 0x43, 0xB6, 0x75, 0xFF) // a cluster of unknown size
	out = append(out, element([]byte{0xE7}, []byte{0})...)
	for i := 0; i < len(packets); i += perBlock {
		some := packets[i:min(i+perBlock, len(packets))]
		block := append([]byte{0x85, 0, 0, l.flag << 1}, l.join(some)...)
		out = append(out, element([]byte{0xA3}, block)...)
	}
	return out
}
