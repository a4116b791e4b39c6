package audio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

func TestDecoderDecodesWhatPeopleRecord(t *testing.T) {
	wav := recording(t, "adult-clear.wav")
	want, err := decodeWith(decodeWAV, wav)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, ext string
		args      []string
		least     float64 // dB against the original: what the codec keeps
	}{
		{"Discord", "ogg", []string{"-c:a", "libopus", "-ar", "48000", "-b:a", "32k"}, 4},
		{"WebM/Opus", "webm", []string{"-c:a", "libopus", "-ar", "48000", "-b:a", "64k"}, 4},
		{"M4A/AAC", "m4a", []string{"-c:a", "aac", "-ar", "44100", "-b:a", "96k"}, 4},
		{"M4A/AAC stereo", "m4a", []string{"-c:a", "aac", "-ac", "2", "-b:a", "96k"}, 4},
		{"M4A/ALAC", "m4a", []string{"-c:a", "alac"}, 60},
		{"MP4 for streaming", "mp4", []string{"-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-b:a", "96k"}, 4},
		{"3GP", "3gp", []string{"-c:a", "aac"}, 4},
		{"QuickTime", "mov", []string{"-c:a", "pcm_s16be"}, 60},
		{"MP3", "mp3", []string{"-c:a", "libmp3lame", "-b:a", "96k"}, 4},
		{"MP3 without tags", "mp3", []string{"-c:a", "libmp3lame", "-b:a", "96k", "-id3v2_version", "0", "-write_xing", "0"}, 4},
		{"AAC", "aac", []string{"-c:a", "aac", "-b:a", "96k"}, 4},
		{"FLAC", "flac", []string{"-c:a", "flac"}, 60},
		{"Ogg/FLAC", "oga", []string{"-c:a", "flac"}, 60},
		{"Ogg/Vorbis", "ogg", []string{"-c:a", "libvorbis", "-q:a", "6"}, 4},
		{"Ogg/Speex", "spx", []string{"-c:a", "libspeex"}, 0},
		{"Ogg/Opus of six channels", "ogg", []string{"-c:a", "libopus", "-ac", "6", "-b:a", "256k"}, 0},
		{"WebM/Vorbis", "webm", []string{"-c:a", "libvorbis", "-q:a", "6"}, 4},
		{"Matroska/AAC", "mka", []string{"-c:a", "aac", "-b:a", "96k"}, 4},
		{"WAV/ADPCM", "wav", []string{"-c:a", "adpcm_ima_wav"}, 4},
		{"CAF", "caf", []string{"-c:a", "pcm_s16be"}, 60},
		{"AIFF", "aiff", nil, 60},
		{"WAV", "wav", []string{"-ar", "44100", "-c:a", "pcm_s24le"}, 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := decodeBytes(t, &Decoder{}, encode(t, "adult-clear.wav", c.ext, c.args...))
			if err != nil {
				t.Fatal(err)
			}
			if d := len(got) - len(want); d < -800 || d > 3200 { // a coder's delay and padding
				t.Errorf("%d samples, the original has %d", len(got), len(want))
			}
			// Few samples a second are enough to line them up.
			low := func(x []float32) []float32 { return resample(x, 16000, 4000) }
			if db, shift := snr(low(got), low(want), 700); db < c.least {
				t.Errorf("%.1f dB against the original at a shift of %d", db, shift)
			}
		})
	}
}

func TestDecoderDecodesTheRecordingsOfTestdata(t *testing.T) {
	for name, seconds := range map[string]float64{
		"adult-clear.ogg": 4.48, "adult-errors.ogg": 5.12, "child.ogg": 3.49, "adult-long.ogg": 9.30,
		"adult-clear.webm": 3.90, "adult-clear.m4a": 3.44, "adult-clear.wav": 3.54, "chrome-recorder.webm": 4.20,
	} {
		t.Run(name, func(t *testing.T) {
			a, err := (&Decoder{}).Decode(t.Context(), bytes.NewReader(recording(t, name)))
			if err != nil {
				t.Fatal(err)
			}
			if d := a.Seconds() - seconds; d < -0.02 || d > 0.02 {
				t.Errorf("%.3f s, want %.2f", a.Seconds(), seconds)
			}
		})
	}
}

