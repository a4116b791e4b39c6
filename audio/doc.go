// Package audio turns a recording's bytes into 16 kHz mono samples without
// trusting them.
//
// A recording is a stranger's file, and the decoders that read it are native
// code with known holes. So nothing of it is parsed in the service's own
// process: Decoder (a coach.Decoder) spools the bytes into memory, starts the
// same binary again as a confined child (Child) and believes only the size and
// the range of the samples that come back. The child sniffs the container
// (Sniff), decodes Ogg/Opus, WebM/Opus and WAV itself and becomes ffmpeg for
// everything else.
//
//	service                          child: own process group, no environment
//	Decoder.Decode --sealed memfd--> limits, no new privileges, landlock, seccomp
//	               <--frame on pipe-- sniff -> demux -> libopus (or exec ffmpeg)
//
// What ends where: audio that can't be decoded, a child that crashes twice, spins
// or answers nonsense is coach.ErrUnsupportedAudio; too many decoded seconds is
// coach.ErrTooLong as soon as they are known; too many bytes is
// coach.ErrTooLarge; a child that could not be started is a plain error, worth
// a retry.
//
// A program that uses Decoder is its own child. First of all it looks whether
// it was started as one, and so does a test binary in its TestMain:
//
//	if len(os.Args) > 1 && os.Args[1] == audio.ChildCommand {
//		os.Exit(audio.Child(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
//	}
package audio
