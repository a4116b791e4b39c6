package audio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/pion/opus"

	"github.com/mynah-coach/mynah/coach"
)

// The agreement in dB that decoders of the same speech must reach: ours with
// one other at least, and with ffmpeg's in any case (its SILK differs from
// libopus where pitch is predicted).
const (
	minSNR       = 40
	minSNRFFmpeg = 30
)

// decodeWith runs one of the decoders in this process.
func decodeWith(decoder func([]byte, *sink) error, data []byte) ([]float32, error) {
	out := &sink{limit: 180 * coach.SampleRate, slack: coach.SampleRate}
	if err := decoder(data, out); err != nil {
		return nil, err
	}
	return out.result()
}

// compareRate is where samples are compared, fine enough to line them up.
const compareRate = 48000

// band limits samples to what a 14 kHz rate can hold and brings them to
// compareRate. libopus decodes straight to 16 kHz; a reference that comes down
// from 48 kHz differs near 8 kHz by its own filter's edge, no error of either.
func band(x []float32, rate int) []float32 {
	return resample(resample(x, rate, 14000), 14000, compareRate)
}

// sameSpeech compares our samples at 16 kHz with ffmpeg's two Opus decoders,
// its own and a later libopus, and with pion's where one reads the recording.
// Lined up to the third of a sample, they must agree.
func sameSpeech(t *testing.T, got []float32, data []byte, pion []float32) {
	t.Helper()
	ours := band(got, coach.SampleRate)
	best := math.Inf(-1)
	for _, decoder := range []string{"opus", "libopus"} {
		ref := reference(t, data, fmt.Sprint(compareRate), "-c:a", decoder)
		if d := len(got) - len(ref)/3; d < -1 || d > 1 {
			t.Errorf("%d samples, ffmpeg's %s has %d", len(got), decoder, len(ref)/3)
		}
		db, _ := snr(ours, band(ref, compareRate), 3)
		best = max(best, db)
	}
	if best < minSNRFFmpeg {
		t.Errorf("SNR against ffmpeg %.1f dB, want at least %d", best, minSNRFFmpeg)
	}
	if pion != nil {
		db, _ := snr(got, pion, 0)
		best = max(best, db)
	}
	if best < minSNR {
		t.Errorf("best SNR %.1f dB, want at least %d", best, minSNR)
	}
}

func TestOggOpusDecodesLikeFFmpeg(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
	}{
		{"Discord's format", []string{"-ar", "48000", "-b:a", "32k"}},
		{"6 kbit/s", []string{"-b:a", "6k", "-application", "voip"}},
		{"12 kbit/s, wideband SILK", []string{"-b:a", "12k", "-application", "voip"}},
		{"20 kbit/s, hybrid", []string{"-ar", "48000", "-b:a", "20k", "-application", "voip"}},
		{"96 kbit/s", []string{"-ar", "48000", "-b:a", "96k"}},
		{"2.5 ms", []string{"-ar", "48000", "-b:a", "48k", "-frame_duration", "2.5", "-application", "lowdelay"}},
		{"5 ms", []string{"-ar", "48000", "-b:a", "48k", "-frame_duration", "5", "-application", "lowdelay"}},
		{"10 ms", []string{"-b:a", "24k", "-frame_duration", "10", "-application", "voip"}},
		{"40 ms", []string{"-b:a", "24k", "-frame_duration", "40", "-application", "voip"}},
		{"60 ms", []string{"-b:a", "24k", "-frame_duration", "60", "-application", "voip"}},
		{"80 ms", []string{"-b:a", "24k", "-frame_duration", "80", "-application", "voip"}},
		{"100 ms", []string{"-b:a", "24k", "-frame_duration", "100", "-application", "voip"}},
		{"120 ms", []string{"-b:a", "24k", "-frame_duration", "120", "-application", "voip"}},
		{"stereo", []string{"-ar", "48000", "-b:a", "64k", "-ac", "2"}},
		{"stereo at 12 kbit/s", []string{"-b:a", "12k", "-ac", "2", "-application", "voip"}},
		{"different channels", []string{"-ar", "48000", "-b:a", "64k", "-af", "aecho=0.8:0.9:40:0.5,pan=stereo|c0=c0|c1=-0.3*c0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := encode(t, "adult-clear.wav", "ogg", append(c.args, "-c:a", "libopus")...)
			got, err := decodeWith(decodeOggOpus, data)
			if err != nil {
				t.Fatal(err)
			}
			sameSpeech(t, got, data, decodeWithPion(t, data))
		})
	}
}

