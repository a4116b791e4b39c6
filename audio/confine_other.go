//go:build !linux

package audio

import "golang.org/x/sys/unix"

// limits are what a child may use.
type limits struct {
	memory     uint64 // bytes; not enforced here
	cpuSeconds uint64
}

// confine limits CPU time and files. The other walls are Linux's.
func confine(l limits, _ string) (Confinement, error) {
	c := Confinement{Why: "only Linux can confine a process further"}
	for what, limit := range map[int]uint64{
		unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CPU: l.cpuSeconds,
	} {
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			return c, err
		}
	}
	c.Limits = true
	return c, nil
}

func limitProgramMemory(limits) error { return nil }
