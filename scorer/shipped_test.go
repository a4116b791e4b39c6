package scorer_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// libraryPath is the library that `make runtime` fetches. Without it tests are
// skipped, except where CI must have it.
func libraryPath(tb testing.TB) string {
	tb.Helper()
	path, err := filepath.Abs("../build/onnxruntime/libonnxruntime.so")
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			tb.Fatalf("%v; run `make runtime`", err)
		}
		tb.Skipf("%v; run `make runtime`", err)
	}
	return path
}

func read(tb testing.TB, path string) []byte {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// readWAV reads 16-bit mono samples at 16 kHz; the corpus's headers have 44
// bytes.
func readWAV(tb testing.TB, path string) []float32 {
	tb.Helper()
	b := read(tb, path)
	if len(b) < 44 || string(b[:4]) != "RIFF" || binary.LittleEndian.Uint32(b[24:]) != 16000 || binary.LittleEndian.Uint16(b[34:]) != 16 {
		tb.Fatalf("%s is no WAV file of 16 bits at 16 kHz", path)
	}
	out := make([]float32, (len(b)-44)/2)
	for i := range out {
		out[i] = float32(int16(binary.LittleEndian.Uint16(b[44+2*i:]))) / (1 << 15)
	}
	return out
}