func TestOggOpusDecodesRealRecordings(t *testing.T) {
	for _, name := range []string{"adult-clear.ogg", "adult-errors.ogg", "child.ogg", "adult-long.ogg"} {
		t.Run(name, func(t *testing.T) {
			data := recording(t, name)
			got, err := decodeWith(decodeOggOpus, data)
			if err != nil {
				t.Fatal(err)
			}
			sameSpeech(t, got, data, decodeWithPion(t, data))
		})
	}
}

// decodeWithPion decodes an Ogg/Opus file with pion's decoder at 16 kHz itself;
// nil where that decoder can't.
func decodeWithPion(t *testing.T, data []byte) []float32 {
	t.Helper()
	packets := allPackets(t, data)
	head, err := parseOpusHead(packets[0])
	if err != nil {
		t.Fatal(err)
	}
	dec, err := opus.NewDecoderWithOutput(coach.SampleRate, 1)
	if err != nil {
		t.Fatal(err)
	}
	var all []float32
	for _, p := range packets[2:] {
		pcm := make([]float32, opusMaxLen/opusRatio)
		n, err := dec.DecodeToFloat32(p, pcm)
		if err != nil {
			return nil
		}
		all = append(all, pcm[:n]...)
	}
	return all[(head.preSkip+opusRatio/2)/opusRatio:]
}

func TestOggOpusHasTheLengthThatTheFileSays(t *testing.T) {
	for _, n := range []int{1, 100, 15999, 16000, 16001, 40321} {
		t.Run(fmt.Sprint(n, " samples"), func(t *testing.T) {
			tone := make([]float32, n)
			for i := range tone {
				tone[i] = float32(math.Sin(float64(i)/7)) / 2
			}
			got, err := decodeWith(decodeOggOpus, encodedTone(t, tone, "ogg", "-c:a", "libopus"))
			if err != nil {
				t.Fatal(err)
			}
			if d := len(got) - n; d < -1 || d > 1 {
				t.Errorf("%d samples, want %d", len(got), n)
			}
		})
	}
}

func TestOggOpusAppliesTheOutputGain(t *testing.T) {
	data := recording(t, "child.ogg")
	plain, err := decodeWith(decodeOggOpus, data)
	if err != nil {
		t.Fatal(err)
	}
	gain := int16(-6 * 256) // dB
	quiet := editPages(data, func(i int, page []byte) []byte {
		if i == 0 {
			binary.LittleEndian.PutUint16(page[oggHeaderLen+1+16:], uint16(gain))
		}
		return page
	})
	got, err := decodeWith(decodeOggOpus, quiet)
	if err != nil {
		t.Fatal(err)
	}
	for i := range plain {
		plain[i] *= float32(math.Pow(10, -6.0/20))
	}
	if db, _ := snr(got, plain, 0); db < 90 {
		t.Errorf("SNR %.1f dB against the scaled original", db)
	}
}

func TestOggOpusPlaysChainedStreamsInARow(t *testing.T) {
	one, two := recording(t, "child.ogg"), recording(t, "adult-errors.ogg")
	a, errA := decodeWith(decodeOggOpus, one)
	b, errB := decodeWith(decodeOggOpus, two)
	both, err := decodeWith(decodeOggOpus, append(bytes.Clone(one), two...))
	if err := errors.Join(errA, errB, err); err != nil {
		t.Fatal(err)
	}
	if !equal(both, append(a, b...)) {
		t.Error("the chain is not the sum of its links")
	}
}

func TestOggOpusIgnoresStreamsAlongside(t *testing.T) {
	main, other := recording(t, "child.ogg"), recording(t, "adult-errors.ogg")
	want, err := decodeWith(decodeOggOpus, main)
	if err != nil {
		t.Fatal(err)
	}
	// Multiplexed: both first pages, then the pages in turns.
	a, b := pages(main), pages(other)
	for _, p := range b {
		binary.LittleEndian.PutUint32(p[14:], 4711)
		sign(p)
	}
	var mixed []byte
	for i := range max(len(a), len(b)) {
		if i < len(a) {
			mixed = append(mixed, a[i]...)
		}
		if i < len(b) {
			mixed = append(mixed, b[i]...)
		}
	}
	got, err := decodeWith(decodeOggOpus, mixed)
	if err != nil {
		t.Fatal(err)
	}
	if !equal(got, want) {
		t.Error("another stream changed the samples")
	}
}

