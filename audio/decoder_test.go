package audio

import "testing"

func TestTmp(t *testing.T) {
	d := &Decoder{}
	c, err := d.Confinement(t.Context())
	t.Log(c, err, c.FFmpeg, c.UnconfinedBy, c.Landlock)
	for _, n := range []string{"adult-clear.ogg", "adult-errors.ogg", "child.ogg", "adult-long.ogg", "adult-clear.webm", "adult-clear.wav", "adult-clear.m4a"} {
		data := recording(t, n)
		got, err := decodeBytes(t, d, data)
		if err != nil {
			t.Error(n, err)
			continue
		}
		want := reference(t, data, "16000")
		db, s := snr(got, want, 20)
		want48 := resample(reference(t, data, "48000"), 48000, 16000)
		db2, s2 := snr(got, want48, 20)
		low := func(x []float32) []float32 { return resample(resample(x, 16000, 14000), 14000, 16000) }
		db3, s3 := snr(low(got), low(want48), 20)
		t.Log(n, len(got), len(want), db, s, "48:", len(want48), db2, s2, "low", db3, s3)
	}
}
