package audio

import (
	"fmt"
	"os"
	"strconv"
	"syscall"

	"github.com/mynah-coach/mynah/coach"
)

// format is the name of ffmpeg's demuxer for a container, "" for one that it
// is not asked to read. The demuxer is always given: left to guess, ffmpeg
// takes a playlist in disguise for what it is and opens the files named in it.
func format(kind Container) string {
	return map[Container]string{
		OggOpus: "ogg", OggOther: "ogg", WAV: "wav", WebM: "matroska", MP4: "mov", MP3: "mp3",
		FLAC: "flac", AAC: "aac", AMR: "amr", CAF: "caf", AIFF: "aiff",
	}[kind]
}

// codecs are the decoders that ffmpeg may use: those of the recorders and
// players that people have, and no video.
const codecs = "aac,aac_fixed,aac_latm,libfdk_aac,alac,flac,mp3,mp3float,mp2,mp2float,opus,libopus,vorbis,libvorbis," +
	"amrnb,amrwb,libopencore_amrnb,libopencore_amrwb,speex,libspeex,gsm,gsm_ms,ilbc," +
	"adpcm_ima_wav,adpcm_ima_qt,adpcm_ms,pcm_alaw,pcm_mulaw,pcm_u8,pcm_s8,pcm_s8_planar," +
	"pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be"

// ffmpegArgs decode the first audio stream of standard input, which must be a
// regular file (an MP4's index may stand at its end), to float samples on
// standard output.
func ffmpegArgs(kind Container, limit int) []string {
	over := float64(limit)/coach.SampleRate + 1 // so that "too long" can be told from "just fits"
	return []string{
		"ffmpeg", "-nostdin", "-hide_banner", "-v", "fatal",
		"-protocol_whitelist", "file", "-codec_whitelist", codecs, "-max_error_rate", "0.5",
		"-threads", "1", "-t", strconv.FormatFloat(over, 'f', 3, 64),
		"-f", format(kind), "-i", "file:/proc/self/fd/0",
		"-map", "0:a:0", "-vn", "-sn", "-dn", "-threads", "1",
		"-ac", "1", "-ar", strconv.Itoa(coach.SampleRate), "-f", "f32le",
		"-protocol_whitelist", "pipe", "pipe:1",
	}
}

// becomeFFmpeg announces raw samples and replaces the confined process by the
// program. It returns only when that failed.
func becomeFFmpeg(program string, kind Container, o order, stdout *os.File) error {
	if err := writeRaw(stdout); err != nil {
		return err
	}
	args, environment := ffmpegArgs(kind, o.limit), []string{"LC_ALL=C"}
	if err := limitProgramMemory(o.limits); err != nil {
		return fmt.Errorf("resource limits: %w", err)
	}
	return syscall.Exec(program, args, environment)
}
