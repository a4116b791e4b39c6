package audio

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/landlock-lsm/go-landlock/landlock"
	llsys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// limits are what a child may use.
type limits struct {
	memory     uint64 // bytes, over what the program has at its start
	cpuSeconds uint64
}

// confine shuts the process in, for good: resource limits, no new privileges,
// no file system and no network, no system call but those of native. With a
// program, room is left to become it: its file, its loader and the library
// folders may be read, more system calls are allowed, and memory is left to
// limitProgramMemory.
//
// Limits and no-new-privileges work everywhere, so that their failure is an
// error. What landlock and seccomp can do depends on the kernel and on the
// container around: the result says what stands.
func confine(l limits, program string) (Confinement, error) {
	var c Confinement
	closeInherited()
	size, data, err := mapped()
	if err != nil {
		return c, fmt.Errorf("memory in use: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return c, fmt.Errorf("dumpable: %w", err)
	}
	var why []string
	if c.Landlock, err = restrictFiles(program); err != nil {
		why = append(why, "landlock: "+err.Error())
	}
	allowed := native
	if program != "" {
		allowed = append(append([]string{}, native...), programs...)
	}
	err = restrictCalls(allowed)
	c.Seccomp = err == nil
	if err != nil {
		why = append(why, "seccomp: "+err.Error())
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return c, fmt.Errorf("no new privileges: %w", err)
		}
	}
	c.NoNewPrivs = true
	c.Why = strings.Join(why, "; ")
	err = setLimits(
		limit{unix.RLIMIT_CORE, 0},
		limit{unix.RLIMIT_FSIZE, 0},
		limit{unix.RLIMIT_NOFILE, 32},
		limit{unix.RLIMIT_CPU, l.cpuSeconds},
		limit{unix.RLIMIT_MEMLOCK, 0},
		limit{unix.RLIMIT_MSGQUEUE, 0},
	)
	if err == nil && program == "" {
		err = limitMemory(l, size, data)
	}
	if err != nil {
		return c, fmt.Errorf("resource limits: %w", err)
	}
	c.Limits = true
	return c, nil
}

// limitMemory counts over the address space and the data given: a Go program
// reserves much that it doesn't use.
func limitMemory(l limits, size, data uint64) error {
	return setLimits(
		limit{unix.RLIMIT_AS, size + 4*l.memory}, // much is reserved and never used: a C heap for each thread
		limit{unix.RLIMIT_DATA, data + l.memory},
	)
}

// limitProgramMemory is for just before the process becomes a program, which
// starts afresh with less than is mapped now: from here on no memory can be had,
// not even for a thread.
func limitProgramMemory(l limits) error { return limitMemory(l, programMapped, 0) }

// closeInherited closes what a native library of the parent may have left open
// for its children. The runtime's own descriptors are anonymous inodes.
func closeInherited() {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd <= 2 {
			continue
		}
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.HasPrefix(to, "anon_inode:") {
			_ = unix.Close(fd)
		}
	}
}

// limit is the most that may be had of a resource.
type limit struct {
	what int
	max  uint64
}

// setLimits sets resource limits, hard ones included.
func setLimits(all ...limit) error {
	for _, r := range all {
		var now unix.Rlimit
		if err := unix.Getrlimit(r.what, &now); err != nil {
			return err
		}
		most := min(r.max, now.Max)
		if err := unix.Setrlimit(r.what, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return err
		}
	}
	return nil
}

// programMapped is address space for a program's file and its libraries.
const programMapped = 1 << 30

// mapped returns the process's address space and its data, in bytes
// (proc_pid_statm(5)).
func mapped() (size, data uint64, err error) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, 0, err
	}
	var pages [6]uint64
	for i, f := range strings.Fields(string(b)) {
		if i < len(pages) {
			if pages[i], err = strconv.ParseUint(f, 10, 64); err != nil {
				return 0, 0, err
			}
		}
	}
	page := uint64(os.Getpagesize())
	return pages[0] * page, pages[5] * page, nil
}

// restrictFiles denies the file system, the network and signals to other
// processes as far as the kernel's landlock goes, and returns its ABI.
func restrictFiles(program string) (int, error) {
	abi, err := llsys.LandlockGetABIVersion()
	if err != nil || abi < 1 {
		return 0, errors.New("not in this kernel, or not allowed here")
	}
	var rules []landlock.Rule
	if program != "" {
		const read, run = landlock.AccessFSSet(llsys.AccessFSReadFile), landlock.AccessFSSet(llsys.AccessFSReadFile | llsys.AccessFSExecute)
		rules = append(rules,
			landlock.PathAccess(run, programFiles(program)...).IgnoreIfMissing(),
			landlock.PathAccess(read, "/etc/ld.so.cache", "/etc/ld.so.preload", "/dev/null", "/dev/urandom").IgnoreIfMissing(),
			landlock.PathAccess(read, libraries(program)...).IgnoreIfMissing(),
		)
	}
	if err := landlock.V7.BestEffort().Restrict(rules...); err != nil {
		return 0, err
	}
	return abi, nil
}

