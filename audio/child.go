package audio

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

// ChildCommand is the first argument of a program that is started as a child:
// its main, or TestMain, passes the rest to Child before it does anything else.
const ChildCommand = "decode"

// Exit codes of Child.
const (
	exitAnswered = 0
	exitBroken   = 1 // no answer could be written
	exitUsage    = 2
)

// order is what the parent asks of a child, as command line arguments.
type order struct {
	limit  int // samples
	ffmpeg string
	limits limits
	// foreign says that an earlier child found a codec that only ffmpeg decodes.
	foreign bool
	report  bool // answer with the confinement instead
}

// args writes the order in the words that parseOrder reads.
func (o order) args() []string {
	return []string{
		fmt.Sprintf("-samples=%d", o.limit),
		"-ffmpeg=" + o.ffmpeg,
		fmt.Sprintf("-memory=%d", o.limits.memory),
		fmt.Sprintf("-cpu=%d", o.limits.cpuSeconds),
		fmt.Sprintf("-foreign=%t", o.foreign),
		fmt.Sprintf("-report=%t", o.report),
	}
}

func parseOrder(args []string) (o order, err error) {
	f := flag.NewFlagSet(ChildCommand, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.IntVar(&o.limit, "samples", 60*coach.SampleRate, "")
	f.StringVar(&o.ffmpeg, "ffmpeg", "", "")
	f.Uint64Var(&o.limits.memory, "memory", DefaultMemory, "")
	f.Uint64Var(&o.limits.cpuSeconds, "cpu", 10, "")
	f.BoolVar(&o.foreign, "foreign", false, "")
	f.BoolVar(&o.report, "report", false, "")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.limit < 1 || o.limit > MaxSeconds*coach.SampleRate {
		return o, errors.New("samples out of range")
	}
	return o, nil
}

// Child is the confined side of Decoder: the whole of a process that was
// started by one, with the arguments behind ChildCommand. It decodes the recording
// in stdin, a regular file, and answers with one frame on stdout. It confines
// its process for good before it parses or decodes anything: the caller must
// exit with the code that comes back.
func Child(args []string, stdin, stdout, stderr *os.File) int {
	o, err := parseOrder(args)
	if err != nil {
		fmt.Fprintln(stderr, "decode:", err)
		return exitUsage
	}
	if err := serve(o, stdin, stdout); err != nil {
		fmt.Fprintln(stderr, "decode:", err)
		return exitBroken
	}
	return exitAnswered
}

// serve carries an order out. Its error means that no answer could be written.
func serve(o order, stdin, stdout *os.File) error {
	debug.SetMemoryLimit(int64(o.limits.memory) / 2) // collect long before the kernel's limit
	head := make([]byte, SniffLen)
	n, err := stdin.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return writeText(stdout, statusInternal, "read: "+err.Error())
	}
	kind := Sniff(head[:n])
	program := ""
	if format(kind) != "" && (o.foreign || decoderOf(kind) == nil) {
		if program = o.ffmpeg; program == "" {
			return writeText(stdout, statusUnsupported, string(kind)+" needs ffmpeg, which is not installed")
		}
	}
	if program != "" {
		// Between the limits and the exec there is less memory than is mapped
		// already: a collection that began there could not get its own.
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(math.MaxInt64)
	}
	walls, err := confine(o.limits, program)
	switch {
	case err != nil:
		return writeText(stdout, statusInternal, "confine: "+err.Error())
	case o.report:
		return report(walls, stdout)
	case program != "":
		return becomeFFmpeg(program, kind, o, stdout)
	}
	return decode(kind, o.limit, stdin, stdout)
}

// decode decodes what the process decodes itself.
func decode(kind Container, limit int, stdin, stdout *os.File) error {
	decoder := decoderOf(kind)
	if decoder == nil {
		return writeText(stdout, statusUnsupported, "unknown container")
	}
	data, err := readWhole(stdin)
	if err != nil {
		return writeText(stdout, statusInternal, "read: "+err.Error())
	}
	out := &sink{limit: limit, slack: coach.SampleRate}
	err = decoder(data, out)
	var samples []float32
	if err == nil {
		samples, err = out.result()
	}
	switch {
	case err == nil:
		return writeSamples(stdout, samples)
	case errors.Is(err, errForeign):
		return writeText(stdout, statusForeign, "")
	case errors.Is(err, coach.ErrTooLong):
		return writeText(stdout, statusTooLong, cause(err, coach.ErrTooLong))
	}
	return writeText(stdout, statusUnsupported, cause(err, coach.ErrUnsupportedAudio))
}

// readWhole reads a file into exactly as much memory as it takes.
func readWhole(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data := make([]byte, info.Size())
	_, err = io.ReadFull(io.NewSectionReader(f, 0, info.Size()), data)
	return data, err
}

// decoderOf returns the decoder of a container that needs no other program,
// nil for the rest.
func decoderOf(kind Container) func(data []byte, out *sink) error {
	switch kind {
	case OggOpus:
		return decodeOggOpus
	case WebM:
		return decodeWebM
	case WAV:
		return decodeWAV
	}
	return nil
}

// report answers with the walls that stand around this process.
func report(walls Confinement, stdout io.Writer) error {
	b, err := json.Marshal(walls)
	if err != nil {
		return err
	}
	return writeText(stdout, statusReport, string(b))
}

// cause is what err says besides the sentinel that it wraps.
func cause(err, sentinel error) string {
	return strings.TrimPrefix(err.Error(), sentinel.Error()+": ")
}
