package audio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// Limits of Decoder, and what its zero fields mean.
const (
	MaxSeconds      = 180 // Decoder.MaxSeconds is at most this
	DefaultSeconds  = 60
	DefaultMaxBytes = 25 << 20
	DefaultTimeout  = 20 * time.Second
	DefaultMemory   = 256 << 20
)

// Decoder decodes recordings in confined child processes, one each. The zero
// value is ready to use in a program that runs Child for ChildCommand. It is a
// coach.Decoder, safe for concurrent use.
type Decoder struct {
	Command    []string      // starts the child; nil: this program with ChildCommand
	MaxSeconds float64       // of decoded audio; 0: DefaultSeconds
	MaxBytes   int64         // of a recording; 0: DefaultMaxBytes
	Timeout    time.Duration // for a recording once it is read; 0: DefaultTimeout
	Memory     int64         // bytes that a child may take; 0: DefaultMemory
	FFmpeg     string        // path or name; "": ffmpeg in the path; "none": without
}

var _ coach.Decoder = (*Decoder)(nil)

// Decode reads r to its end, or until it is too large, and returns its
// samples. It blocks until the child has ended. Errors of r and of ctx come
// back wrapped; see the package's documentation for the others.
func (d *Decoder) Decode(ctx context.Context, r io.Reader) (coach.Audio, error) {
	in, err := d.spool(ctx, r)
	if err != nil {
		return coach.Audio{}, err
	}
	defer func() { _ = in.Close() }() // memory that was only read from here
	o := d.order()
	samples, err := d.samples(ctx, o, in)
	if errors.Is(err, errForeign) {
		o.foreign = true
		samples, err = d.samples(ctx, o, in)
	}
	if errors.Is(err, errForeign) {
		err = unsupported("%w", errFrame)
	}
	if err != nil {
		return coach.Audio{}, fmt.Errorf("decode: %w", err)
	}
	return coach.Audio{Samples: samples}, nil
}

// Confinement starts a child that reports the walls around it. Its error means
// that no child can be started or confined here.
func (d *Decoder) Confinement(ctx context.Context) (Confinement, error) {
	in, err := newSpool()
	if err != nil {
		return Confinement{}, fmt.Errorf("spool: %w", err)
	}
	defer func() { _ = in.Close() }() // memory that was only read from here
	o := d.order()
	o.report = true
	f, err := d.run(ctx, o, in)
	if err == nil && f.status != statusReport {
		err = errors.Join(errFrame, f.err())
	}
	var c Confinement
	if err == nil {
		err = json.Unmarshal([]byte(f.text), &c)
	}
	if err != nil {
		return Confinement{}, fmt.Errorf("confinement: %w", err)
	}
	c.FFmpeg = o.ffmpeg
	return c, nil
}

