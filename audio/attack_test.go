//go:build linux

package audio

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mynah-coach/mynah/coach"
)

// attack is what a decoder in the child might do once its input has taken it
// over. Behind the same walls as a decoder it reports what came of it, or
// answers with whatever the attack is.
func attack(name string, args []string) int {
	o, err := parseOrder(args)
	if err != nil {
		return exitUsage
	}
	parent := os.Getppid()
	if _, err := confine(o.limits, ""); err != nil {
		_ = writeText(os.Stdout, statusInternal, err.Error())
		return 0
	}
	try, ok := attempts(parent)[name]
	if !ok {
		return misbehave(name)
	}
	text := "done"
	if err := try(); err != nil {
		text = "refused: " + err.Error()
	}
	if err := writeText(os.Stdout, statusReport, text); err != nil {
		return exitBroken
	}
	return 0
}

// serveUntilKilled decodes with a child that never ends, and writes its process
// ID to a file.
func serveUntilKilled(marker string) {
	go func() {
		for {
			if pids, _ := filepath.Glob("/proc/self/task/*/children"); len(pids) > 0 {
				for _, f := range pids {
					if b, _ := os.ReadFile(f); len(strings.Fields(string(b))) > 0 {
						_ = os.WriteFile(marker, []byte(strings.Fields(string(b))[0]), 0o600)
						return
					}
				}
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	d := &Decoder{Command: []string{selfExecutable(), "attack", "sleep for ever"}, Timeout: time.Hour}
	_, _ = d.Decode(context.Background(), strings.NewReader("a recording"))
}

// attempts are system calls that must fail.
func attempts(parent int) map[string]func() error {
	open := func(path string, flags int) func() error {
		return func() error { _, err := unix.Open(path, flags, 0o600); return err }
	}
	socket := func(domain, kind int) func() error {
		return func() error { _, err := unix.Socket(domain, kind, 0); return err }
	}
	return map[string]func() error{
		"read /etc/passwd":           open("/etc/passwd", unix.O_RDONLY),
		"read its own binary":        open("/proc/self/exe", unix.O_RDONLY),
		"read the service's secrets": open(fmt.Sprintf("/proc/%d/environ", parent), unix.O_RDONLY),
		"write a file":               open(filepath.Join(os.TempDir(), "mynah-attack"), unix.O_WRONLY|unix.O_CREAT),
		"open a TCP socket":          socket(unix.AF_INET, unix.SOCK_STREAM),
		"open a UDP socket":          socket(unix.AF_INET6, unix.SOCK_DGRAM),
		"open a unix socket":         socket(unix.AF_UNIX, unix.SOCK_STREAM),
		"open a netlink socket":      socket(unix.AF_NETLINK, unix.SOCK_RAW),
		"run a shell":                func() error { return unix.Exec("/bin/sh", []string{"sh", "-c", "true"}, nil) },
		"start a process":            func() error { _, err := syscall.ForkExec("/bin/true", []string{"true"}, nil); return err },
		"signal the service":         func() error { return unix.Kill(parent, 0) },
		"trace the service":          func() error { return unix.PtraceAttach(parent) },
		"limit the service": func() error {
			return unix.Prlimit(parent, unix.RLIMIT_NOFILE, nil, &unix.Rlimit{})
		},
		"raise its limits": func() error {
			return unix.Setrlimit(unix.RLIMIT_CPU, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY})
		},
		"make a namespace":   func() error { return unix.Unshare(unix.CLONE_NEWUSER) },
		"make a memory file": func() error { _, err := unix.MemfdCreate("x", 0); return err },
		"change the recording": func() error {
			_, err := unix.Pwrite(0, []byte("x"), 0)
			return err
		},
		"map 4 GB": func() error {
			_, err := unix.Mmap(-1, 0, 4<<30, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
			return err
		},
		"find a secret in the environment": func() error {
			if env := os.Environ(); len(env) > 0 {
				return nil
			}
			return errors.New("empty")
		},
		"find a descriptor that was left open": func() error {
			for fd := 3; fd < 200; fd++ {
				var st unix.Stat_t
				if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT != 0 { // an anonymous inode has no type
					return nil
				}
			}
			return errors.New("none")
		},
	}
}

// misbehave answers in a way that no decoder would.
func misbehave(name string) int {
	out := os.Stdout
	samples := func(count uint32, values ...float32) {
		b := append([]byte(frameMagic), statusSamples, byte(count), byte(count>>8), byte(count>>16), byte(count>>24))
		for _, v := range values {
			u := math.Float32bits(v)
			b = append(b, byte(u), byte(u>>8), byte(u>>16), byte(u>>24))
		}
		_, _ = out.Write(b)
	}
	switch name {
	case "take 4 GB":
		var hoard [][]byte
		for range 64 {
			b := make([]byte, 64<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			hoard = append(hoard, b)
		}
		samples(uint32(len(hoard)), 0)
	case "compute for ever":
		for i := 0; ; i++ {
			if i < 0 {
				return 1
			}
		}
	case "sleep for ever":
		time.Sleep(time.Hour)
	case "crash":
		var p *int
		*p = 1 //nolint:govet // the crash is the point
	case "be killed":
		_ = unix.Kill(os.Getpid(), unix.SIGKILL)
	case "say nothing":
	case "say something else":
		_, _ = out.WriteString("HTTP/1.1 200 OK\r\n\r\n")
	case "flood":
		_, _ = out.WriteString(frameMagic + string(byte(statusSamples)) + "\xff\xff\x00\x00")
		for b := make([]byte, 1<<16); ; {
			if _, err := out.Write(b); err != nil {
				return 1
			}
		}
	case "announce too many samples":
		samples(math.MaxUint32, 0)
	case "announce none":
		samples(0)
	case "send too few samples":
		samples(3, 0, 0)
	case "send no trailer":
		samples(1, 0)
	case "send something after the trailer":
		samples(1, 0)
		_, _ = out.WriteString(frameTrailer + "more")
	case "send what is no number":
		samples(1, float32(math.NaN()))
		_, _ = out.WriteString(frameTrailer)
	case "send loud samples":
		samples(1, 1e9)
		_, _ = out.WriteString(frameTrailer)
	case "send good samples and fail":
		samples(1, 0)
		_, _ = out.WriteString(frameTrailer)
		return 3
	case "ask for ffmpeg for ever":
		_ = writeText(out, statusForeign, "")
	case "claim an unknown status":
		_ = writeText(out, 'x', "")
	}
	return 0
}

func TestChildIsRefused(t *testing.T) {
	t.Setenv("MYNAH_SECRET", "xoxb-nothing")
	// A descriptor without close-on-exec, as native libraries leave them.
	leak, err := unix.Open("/etc/hostname", unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(leak)

	for name := range attempts(0) {
		t.Run(name, func(t *testing.T) {
			d := &Decoder{Command: []string{selfExecutable(), "attack", name}}
			in := spooled(t, "a recording")
			f, err := d.run(t.Context(), d.order(), in)
			if err != nil {
				t.Fatal(err)
			}
			if f.status != statusReport || !strings.HasPrefix(f.text, "refused: ") {
				t.Errorf("status %c: %s", f.status, f.text)
			}
		})
	}
}

func TestChildThatMisbehavesIsTheRecordingsFault(t *testing.T) {
	for _, name := range []string{
		"take 4 GB", "compute for ever", "crash", "be killed", "say nothing", "say something else", "flood",
		"announce too many samples", "announce none", "send too few samples", "send no trailer",
		"send something after the trailer", "send what is no number", "send loud samples",
		"send good samples and fail", "claim an unknown status",
	} {
		t.Run(name, func(t *testing.T) {
			d := &Decoder{Command: []string{selfExecutable(), "attack", name}, Timeout: 5 * time.Minute, MaxSeconds: 1}
			o := d.order()
			o.limits.cpuSeconds = 1
			samples, err := d.samples(t.Context(), o, spooled(t, "a recording"))
			if !errors.Is(err, coach.ErrUnsupportedAudio) || samples != nil {
				t.Errorf("%d samples, error %v", len(samples), err)
			}
		})
	}
}

// A program that crashes at its first start, as one may on a machine without memory.
func TestChildThatCrashesOnceIsTriedAgain(t *testing.T) {
	recording, err := os.ReadFile("testdata/adult-clear.ogg")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, crash := range map[string]string{"by a signal": "kill -SEGV $$", "in the runtime": "exit 2"} {
		t.Run(name, func(t *testing.T) {
			marker := filepath.Join(t.TempDir(), "started")
			script := fmt.Sprintf(`[ -e %[1]q ] || { : > %[1]q; %[2]s; }; exec %[3]q %[4]s "$@"`, marker, crash, program, ChildCommand)
			d := &Decoder{Command: []string{"/bin/sh", "-c", script, "sh"}}
			got, err := decodeBytes(t, d, recording)
			if err != nil || len(got) == 0 {
				t.Errorf("%d samples, error %v", len(got), err)
			}
		})
	}
}

func TestChildThatAsksForFFmpegForEverIsTheRecordingsFault(t *testing.T) {
	d := &Decoder{Command: []string{selfExecutable(), "attack", "ask for ffmpeg for ever"}}
	if _, err := decodeBytes(t, d, []byte("a recording")); !errors.Is(err, coach.ErrUnsupportedAudio) {
		t.Error(err)
	}
}

func TestChildThatHardlyRanIsOurFault(t *testing.T) {
	d := &Decoder{Command: []string{selfExecutable(), "attack", "sleep for ever"}, Timeout: 3 * time.Second}
	_, err := decodeBytes(t, d, []byte("a recording"))
	if err == nil || coach.ReasonOf(err) != "" {
		t.Error(err)
	}
}

func TestChildIsGoneWhenTheContextEnds(t *testing.T) {
	d := &Decoder{Command: []string{selfExecutable(), "attack", "sleep for ever"}, Timeout: time.Minute}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := d.Decode(ctx, strings.NewReader("a recording"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if left := children(t); len(left) > 0 {
		t.Errorf("still there: %v", left)
	}
}

func TestFFmpegIsRefused(t *testing.T) {
	program := filepath.Join(t.TempDir(), "evil")
	build := exec.Command("go", "build", "-o", program, "./testdata/evil")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Setenv("MYNAH_SECRET", "xoxb-nothing")
	got, err := decodeBytes(t, &Decoder{FFmpeg: program}, recording(t, "adult-clear.m4a"))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 15 {
		t.Fatalf("%d answers", len(got))
	}
	for i, v := range got {
		if v != 0.5 {
			t.Errorf("try %d of testdata/evil was not refused", i)
		}
	}
}

func TestConfinementReportsWhatStands(t *testing.T) {
	c, err := (&Decoder{}).Confinement(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !c.Full() {
		t.Errorf("not here: %v (%s)", c, c.Why)
	}
	bare := Confinement{Limits: true, NoNewPrivs: true}
	if want := "resource limits, no new privileges; missing: landlock, seccomp"; bare.String() != want || bare.Full() {
		t.Errorf("%q", bare)
	}
}

// spooled returns a sealed spool that holds s.
func spooled(t *testing.T, s string) *os.File {
	t.Helper()
	f, err := (&Decoder{}).spool(t.Context(), strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// children lists the processes that this one has started and not waited for.
func children(t *testing.T) []string {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(tasks) == 0 {
		t.Fatal("no list of children", err)
	}
	var all []string
	for _, f := range tasks {
		if b, err := os.ReadFile(f); err == nil {
			all = append(all, strings.Fields(string(b))...)
		}
	}
	return all
}
