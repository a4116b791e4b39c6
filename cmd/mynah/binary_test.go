package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/store"
)

// binary builds the program, with its points to die at, once for all tests.
func binary(t *testing.T) string {
	t.Helper()
	path, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var buildOnce = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "mynah-test")
	if err != nil {
		return "", err
	}
	builtIn = dir
	path := filepath.Join(dir, "mynah")
	cmd := exec.Command("go", "build", "-tags", "faults", "-o", path, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return path, nil
})

// builtIn is the folder to remove when all tests have run.
var builtIn string

// command runs the binary with an environment of its own.
func command(t *testing.T, dataDir string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary(t), args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "MYNAH_SCORER_RUNTIME=" + library(t), "MYNAH_DATA_DIR=" + dataDir}
	return cmd
}

func TestAssessThroughTheBinary(t *testing.T) {
	needModel(t)
	dir := t.TempDir()
	put := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	note := put("clear.ogg", recording(t, clearNote))
	put("clear.txt", []byte(clearText+"\n"))
	child := put("child.ogg", recording(t, childNote))
	pdf := put("paper.ogg", []byte("%PDF-1.7 no recording"))
	empty := put("empty.ogg", nil)
	list := put("list.tsv", []byte("# name and sentence\nclear.ogg\t"+clearText+"\n\n"+child+"\t"+childText+"\n"))
	missing := filepath.Join(dir, "missing.ogg")
	s := schema(t, "assessment.schema.json")

	for _, tt := range []struct {
		name    string
		args    []string
		stdin   []byte
		code    int
		reasons []coach.Reason // of each record, "" for one that is scored
		stderr  string
	}{
		{name: "scored", args: []string{note, "--text", clearText}, reasons: []coach.Reason{""}},
		{name: "sentence beside the recording", args: []string{note}, reasons: []coach.Reason{""}},
		{name: "standard input", args: []string{"-", "--text", childText}, stdin: recording(t, childNote), reasons: []coach.Reason{""}},
		{name: "several with a list", args: []string{note, child, "--text-file", list}, reasons: []coach.Reason{"", ""}},
		{name: "another sentence", args: []string{note, "--text", "Seven purple elephants juggle flaming torches"}, code: exitRefused, reasons: []coach.Reason{"text_mismatch"}},
		{name: "no recording", args: []string{pdf, "--text", clearText}, code: exitRefused, reasons: []coach.Reason{"unsupported_audio"}},
		{name: "an empty file", args: []string{empty, "--text", clearText}, code: exitRefused, reasons: []coach.Reason{"unsupported_audio"}},
		{name: "a sentence without words", args: []string{note, "--text", "…!"}, code: exitRefused, reasons: []coach.Reason{"no_text"}},
		{name: "too long", args: []string{note, "--text", clearText, "--set", "audio.max_seconds=2"}, code: exitRefused, reasons: []coach.Reason{"too_long"}},
		{name: "one of three refused", args: []string{note, pdf, child, "--text", clearText}, code: exitRefused, reasons: []coach.Reason{"", "unsupported_audio", "text_mismatch"}},
		{name: "one of two missing", args: []string{missing, note, "--text", clearText}, code: exitFailure, reasons: []coach.Reason{""}, stderr: "missing.ogg: no such file or directory"},
		{name: "missing counts more than refused", args: []string{missing, pdf, "--text", clearText}, code: exitFailure, reasons: []coach.Reason{"unsupported_audio"}, stderr: "missing.ogg: no such file"},
		{name: "no line for it", args: []string{pdf, "--text-file", list}, code: exitUsage, stderr: "no line of --text-file is for it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := command(t, dir, append([]string{"assess", "--json"}, tt.args...)...)
			var stdout, stderr bytes.Buffer
			cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(tt.stdin), &stdout, &stderr
			err := cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != tt.code {
				t.Errorf("exit code %d, want %d: %v %s", code, tt.code, err, stderr.String())
			}
			if !strings.Contains(stderr.String(), tt.stderr) || tt.stderr == "" && stderr.Len() > 0 {
				t.Errorf("standard error %q, want %q", stderr.String(), tt.stderr)
			}
			lines := bytes.SplitAfter(stdout.Bytes(), []byte("\n"))
			lines = lines[:len(lines)-1]
			if len(lines) != len(tt.reasons) {
				t.Fatalf("%d records, want %d:\n%s", len(lines), len(tt.reasons), stdout.Bytes())
			}
			for i, line := range lines {
				validate(t, s, line)
				var r record
				if err := json.Unmarshal(line, &r); err != nil {
					t.Fatal(err)
				}
				var reason coach.Reason
				if r.Refused != nil {
					reason = r.Refused.Reason
				}
				if reason != tt.reasons[i] {
					t.Errorf("record %d: reason %q, want %q", i, reason, tt.reasons[i])
				}
			}
		})
	}
	t.Run("the table names every word", func(t *testing.T) {
		out, err := command(t, dir, "assess", note).Output()
		if err != nil {
			t.Fatal(err)
		}
		for word := range strings.FieldsSeq(clearText) {
			if !strings.Contains(string(out), "\n  "+word+" ") {
				t.Errorf("no row for %q:\n%s", word, out)
			}
		}
		if bytes.ContainsRune(out, '\x1b') {
			t.Error("colours though it is no terminal")
		}
	})
}