func TestOggOpusConcealsALostPage(t *testing.T) {
	// Short pages, so that one is a fraction of a second.
	data := encode(t, "adult-long.ogg", "ogg", "-c:a", "libopus", "-page_duration", "200000")
	whole, err := decodeWith(decodeOggOpus, data)
	if err != nil {
		t.Fatal(err)
	}
	const lost = 20
	from, to := spanOfPage(data, lost)
	for name, damaged := range map[string][]byte{
		"missing": editPages(data, func(i int, page []byte) []byte {
			if i == lost {
				return nil
			}
			return page
		}),
		"overwritten": editRaw(data, lost, func(page []byte) {
			for i := range page {
				page[i] = 0xAA
			}
		}),
		"with wrong lacing": editRaw(data, lost, func(page []byte) { page[oggHeaderLen] ^= 0x55 }),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decodeWith(decodeOggOpus, damaged)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(whole) {
				t.Errorf("%d samples, want %d: what follows has moved", len(got), len(whole))
			}
			if !equal(got[:from], whole[:from]) {
				t.Error("samples before the loss differ")
			}
			settled := to + coach.SampleRate/5 // the decoder finds back within a few frames
			if db, _ := snr(got[settled:], whole[settled:], 0); db < 30 {
				t.Errorf("SNR after the loss %.1f dB", db)
			}
		})
	}
}

func TestOggOpusKeepsAPageWithOneWrongBit(t *testing.T) {
	data := recording(t, "adult-long.ogg")
	whole, err := decodeWith(decodeOggOpus, data)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeWith(decodeOggOpus, editRaw(data, 5, func(page []byte) { page[len(page)/2] ^= 4 }))
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for i := range got {
		if d := got[i] - whole[i]; d < 0.01 && d > -0.01 {
			same++
		}
	}
	if len(got) != len(whole) || same < len(whole)*95/100 {
		t.Errorf("%d samples of %d, %d as they were", len(got), len(whole), same)
	}
}

func TestOggOpusKeepsTheBeginningOfATruncatedFile(t *testing.T) {
	data := recording(t, "adult-long.ogg")
	whole, err := decodeWith(decodeOggOpus, data)
	if err != nil {
		t.Fatal(err)
	}
	for _, percent := range []int{10, 37, 62, 99} {
		t.Run(fmt.Sprint(percent, " %"), func(t *testing.T) {
			got, err := decodeWith(decodeOggOpus, data[:len(data)*percent/100])
			if err != nil {
				t.Fatal(err)
			}
			if least := len(whole) * (percent - 5) / 100; len(got) < least || len(got) > len(whole) {
				t.Errorf("%d samples, want %d at least", len(got), least)
			}
			if !equal(got, whole[:len(got)]) {
				t.Error("they differ from the whole file's")
			}
		})
	}
}

func TestOggOpusRefuses(t *testing.T) {
	data := recording(t, "child.ogg")
	head := func(edit func(head []byte)) []byte {
		return editPages(data, func(i int, page []byte) []byte {
			if i == 0 {
				edit(page[oggHeaderLen+1:])
			}
			return page
		})
	}
	for name, bad := range map[string][]byte{
		"no audio page":       bytes.Join(pages(data)[:2], nil),
		"255 channels":        head(func(h []byte) { h[9], h[18] = 255, 255 }),
		"no channels":         head(func(h []byte) { h[9] = 0 }),
		"3 channels unmapped": head(func(h []byte) { h[9] = 3 }),
		"a later version":     head(func(h []byte) { h[8] = 16 }),
		"an unknown family":   head(func(h []byte) { h[18] = 77 }),
		"a cut head":          data[:40],
		"audio all empty": editPages(data, func(i int, page []byte) []byte {
			if i >= 2 {
				n := oggHeaderLen + int(page[26])
				clear(page[oggHeaderLen:n])
				page = page[:n]
			}
			return page
		}),
		"pages of damage": bytes.Repeat([]byte("OggS\x00\x00\x00\x00"), 100_000),
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := decodeWith(decodeOggOpus, bad); !errors.Is(err, coach.ErrUnsupportedAudio) {
				t.Errorf("%d samples, error %v", len(s), err)
			}
		})
	}
	t.Run("surround sound here, leaves it to ffmpeg", func(t *testing.T) {
		if _, err := decodeWith(decodeOggOpus, head(func(h []byte) { h[9], h[18] = 6, 1 })); !errors.Is(err, errForeign) {
			t.Error(err)
		}
	})
}

