package audio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/mynah-coach/mynah/coach"
)

// wavFile writes samples to a file.
func wavFile(t *testing.T, samples []float32) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "samples.wav")
	var b bytes.Buffer
	if err := writeWAV(&b, coach.Audio{Samples: samples}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWAVDecodesEveryFormatLikeFFmpeg(t *testing.T) {
	for _, c := range []struct {
		codec string
		least float64 // dB against ffmpeg's samples
	}{
		{"pcm_u8", 100}, {"pcm_s16le", 100}, {"pcm_s24le", 100}, {"pcm_s32le", 100},
		{"pcm_f32le", 100}, {"pcm_f64le", 100}, {"pcm_alaw", 100}, {"pcm_mulaw", 100},
	} {
		for _, channels := range []string{"1", "2"} {
			t.Run(c.codec+" x "+channels, func(t *testing.T) {
				data := encode(t, "adult-clear.wav", "wav", "-c:a", c.codec, "-ac", channels)
				got, err := decodeWith(decodeWAV, data)
				if err != nil {
					t.Fatal(err)
				}
				want := reference(t, data, "16000")
				if db, shift := snr(got, want, 2); len(got) != len(want) || db < c.least || shift != 0 {
					t.Errorf("%d samples of %d, %.1f dB at %d", len(got), len(want), db, shift)
				}
			})
		}
	}
}

func TestWAVDecodesEveryRate(t *testing.T) {
	for _, rate := range []int{8000, 11025, 12000, 22050, 24000, 32000, 44100, 48000, 96000, 192000} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			data := encode(t, "adult-clear.wav", "wav", "-ar", fmt.Sprint(rate))
			got, err := decodeWith(decodeWAV, data)
			if err != nil {
				t.Fatal(err)
			}
			want := reference(t, data, "16000")
			if d := len(got) - len(want); d < -2 || d > 2 {
				t.Errorf("%d samples, ffmpeg has %d", len(got), len(want))
			}
			low := func(x []float32) []float32 { return resample(resample(x, 16000, 7000), 7000, 16000) }
			if db, shift := snr(low(got), low(want), 2); db < minSNR || shift != 0 {
				t.Errorf("%.1f dB at a shift of %d", db, shift)
			}
		})
	}
}

func TestWAVWithLyingSizes(t *testing.T) {
	data := recording(t, "adult-clear.wav")
	want, err := decodeWith(decodeWAV, data)
	if err != nil {
		t.Fatal(err)
	}
	set := func(riff, size uint32) []byte {
		b := bytes.Clone(data)
		binary.LittleEndian.PutUint32(b[4:], riff)
		binary.LittleEndian.PutUint32(b[40:], size)
		return b
	}
	for name, b := range map[string][]byte{
		"zero, as a stream has":    set(0, 0),
		"all ones":                 set(math.MaxUint32, math.MaxUint32),
		"more than there is":       set(1<<30, 1<<30),
		"the file smaller":         set(10, uint32(len(data)-44)),
		"half a sample at the end": append(bytes.Clone(set(0, 0)), 1),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decodeWith(decodeWAV, b)
			if err != nil || !equal(got, want) {
				t.Errorf("%d samples of %d, error %v", len(got), len(want), err)
			}
		})
	}
	t.Run("cut off", func(t *testing.T) {
		got, err := decodeWith(decodeWAV, data[:len(data)/2])
		if err != nil || len(got) < len(want)/2-32 || !equal(got, want[:len(got)]) {
			t.Errorf("%d samples, error %v", len(got), err)
		}
	})
}

func TestWAVRefuses(t *testing.T) {
	data := recording(t, "adult-clear.wav")
	with := func(at int, value ...byte) []byte {
		b := bytes.Clone(data)
		copy(b[at:], value)
		return b
	}
	for name, b := range map[string][]byte{
		"255 channels":     with(22, 255, 0),
		"no channels":      with(22, 0, 0),
		"1 Hz":             with(24, 1, 0, 0, 0),
		"4 GHz":            with(24, 255, 255, 255, 255),
		"0 bits":           with(34, 0, 0),
		"65535 bits":       with(34, 255, 255),
		"no data":          data[:36],
		"an empty file":    data[:44],
		"a cut header":     data[:20],
		"data too early":   append(bytes.Clone(data[:12]), data[36:]...),
		"float of 16 bits": with(20, 3, 0),
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := decodeWith(decodeWAV, b); !errors.Is(err, coach.ErrUnsupportedAudio) {
				t.Errorf("%d samples, error %v", len(s), err)
			}
		})
	}
	t.Run("ADPCM here, leaves it to ffmpeg", func(t *testing.T) {
		if _, err := decodeWith(decodeWAV, with(20, 0x11, 0)); !errors.Is(err, errForeign) {
			t.Error(err)
		}
	})
	t.Run("more than the limit, before it decodes", func(t *testing.T) {
		out := &sink{limit: coach.SampleRate}
		if err := decodeWAV(data, out); !errors.Is(err, coach.ErrTooLong) || len(out.samples) > 0 {
			t.Error(err, len(out.samples))
		}
	})
}