// server is the binary, serving.
type server struct {
	cmd    *exec.Cmd
	url    string
	stderr *buffer
}

// start starts the binary and waits until it serves.
func start(t *testing.T, dataDir string, env ...string) *server {
	t.Helper()
	cmd := command(t, dataDir, "serve", "--set", "playground.addr=127.0.0.1:0")
	cmd.Env = append(cmd.Env, env...)
	s := &server{cmd: cmd, stderr: &buffer{}}
	cmd.Stderr = s.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "The playground is at ")
	if err != nil || !ok {
		_ = cmd.Wait()
		t.Fatalf("first line %q, %v; standard error:\n%s", line, err, s.stderr.String())
	}
	s.url = strings.TrimSuffix(url, "/")
	return s
}

// The process is killed before and after every step that a voice note passes
// through. After a restart there is one reply, one lesson, and nothing left.
func TestKilledAtAnyStepAVoiceNoteGetsOneReply(t *testing.T) {
	needModel(t)
	if testing.Short() {
		t.Skip("two starts for each of many steps")
	}
	for _, step := range []string{
		"before:hold", "after:hold", "before:accept", "after:accept", "after:claim",
		"before:decode", "after:decode", "before:score", "after:score",
		"before:save#1", "after:save#1", "before:save#2", "after:save#2", "before:explain", "after:explain",
		"before:save#3", "after:save#3", "before:post", "after:post", "before:save#4", "after:save#4",
		"before:remember", "after:remember",
		"before:release", "after:release", "before:finish", "after:finish",
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			first := start(t, dir, "MYNAH_FAULT="+step)
			me := newLearner(t, first.url)
			id := uuid.New()
			note, sendErr := me.send(t.Context(), id, clearText, recording(t, clearNote))
			died := make(chan error, 1)
			go func() { died <- first.cmd.Wait() }()
			select {
			case <-died:
			case <-time.After(time.Minute):
				t.Fatalf("still alive; standard error:\n%s", first.stderr.String())
			}
			if status := first.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGKILL {
				t.Fatalf("ended with %v, not killed; standard error:\n%s", status, first.stderr.String())
			}

			second := start(t, dir)
			me.url = second.url
			me.http.CloseIdleConnections()
			if sendErr != nil { // not acknowledged: the page sends it again
				var err error
				if note, err = me.send(t.Context(), id, clearText, recording(t, clearNote)); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			reply, err := me.reply(ctx, note)
			if err != nil {
				t.Fatalf("%v; standard error:\n%s", err, second.stderr.String())
			}
			if reply.Kind != coach.ReplyCoaching {
				t.Errorf("reply is %+v", reply)
			}
			settled(t, ctx, dir)
			thread, err := me.thread(ctx)
			if err != nil || len(thread) != 1 || thread[note] == nil || thread[note].Text != reply.Text {
				t.Errorf("thread %v, %v", thread, err)
			}
			interrupt(t, second)
			nothingLeft(t, dir, note, reply.Learner)
		})
	}
}

// settled waits until the queue is empty.
func settled(t *testing.T, ctx context.Context, dir string) {
	t.Helper()
	op := newRemote(filepath.Join(dir, "control.sock"))
	defer op.Close()
	for {
		d, err := op.Depth(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if d == (depth{}) {
			return
		}
		if d.Dead > 0 {
			t.Fatalf("queue: %+v", d)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// nothingLeft looks into the data directory of a service that has ended: one
// lesson is remembered, and the recording is gone.
func nothingLeft(t *testing.T, dir string, note coach.NoteID, who coach.LearnerID) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	lessons, err := s.Earlier(t.Context(), who, 10)
	if err != nil || len(lessons) != 1 || lessons[0].Note != note {
		t.Errorf("%d lessons, %v", len(lessons), err)
	}
	if r, err := s.Held(t.Context(), note); !errors.Is(err, coach.ErrNotHeld) {
		t.Errorf("the recording is still held: %v, %v", r, err)
	}
}

// interrupt ends the server like Ctrl-C, within five seconds.
func interrupt(t *testing.T, s *server) {
	t.Helper()
	begin := time.Now()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("ended with %v; standard error:\n%s", err, s.stderr.String())
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %s to end", took)
	}
}

func TestSignals(t *testing.T) {
	needModel(t)
	t.Run("the first ends in time though a client dawdles", func(t *testing.T) {
		s := start(t, filepath.Join(t.TempDir(), "data"))
		dawdle(t, s.url)
		interrupt(t, s)
	})
	t.Run("the second ends at once", func(t *testing.T) {
		s := start(t, filepath.Join(t.TempDir(), "data"))
		dawdle(t, s.url)
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond) // two signals at the same time are one
		begin := time.Now()
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		_ = s.cmd.Wait()
		status := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
		if !status.Signaled() || status.Signal() != syscall.SIGTERM || time.Since(begin) > time.Second {
			t.Errorf("ended with %v after %s", status, time.Since(begin))
		}
	})
}

// dawdle begins a request and does not end it.
func dawdle(t *testing.T, url string) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, "POST /api/notes HTTP/1.1\r\nHost: "+strings.TrimPrefix(url, "http://")+
		"\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n\r\n--x\r\n"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // until it is being read
}
