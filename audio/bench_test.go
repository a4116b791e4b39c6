package audio

import "testing"

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"adult-clear.ogg", "adult-long.ogg", "adult-clear.m4a"} {
		b.Run(name, func(b *testing.B) {
			data, d := recording(b, name), &Decoder{}
			for b.Loop() {
				if _, err := decodeBytes(b, d, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