// programFiles are the files that the kernel executes to start a program: its
// own and its loader's.
func programFiles(program string) []string {
	files := []string{program}
	f, err := elf.Open(program)
	if err != nil {
		return files
	}
	defer func() { _ = f.Close() }() // only read from
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP && p.Filesz < 4096 {
			b := make([]byte, p.Filesz)
			if _, err := p.ReadAt(b, 0); err == nil {
				files = append(files, strings.TrimRight(string(b), "\x00"))
			}
		}
	}
	return files
}

// libraries are the folders from which a program's shared libraries come.
func libraries(program string) []string {
	dirs := []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store"}
	if real, err := filepath.EvalSymlinks(program); err == nil {
		dirs = append(dirs, filepath.Join(filepath.Dir(real), "..", "lib"))
	}
	return dirs
}

// native is what a Go program with C in it calls while it computes: memory,
// threads, time and descriptors that are open already.
var native = []string{
	"brk", "madvise", "mincore", "mmap", "mprotect", "mremap", "munmap",
	"close", "dup", "dup2", "dup3", "fcntl", "fstat", "lseek", "pread64", "read", "readv", "write", "writev",
	"epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", "eventfd2", "pipe2", "poll", "ppoll",
	"arch_prctl", "exit", "exit_group", "futex", "getpid", "gettid", "get_robust_list", "membarrier",
	"restart_syscall", "rseq", "sched_getaffinity", "sched_yield", "set_robust_list", "set_tid_address",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
	"clock_getres", "clock_gettime", "clock_nanosleep", "getrandom", "getrusage", "gettimeofday", "nanosleep",
	"time", "timer_create", "timer_delete", "timer_settime", "setitimer",
	"getegid", "geteuid", "getgid", "getuid", "getrlimit", "prctl", "uname",
}

// programs is what a program calls besides to be started and to open files.
var programs = []string{
	"execve", "access", "faccessat", "faccessat2", "open", "openat", "stat", "lstat", "newfstatat", "statx",
	"fstatfs", "statfs", "getcwd", "getdents64", "readlink", "readlinkat", "fadvise64", "preadv", "pwrite64",
	"close_range", "pipe", "pselect6", "select", "ioctl", "umask", "getppid", "getpgrp", "getcpu", "sysinfo", "times",
	"sched_getparam", "sched_getscheduler", "sched_get_priority_max", "sched_get_priority_min",
}

// restrictCalls allows the system calls named (those that the architecture
// has) and threads, and signals and limits of this process alone. All others
// fail: there is no new process, no socket, no tracing.
func restrictCalls(allowed []string) error {
	a, err := arch.GetInfo("")
	if err != nil {
		return err
	}
	var names []string
	for _, n := range allowed {
		if _, ok := a.SyscallNames[n]; ok {
			names = append(names, n)
		}
	}
	self := uint64(os.Getpid())
	is := func(call string, argument uint32, op seccomp.Operation, value uint64) seccomp.NameWithConditions {
		return seccomp.NameWithConditions{Name: call, Conditions: seccomp.ArgumentConditions{
			{Argument: argument, Operation: op, Value: value},
		}}
	}
	// The thread-wide flag reaches every thread, and so does no_new_privs.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return seccomp.LoadFilter(seccomp.Filter{
		NoNewPrivs: true,
		Flag:       seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionErrno,
			Syscalls: []seccomp.SyscallGroup{
				{Action: seccomp.ActionAllow, Names: names},
				{Action: seccomp.ActionAllow, NamesWithCondtions: []seccomp.NameWithConditions{
					is("clone", 0, seccomp.BitsSet, unix.CLONE_THREAD),
					is("tgkill", 0, seccomp.Equal, self),
					is("kill", 0, seccomp.Equal, self),
					is("prlimit64", 0, seccomp.Equal, 0),
					is("prlimit64", 0, seccomp.Equal, self),
				}},
				// Its flags can't be looked at: let the C library fall back to clone.
				{Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS), Names: []string{"clone3"}},
			},
		},
	})
}