func TestOggOpusStopsAtTheLimit(t *testing.T) {
	out := &sink{limit: coach.SampleRate, slack: coach.SampleRate}
	if err := decodeOggOpus(recording(t, "adult-long.ogg"), out); !errors.Is(err, coach.ErrTooLong) {
		t.Error(err)
	}
	if n := len(out.samples); n > out.limit+out.slack {
		t.Errorf("%d samples collected, limit %d", n, out.limit)
	}
}

func TestOpusDuration(t *testing.T) {
	for _, c := range []struct {
		packet []byte
		want   int // 48 kHz samples
	}{
		{nil, 0},
		{[]byte{0 << 3}, 480},         // SILK NB 10 ms
		{[]byte{3 << 3}, 2880},        // SILK NB 60 ms
		{[]byte{13 << 3}, 960},        // hybrid 20 ms
		{[]byte{16 << 3}, 120},        // CELT 2.5 ms
		{[]byte{31 << 3}, 960},        // CELT FB 20 ms
		{[]byte{31<<3 | 1}, 1920},     // two frames
		{[]byte{31<<3 | 3}, 0},        // count missing
		{[]byte{31<<3 | 3, 6}, 5760},  // 120 ms
		{[]byte{31<<3 | 3, 7}, 0},     // 140 ms
		{[]byte{16<<3 | 3, 48}, 5760}, // 48 frames
		{[]byte{16<<3 | 3, 0}, 0},
	} {
		if got := opusDuration(c.packet); got != c.want {
			t.Errorf("%v: %d, want %d", c.packet, got, c.want)
		}
	}
}

func equal(a, b []float32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// pages splits an undamaged file into copies of its pages.
func pages(data []byte) (all [][]byte) {
	for r := newOggReader(data); ; {
		from := r.at
		if _, err := r.next(); err != nil {
			return all
		}
		all = append(all, bytes.Clone(data[from:r.at]))
	}
}

// editPages replaces each page and mends its checksum.
func editPages(data []byte, edit func(i int, page []byte) []byte) (edited []byte) {
	for i, p := range pages(data) {
		if p = edit(i, p); p != nil {
			sign(p)
			edited = append(edited, p...)
		}
	}
	return edited
}

// editRaw changes one page and leaves its checksum wrong.
func editRaw(data []byte, page int, edit func(page []byte)) []byte {
	all := pages(data)
	edit(all[page])
	return bytes.Join(all, nil)
}

// sign writes a page's checksum.
func sign(page []byte) {
	binary.LittleEndian.PutUint32(page[22:], newOggReader(nil).checksum(page))
}

// spanOfPage returns which samples of the result a page holds.
func spanOfPage(data []byte, page int) (from, to int) {
	all := pages(data)
	head, _ := parseOpusHead(all[0][oggHeaderLen+1:])
	at := func(i int) int {
		return (int(binary.LittleEndian.Uint64(all[i][6:])) - head.preSkip) / opusRatio
	}
	return at(page - 1), at(page)
}

// allPackets returns an undamaged file's packets, headers included.
func allPackets(t *testing.T, data []byte) (all [][]byte) {
	t.Helper()
	var a oggPackets
	for r := newOggReader(data); ; {
		p, err := r.next()
		if err != nil {
			return all
		}
		packets, lost := a.page(p)
		if lost {
			t.Fatal("packets lost in an undamaged file")
		}
		all = append(all, packets...)
	}
}

// encodedTone encodes samples with ffmpeg.
func encodedTone(t *testing.T, samples []float32, ext string, args ...string) []byte {
	t.Helper()
	return encode(t, wavFile(t, samples), ext, args...)
}
