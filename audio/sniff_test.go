package audio

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestSniff(t *testing.T) {
	oggWith := func(packet string) string {
		return "OggS\x00\x02" + string(make([]byte, 20)) + "\x01" + string(rune(len(packet))) + packet
	}
	adts := "\xff\xf1\x50\x80\x01\x7f\xfc\x00\x00\x00\x00" // 11 bytes
	mp3 := string(append([]byte{0xff, 0xfb, 0x10, 0xc4}, make([]byte, 100)...))
	for name, c := range map[string]struct {
		head string
		want Container
	}{
		"Ogg/Opus":                 {oggWith("OpusHead"), OggOpus},
		"Ogg/Opus after another":   {oggWith("fishead\x00") + oggWith("OpusHead"), OggOpus},
		"Ogg/Vorbis":               {oggWith("\x01vorbis"), OggOther},
		"a cut Ogg page":           {"OggS\x00\x02", OggOther},
		"WAV":                      {"RIFF\x24\x00\x00\x00WAVEfmt ", WAV},
		"another RIFF":             {"RIFF\x24\x00\x00\x00AVI LIST", Unknown},
		"WebM":                     {"\x1a\x45\xdf\xa3\x9f\x42\x86", WebM},
		"MP4":                      {"\x00\x00\x00\x20ftypisom", MP4},
		"FLAC":                     {"fLaC\x00\x00\x00\x22", FLAC},
		"AMR":                      {"#!AMR\n<", AMR},
		"wideband AMR":             {"#!AMR-WB\n<", AMR},
		"CAF":                      {"caff\x00\x01\x00\x00desc", CAF},
		"AIFF":                     {"FORM\x00\x00\x00\x00AIFFCOMM", AIFF},
		"compressed AIFF":          {"FORM\x00\x00\x00\x00AIFCFVER", AIFF},
		"another FORM":             {"FORM\x00\x00\x00\x00ILBMBMHD", Unknown},
		"tagged MP3":               {"ID3\x04\x00\x00\x00\x00\x10\x00", MP3},
		"tagged FLAC":              {"ID3\x04\x00\x00\x00\x00\x00\x02\x00\x00fLaC", FLAC},
		"tagged AAC":               {"ID3\x04\x00\x00\x00\x00\x00\x02\x00\x00" + adts, AAC},
		"a tag of impossible size": {"ID3\x04\x00\x00\xff\x00\x00\x00", Unknown},
		"MP3 frames":               {mp3 + mp3, MP3},
		"one MP3 frame":            {mp3[:60], MP3},
		"an MP3 frame and noise":   {mp3 + "nothing of the sort" + mp3, Unknown},
		"AAC frames":               {adts + adts, AAC},
		"an AAC frame and noise":   {adts + "no frame at all", Unknown},
		"MPEG layer II":            {"\xff\xfd\x10\xc4", Unknown},
		"a UTF-16 text":            {"\xff\xfeh\x00i\x00", Unknown},
		"nothing":                  {"", Unknown},
		"text":                     {"I think it is important", Unknown},
		"PDF":                      {"%PDF-1.7\n", Unknown},
		"ZIP":                      {"PK\x03\x04", Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Sniff([]byte(c.head)); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// Every container that ffmpeg is handed has a demuxer, and each of those names
// a container that Sniff knows.
func TestFormatsAreForcedOnFFmpeg(t *testing.T) {
	for _, kind := range []Container{OggOpus, OggOther, WAV, WebM, MP4, MP3, FLAC, AAC, AMR, CAF, AIFF} {
		if format(kind) == "" {
			t.Errorf("%s has none", kind)
		}
	}
	if format(Unknown) != "" {
		t.Error("the unknown has one")
	}
}

func FuzzSniff(f *testing.F) {
	seed(f, 64)
	f.Fuzz(func(t *testing.T, head []byte) {
		kind := Sniff(head)
		if len(head) > SniffLen && Sniff(head[:SniffLen]) != kind {
			t.Error("looks beyond SniffLen")
		}
	})
}

// seed adds the beginnings of the recordings in testdata to a fuzz corpus.
func seed(f *testing.F, n int, names ...string) {
	f.Helper()
	if len(names) == 0 {
		names = []string{"adult-clear.ogg", "adult-clear.webm", "adult-clear.m4a", "adult-clear.wav", "chrome-recorder.webm"}
	}
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.Clone(b[:min(n, len(b))]))
	}
}