func TestWrittenWAVIsReadBack(t *testing.T) {
	want := []float32{0, 0.5, -0.5, 1, -1, 0.001}
	var b bytes.Buffer
	if err := writeWAV(&b, coach.Audio{Samples: want}); err != nil {
		t.Fatal(err)
	}
	got, err := decodeWith(decodeWAV, b.Bytes())
	if err != nil || len(got) != len(want) {
		t.Fatal(got, err)
	}
	for i := range want {
		if d := got[i] - want[i]; d > 5e-5 || d < -5e-5 {
			t.Errorf("sample %d: %g, want %g", i, got[i], want[i])
		}
	}
}

func TestResampleRatio(t *testing.T) {
	for _, c := range []struct{ to, from, up, down int }{
		{16000, 44100, 160, 441}, {16000, 11025, 640, 441}, {16000, 48000, 1, 3}, {16000, 8000, 2, 1}, {16000, 22050, 320, 441},
	} {
		if up, down := ratio(c.to, c.from); up != c.up || down != c.down {
			t.Errorf("%d from %d: %d/%d, want %d/%d", c.to, c.from, up, down, c.up, c.down)
		}
	}
	for from := wavMinRate; from <= wavMaxRate; from += 7 {
		up, down := ratio(coach.SampleRate, from)
		off := float64(up)/float64(down)*float64(from)/coach.SampleRate - 1
		if up < 1 || up > resamplePhases || math.Abs(off) > 1.0/resamplePhases {
			t.Fatalf("%d Hz: %d/%d is %.2g off", from, up, down, off)
		}
	}
}

// Tones through the resampler: kept below the lower Nyquist frequency's edge,
// gone above it.
func TestResample(t *testing.T) {
	const seconds = 1
	tone := func(hz, rate int) []float32 {
		x := make([]float32, rate*seconds)
		for i := range x {
			x[i] = float32(math.Sin(2 * math.Pi * float64(hz) * float64(i) / float64(rate)))
		}
		return x
	}
	power := func(x []float32) float64 { // of the middle, away from the edges
		sum := 0.0
		for _, v := range x[len(x)/4 : len(x)*3/4] {
			sum += float64(v) * float64(v)
		}
		return 10*math.Log10(sum/float64(len(x)/2)+1e-20) + 3.01
	}
	for _, rate := range []int{8000, 22050, 44100, 48000, 96000} {
		edge := min(rate, 16000) / 2
		for _, hz := range []int{100, 1000, edge * 85 / 100} {
			t.Run(fmt.Sprintf("keeps %d Hz of %d", hz, rate), func(t *testing.T) {
				got, want := resample(tone(hz, rate), rate, 16000), tone(hz, 16000)
				n := len(want)
				if len(got) != n {
					t.Fatalf("%d samples", len(got))
				}
				if db, shift := snr(got[n/4:n*3/4], want[n/4:n*3/4], 0); db < 80 {
					t.Errorf("%.1f dB at %d", db, shift)
				}
			})
		}
		if rate > 17000 {
			for _, hz := range []int{8500, 10000, rate/2 - 100} {
				t.Run(fmt.Sprintf("drops %d Hz of %d", hz, rate), func(t *testing.T) {
					if db := power(resample(tone(hz, rate), rate, 16000)); db > -90 {
						t.Errorf("alias at %.1f dB", db)
					}
				})
			}
		}
	}
}

// writeWAV writes a as 16 bit PCM.
func writeWAV(w io.Writer, a coach.Audio) error {
	size := 2 * len(a.Samples)
	b := make([]byte, 0, 44+size)
	u32 := func(v int) { b = binary.LittleEndian.AppendUint32(b, uint32(v)) }
	u16 := func(v int) { b = binary.LittleEndian.AppendUint16(b, uint16(v)) }
	b = append(b, "RIFF"...)
	u32(36 + size)
	b = append(b, "WAVEfmt "...)
	u32(16)
	u16(wavPCM)
	u16(1)
	u32(coach.SampleRate)
	u32(2 * coach.SampleRate)
	u16(2)
	u16(16)
	b = append(b, "data"...)
	u32(size)
	for _, v := range a.Samples {
		u16(int(math.Round(float64(clip(v)) * 32767)))
	}
	_, err := w.Write(b)
	return err
}