func TestDecoderDecodesTheSoundOfAVideo(t *testing.T) {
	data := encode(t, "adult-clear.wav", "mp4", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=5", "-shortest",
		"-c:v", "mpeg4", "-c:a", "aac")
	if got, err := decodeBytes(t, &Decoder{}, data); err != nil || len(got) < 3*coach.SampleRate {
		t.Error(len(got), err)
	}
}

func TestDecoderDecodesMP3WithACover(t *testing.T) {
	data := encode(t, "adult-clear.wav", "mp3", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=1:duration=1", "-map", "0", "-map", "1",
		"-frames:v", "1", "-c:v", "png", "-disposition:v", "attached_pic", "-c:a", "libmp3lame")
	if got, err := decodeBytes(t, &Decoder{}, data); err != nil || len(got) < 3*coach.SampleRate {
		t.Error(len(got), err)
	}
}

func TestDecoderDecodesAMR(t *testing.T) {
	frame := append([]byte{0x3C}, make([]byte, 31)...) // 20 ms at 12.2 kbit/s, RFC 4867 section 5.3
	got, err := decodeBytes(t, &Decoder{}, append([]byte("#!AMR\n"), bytes.Repeat(frame, 100)...))
	if d := len(got) - 2*coach.SampleRate; err != nil || d < -100 || d > 100 {
		t.Errorf("%d samples, error %v", len(got), err)
	}
}

// The most memory that a recording can ask for: as many samples as fit into
// the largest file, at the highest rate.
func TestDecoderDecodesTheLargestWAV(t *testing.T) {
	data := make([]byte, DefaultMaxBytes)
	copy(data, "RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\xff\xed\x02\x00\xff\xed\x02\x00\x01\x00\x08\x00data")
	if raceDetector {
		t.Skip("the race detector takes the child's memory for itself")
	}
	d := &Decoder{MaxSeconds: MaxSeconds, Timeout: 5 * time.Minute}
	got, err := decodeBytes(t, d, data) // 191999 Hz
	if seconds := len(got) / coach.SampleRate; err != nil || seconds != 136 {
		t.Errorf("%d s, error %v", seconds, err)
	}
}

func TestDecoderRefusesWhatIsNoAudio(t *testing.T) {
	ogg := recording(t, "adult-clear.ogg")
	noise := make([]byte, 10<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	for name, data := range map[string][]byte{
		"an empty file":          {},
		"one byte":               {'O'},
		"a PDF":                  []byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"),
		"10 MiB of noise":        noise,
		"10 MiB of zeros":        make([]byte, 10<<20),
		"a playlist":             []byte("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"),
		"a concatenation script": []byte("ffconcat version 1.0\nfile /etc/hostname\n"),
		"a web page":             []byte("<!doctype html><title>Sign in</title>"),
		"an ogg head alone":      ogg[:60],
		"ogg, then noise":        append(bytes.Clone(ogg[:47]), noise[:100_000]...),
		"a PDF behind OggS":      []byte("OggS%PDF-1.7\n1 0 obj\n"),
		"mp4, then noise":        append([]byte("\x00\x00\x00\x18ftypM4A "), noise[:100_000]...),
		"webm, then noise":       append([]byte("\x1a\x45\xdf\xa3"), noise[:100_000]...),
		"flac, then noise":       append([]byte("fLaC"), noise[:100_000]...),
		"amr, then nothing":      []byte("#!AMR\n"),
		"a playlist behind ID3":  []byte("ID3\x04\x00\x00\x00\x00\x00\x00#EXTM3U\nfile:///etc/passwd\n"),
		"a video without sound": encode(t, "adult-clear.wav", "mp4", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=1",
			"-map", "1:v", "-c:v", "mpeg4"),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decodeBytes(t, &Decoder{}, data)
			if !errors.Is(err, coach.ErrUnsupportedAudio) {
				t.Errorf("%d samples, error %v", len(got), err)
			}
		})
	}
}

