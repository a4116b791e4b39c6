//go:build !linux

package audio

import (
	"os"
	"syscall"
)

// selfExecutable is this program.
func selfExecutable() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}

// childAttr puts a child into its own process group.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// newSpool returns an empty file that has no name any more.
func newSpool() (*os.File, error) {
	f, err := os.CreateTemp("", "mynah-recording-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func seal(*os.File) error { return nil }
