package audio

import "strings"

// Confinement says which walls stand around a decoding child.
type Confinement struct {
	Limits     bool   `json:"limits"`        // memory, CPU time, file size and descriptors
	NoNewPrivs bool   `json:"no_new_privs"`  // no set-uid program gains anything
	Landlock   int    `json:"landlock"`      // ABI of the file system and network rules in force, 0 for none
	Seccomp    bool   `json:"seccomp"`       // system calls on an allow-list: no network, no other processes
	FFmpeg     string `json:"ffmpeg"`        // the program for what isn't decoded here, "" for none
	Why        string `json:"why,omitempty"` // a wall is missing
}

// Full reports whether every wall stands.
func (c Confinement) Full() bool {
	return c.Limits && c.NoNewPrivs && c.Landlock > 0 && c.Seccomp
}

// String lists the walls in words.
func (c Confinement) String() string {
	var on, off []string
	add := func(name string, stands bool) {
		if stands {
			on = append(on, name)
		} else {
			off = append(off, name)
		}
	}
	add("resource limits", c.Limits)
	add("no new privileges", c.NoNewPrivs)
	add("landlock", c.Landlock > 0)
	add("seccomp", c.Seccomp)
	s := strings.Join(on, ", ")
	if s == "" {
		s = "none"
	}
	if len(off) > 0 {
		s += "; missing: " + strings.Join(off, ", ")
	}
	return s
}