func TestDecoderStopsAtTheLimit(t *testing.T) {
	minutes := map[string][]byte{
		// 40 minutes of 6 kbit/s in 1.8 MB: chained copies of one minute.
		"40 minutes of 6 kbit/s": bytes.Repeat(encode(t, "adult-clear.wav", "ogg",
			"-af", "aloop=-1:size=56640,atrim=duration=60", "-c:a", "libopus", "-b:a", "6k"), 40),
		"61 s of WAV":  encode(t, "adult-clear.wav", "wav", "-af", "aloop=-1:size=56640,atrim=duration=61"),
		"61 s of WebM": encode(t, "adult-clear.wav", "webm", "-af", "aloop=-1:size=56640,atrim=duration=61", "-c:a", "libopus"),
		"61 s of M4A":  encode(t, "adult-clear.wav", "m4a", "-af", "aloop=-1:size=56640,atrim=duration=61", "-c:a", "aac"),
		"10 min of MP3": encode(t, "adult-clear.wav", "mp3", "-af", "aloop=-1:size=56640,atrim=duration=600",
			"-c:a", "libmp3lame", "-b:a", "16k"),
	}
	for name, data := range minutes {
		t.Run(name, func(t *testing.T) {
			got, err := decodeBytes(t, &Decoder{}, data)
			if !errors.Is(err, coach.ErrTooLong) {
				t.Errorf("%d samples, error %v", len(got), err)
			}
		})
	}
	t.Run("which a recording may just reach", func(t *testing.T) {
		data := encode(t, "adult-clear.wav", "ogg", "-af", "aloop=-1:size=56640,atrim=duration=60", "-c:a", "libopus")
		got, err := decodeBytes(t, &Decoder{}, data)
		if err != nil || len(got) != 60*coach.SampleRate {
			t.Errorf("%d samples, error %v", len(got), err)
		}
	})
	t.Run("that is configured", func(t *testing.T) {
		data := minutes["61 s of M4A"]
		if got, err := decodeBytes(t, &Decoder{MaxSeconds: 90}, data); err != nil || len(got) < 61*coach.SampleRate {
			t.Errorf("%d samples, error %v", len(got), err)
		}
	})
	t.Run("that no configuration lifts", func(t *testing.T) {
		if _, err := decodeBytes(t, &Decoder{MaxSeconds: 1e9}, minutes["10 min of MP3"]); !errors.Is(err, coach.ErrTooLong) {
			t.Error(err)
		}
	})
}

func TestDecoderReadsNoMoreThanItMayKeep(t *testing.T) {
	const limit = 1000
	ogg := recording(t, "child.ogg")
	for size, want := range map[int]error{limit: coach.ErrUnsupportedAudio, limit + 1: coach.ErrTooLarge, 1 << 30: coach.ErrTooLarge} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			r := &countingReader{r: io.LimitReader(zeros{}, int64(size))}
			_, err := (&Decoder{MaxBytes: limit}).Decode(t.Context(), r)
			if !errors.Is(err, want) || r.n > limit+1 {
				t.Errorf("error %v after %d bytes", err, r.n)
			}
		})
	}
	t.Run("in any pieces", func(t *testing.T) {
		a, err := (&Decoder{MaxBytes: int64(len(ogg))}).Decode(t.Context(), iotest.OneByteReader(bytes.NewReader(ogg)))
		if err != nil || len(a.Samples) == 0 {
			t.Error(err)
		}
	})
}

func TestDecoderReportsItsOwnFailuresAsOurs(t *testing.T) {
	ogg := recording(t, "child.ogg")
	broken := errors.New("connection reset")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		d    *Decoder
		ctx  context.Context
		r    io.Reader
		want error
	}{
		"the recording's reader fails": {&Decoder{}, t.Context(), io.MultiReader(bytes.NewReader(ogg), iotest.ErrReader(broken)), broken},
		"the recording is gone":        {&Decoder{}, t.Context(), iotest.ErrReader(coach.ErrAudioGone), coach.ErrAudioGone},
		"no program to start":          {&Decoder{Command: []string{"/nonexistent"}}, t.Context(), bytes.NewReader(ogg), os.ErrNotExist},
		"the context has ended":        {&Decoder{}, cancelled, bytes.NewReader(ogg), context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.d.Decode(c.ctx, c.r)
			if !errors.Is(err, c.want) || errors.Is(err, coach.ErrUnsupportedAudio) {
				t.Error(err)
			}
		})
	}
}

