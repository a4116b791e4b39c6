//go:build linux

// Evil stands in ffmpeg's place in a test of the walls around it: it tries what
// a decoder taken over by its input would, and answers with a sample for each
// try, 0.5 where it was refused and -0.5 where it was not.
package main

import (
	"encoding/binary"
	"math"
	"os"
	"strconv"
	"syscall"
)

func main() {
	parent := os.Getppid()
	tries := []func() error{
		func() error { _, err := os.ReadFile("/etc/passwd"); return err },
		func() error { _, err := os.ReadDir("/"); return err },
		func() error { _, err := os.ReadFile("/proc/" + strconv.Itoa(parent) + "/environ"); return err },
		func() error { return os.WriteFile("/tmp/mynah-evil", []byte("x"), 0o600) },
		func() error { _, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0); return err },
		func() error { _, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0); return err },
		func() error { _, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0); return err },
		func() error { return syscall.Kill(parent, 0) },
		func() error { return syscall.PtraceAttach(parent) },
		func() error {
			_, err := syscall.ForkExec("/proc/self/exe", []string{"evil"}, nil)
			return err
		},
		func() error { return syscall.Exec("/bin/sh", []string{"sh", "-c", "true"}, nil) },
		func() error {
			return syscall.Setrlimit(syscall.RLIMIT_CPU, &syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20})
		},
		func() error { return syscall.Unshare(syscall.CLONE_NEWUSER) },
		func() error {
			_, err := syscall.Mmap(-1, 0, 4<<30, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
			return err
		},
		func() error {
			if len(os.Environ()) > 1 || os.Getenv("LC_ALL") != "C" {
				return nil
			}
			return syscall.EPERM
		},
	}
	var out []byte
	for _, try := range tries {
		answer := float32(0.5)
		if try() == nil {
			answer = -0.5
		}
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(answer))
	}
	os.Stdout.Write(out)
}
