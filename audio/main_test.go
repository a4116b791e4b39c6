package audio

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is the decoding child where Decoder starts this binary as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case ChildCommand:
			os.Exit(Child(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
		case "attack":
			os.Exit(attack(os.Args[2], os.Args[3:]))
		case "service":
			serveUntilKilled(os.Args[2])
		}
	}
	goleak.VerifyTestMain(m)
}

// tool returns the path of a program that a test needs. Where continuous
// integration runs, it has to be there.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed: nothing to compare with", name)
	}
	return path
}

// recording reads a file of testdata.
func recording(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// encode makes a recording with ffmpeg from one in testdata (or a path).
func encode(t testing.TB, from, ext string, args ...string) []byte {
	t.Helper()
	if !filepath.IsAbs(from) {
		from = filepath.Join("testdata", from)
	}
	to := filepath.Join(t.TempDir(), "made."+ext)
	all := append([]string{"-nostdin", "-v", "error", "-i", from}, args...)
	if out, err := exec.Command(tool(t, "ffmpeg"), append(all, to)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, out)
	}
	b, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// reference decodes a recording with ffmpeg's own decoders at a rate.
func reference(t testing.TB, data []byte, rate string, args ...string) []float32 {
	t.Helper()
	from := filepath.Join(t.TempDir(), "recording")
	if err := os.WriteFile(from, data, 0o600); err != nil {
		t.Fatal(err)
	}
	all := append(append([]string{"-nostdin", "-v", "error"}, args...), "-i", from, "-rematrix_maxval", "1", "-ac", "1", "-ar", rate, "-f", "f32le", "-")
	var stderr bytes.Buffer
	cmd := exec.Command(tool(t, "ffmpeg"), all...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, &stderr)
	}
	samples := make([]float32, len(out)/4)
	for i := range samples {
		samples[i] = math.Float32frombits(binary.LittleEndian.Uint32(out[4*i:]))
	}
	return samples
}

// decodeBytes decodes through the whole of Decoder.
func decodeBytes(t testing.TB, d *Decoder, data []byte) ([]float32, error) {
	t.Helper()
	a, err := d.Decode(context.Background(), bytes.NewReader(data))
	return a.Samples, err
}

// snr is the ratio of want to got-want in dB where the two fit best, shifted
// by at most maxShift samples, and that shift. A second in the middle tells
// where they fit.
func snr(got, want []float32, maxShift int) (db float64, shift int) {
	const window = 16000
	ratio := func(from, to, s int) float64 {
		var signal, noise float32
		for i := max(from, -s); i < min(to, len(want), len(got)-s); i++ {
			w, d := want[i], got[i+s]-want[i]
			signal += w * w
			noise += d * d
		}
		return 10 * math.Log10(float64(signal)/(float64(noise)+1e-12))
	}
	best := math.Inf(-1)
	from := max(0, min(len(got), len(want))/2-window/2)
	for s := -maxShift; s <= maxShift && maxShift > 0; s++ {
		if r := ratio(from, from+window, s); r > best {
			best, shift = r, s
		}
	}
	return ratio(0, len(want), shift), shift
}