// samples runs a child that must answer with samples. One that crashed gets a
// second try: on a machine that is short of memory it is not always the recording
// that kills it.
func (d *Decoder) samples(ctx context.Context, o order, in *os.File) ([]float32, error) {
	f, err := d.run(ctx, o, in)
	if errors.Is(err, errDied) {
		f, err = d.run(ctx, o, in)
	}
	if err != nil {
		return nil, err
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	if len(f.samples) == 0 {
		return nil, unsupported("no samples")
	}
	return f.samples, nil
}

// order returns what a child is asked for, from the fields and their defaults.
func (d *Decoder) order() order {
	seconds := d.MaxSeconds
	if seconds <= 0 {
		seconds = DefaultSeconds
	}
	memory := d.Memory
	if memory <= 0 {
		memory = DefaultMemory
	}
	o := order{
		limit: int(math.Round(min(seconds, MaxSeconds) * coach.SampleRate)),
		limits: limits{
			memory: uint64(memory),
			// Half of the time: a child that spins is told from one that is starved.
			cpuSeconds: uint64(math.Ceil(d.timeout().Seconds() / 2)),
		},
	}
	if d.FFmpeg != "none" {
		name := d.FFmpeg
		if name == "" {
			name = "ffmpeg"
		}
		if path, err := exec.LookPath(name); err == nil {
			o.ffmpeg = path
		}
	}
	return o
}

func (d *Decoder) timeout() time.Duration {
	if d.Timeout > 0 {
		return d.Timeout
	}
	return DefaultTimeout
}

// spool reads r into an anonymous file, rewound; the caller closes it.
func (d *Decoder) spool(ctx context.Context, r io.Reader) (*os.File, error) {
	limit := d.MaxBytes
	if limit <= 0 {
		limit = DefaultMaxBytes
	}
	f, err := newSpool()
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	n, err := io.Copy(f, io.LimitReader(ctxReader{ctx, r}, limit+1))
	switch {
	case err != nil:
		err = fmt.Errorf("spool: %w", err)
	case n > limit:
		err = fmt.Errorf("decode: %w: over %d bytes", coach.ErrTooLarge, limit)
	case n == 0:
		err = fmt.Errorf("decode: %w", unsupported("empty file"))
	default:
		err = seal(f)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// run starts a child with in as its standard input and returns its answer. The
// child and all that it may have started are gone when run returns.
func (d *Decoder) run(ctx context.Context, o order, in *os.File) (frame, error) {
	if err := ctx.Err(); err != nil {
		return frame{}, err
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return frame{}, fmt.Errorf("rewind: %w", err)
	}
	command := d.Command
	if len(command) == 0 {
		if len(os.Args) > 1 && os.Args[1] == ChildCommand {
			return frame{}, errors.New("started as a child, this program does not run audio.Child")
		}
		command = []string{selfExecutable(), ChildCommand}
	}
	timed, cancel := context.WithTimeout(ctx, d.timeout())
	defer cancel()
	cmd := exec.CommandContext(timed, command[0], append(append([]string{}, command[1:]...), o.args()...)...)
	cmd.Env = []string{} // nothing of ours: no token, no path
	cmd.Dir = "/"
	cmd.Stdin = in
	stderr := &firstLine{}
	cmd.Stderr = stderr
	cmd.SysProcAttr = childAttr()
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	cmd.WaitDelay = time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return frame{}, fmt.Errorf("pipe: %w", err)
	}
	// The child dies with the thread that started it: keep the thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return frame{}, fmt.Errorf("start child: %w", err)
	}
	f, readErr := readFrame(out, o.limit)
	if readErr != nil {
		// Nothing more is wanted of it. One that broke off by itself is dead by
		// now, and keeps the exit status that says why.
		_ = killGroup(cmd.Process)
	}
	waitErr := cmd.Wait()
	switch {
	case errors.Is(readErr, coach.ErrTooLong):
		return frame{}, readErr
	case ctx.Err() != nil:
		return frame{}, ctx.Err()
	case timed.Err() != nil:
		return frame{}, d.overdue(cmd.ProcessState)
	case waitErr != nil:
		err := unsupported("child: %v%s", waitErr, stderr.text())
		if d.died(cmd.ProcessState) {
			err = fmt.Errorf("%w: %w", errDied, err)
		}
		return frame{}, err
	case readErr != nil:
		return frame{}, unsupported("child: %w%s", readErr, stderr.text())
	}
	return f, nil
}

// died reports whether a child crashed (by a signal, or as the Go runtime ends a
// program) before it computed for long.
func (d *Decoder) died(p *os.ProcessState) bool {
	const fatal = 2
	return (!p.Exited() || p.ExitCode() == fatal) && !d.computed(p)
}

// overdue judges a child that ran out of time: one that computed is held up by
// the recording, one that hardly ran by the machine.
func (d *Decoder) overdue(p *os.ProcessState) error {
	if d.computed(p) {
		return unsupported("child: stopped after %s", d.timeout())
	}
	return fmt.Errorf("child: got %s of CPU time in %s", cpuTime(p), d.timeout())
}

// computed reports whether a child had so much of its time that the recording kept it busy.
func (d *Decoder) computed(p *os.ProcessState) bool { return cpuTime(p) >= d.timeout()/8 }

func cpuTime(p *os.ProcessState) time.Duration { return p.UserTime() + p.SystemTime() }

// ctxReader ends with ctx between two reads.
type ctxReader struct {
	ctx context.Context //nolint:containedctx // a reader's Read has no place for it; it lives for one copy
	r   io.Reader
}

func (r ctxReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// firstLine keeps the beginning of a child's complaint and takes the rest.
type firstLine struct{ b []byte }

func (l *firstLine) Write(p []byte) (int, error) {
	const enough = 160
	l.b = append(l.b, p[:min(len(p), enough-min(enough, len(l.b)))]...)
	return len(p), nil
}

// text is ": " and the line, "" where nothing was said.
func (l *firstLine) text() string {
	line, _, _ := strings.Cut(string(l.b), "\n")
	if line == "" {
		return ""
	}
	return ": " + printable(line)
}

// killGroup kills a child and whatever is in its process group.
func killGroup(p *os.Process) error {
	if err := syscall.Kill(-p.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