func TestDecoderWithoutFFmpeg(t *testing.T) {
	d := &Decoder{FFmpeg: "none"}
	if got, err := decodeBytes(t, d, recording(t, "chrome-recorder.webm")); err != nil || len(got) == 0 {
		t.Error(err)
	}
	_, err := decodeBytes(t, d, recording(t, "adult-clear.m4a"))
	if !errors.Is(err, coach.ErrUnsupportedAudio) || !strings.Contains(err.Error(), "ffmpeg") {
		t.Error(err)
	}
}

// Whatever is done to a recording, the answer is samples or a learner's error.
func TestDecoderOfDamagedRecordings(t *testing.T) {
	for _, name := range []string{"child.ogg", "adult-clear.webm", "chrome-recorder.webm", "adult-clear.m4a", "adult-clear.wav"} {
		data := recording(t, name)
		rng := rand.New(rand.NewPCG(1, uint64(len(data))))
		for i := range 12 {
			t.Run(fmt.Sprint(name, i), func(t *testing.T) {
				bad := bytes.Clone(data)
				switch i % 3 {
				case 0:
					bad = bad[:rng.IntN(len(bad))]
				case 1:
					for range 1 + rng.IntN(20) {
						bad[rng.IntN(len(bad))] ^= 1 << rng.IntN(8)
					}
				case 2:
					from := rng.IntN(len(bad))
					clear(bad[from:min(len(bad), from+2000)])
				}
				got, err := decodeBytes(t, &Decoder{}, bad)
				if err != nil && coach.ReasonOf(err) == "" || err == nil && len(got) == 0 {
					t.Errorf("%d samples, error %v", len(got), err)
				}
			})
		}
	}
}

func TestDecoderLeavesNothingBehind(t *testing.T) {
	d := &Decoder{MaxSeconds: 4}
	recordings := [][]byte{
		recording(t, "child.ogg"), recording(t, "adult-long.ogg"), // fits, too long
		[]byte("no audio"), recording(t, "adult-clear.wav"),
	}
	decode := func(n int) {
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := w; i < n; i += 4 {
					_, err := d.Decode(context.Background(), bytes.NewReader(recordings[i%len(recordings)]))
					if err != nil && coach.ReasonOf(err) == "" {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	}
	decode(8)
	fds, goroutines := openFiles(t), runtime.NumGoroutine()
	decode(200)
	if now := openFiles(t); now > fds {
		t.Errorf("%d descriptors open, %d before", now, fds)
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if now := runtime.NumGoroutine(); now > goroutines {
		t.Errorf("%d goroutines, %d before", now, goroutines)
	}
}

func TestDecoderTakesLittleMemory(t *testing.T) {
	data := encode(t, "adult-clear.wav", "ogg", "-af", "aloop=-1:size=56640,atrim=duration=60", "-c:a", "libopus")
	d := &Decoder{}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := decodeBytes(t, d, data); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	// 60 s are 3.8 MB of samples; a slice that grows leaves some copies behind.
	if used := after.TotalAlloc - before.TotalAlloc; used > 24<<20 {
		t.Errorf("%d bytes allocated for a minute", used)
	}
}

// A child must die with the service, however that ends.
func TestChildDiesWithTheService(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "marker")
	service := exec.Command(selfExecutable(), "service", marker)
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	pid := waitFor(t, marker)
	if err := service.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = service.Wait()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("child %s lives: %s", pid, stat)
		}
	}
}

// waitFor returns what is in a file once something is.
func waitFor(t *testing.T, path string) string {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
			return string(b)
		}
	}
	t.Fatal("nothing in " + path)
	return ""
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no list of descriptors here")
	}
	return len(entries)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type countingReader struct {
	r io.Reader
	n int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}
