package audio

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// selfExecutable is this program even after its file was replaced.
func selfExecutable() string { return "/proc/self/exe" }

// childAttr puts a child into its own process group and ties its life to ours.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// newSpool returns an empty file in memory: a recording never touches a disk.
func newSpool() (*os.File, error) {
	fd, err := unix.MemfdCreate("mynah-recording", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return os.NewFile(uintptr(fd), "recording"), nil
}

// seal makes the spooled bytes immutable, for the child too.
func seal(f *os.File) error {
	_, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS,
		unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	return os.NewSyscallError("seal", err)
}
