package ort

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	onnx "github.com/yalue/onnxruntime_go"
)

// ErrNoLibrary says that ONNX Runtime's shared library is missing or unusable;
// the error that wraps it says where it was looked for and how to get it.
var ErrNoLibrary = errors.New("no usable ONNX Runtime library")

// howToGet ends every message about the library.
const howToGet = "run `make runtime`, or give the path of ONNX Runtime 1.24 or newer"

// library counts the users of the one environment that onnxruntime_go keeps
// for a process. It is the package's only global, and mirrors that one.
var library struct { //nolint:gochecknoglobals // a process has one environment: onnxruntime_go keeps it in globals
	sync.Mutex
	users int
	path  string
}

// acquire loads the shared library and starts its environment, unless a user
// of it is there already. Each success needs one release. It returns the path
// that was loaded.
func acquire(explicit string) (string, error) {
	library.Lock()
	defer library.Unlock()
	if library.users > 0 {
		if explicit != "" && explicit != library.path {
			return "", fmt.Errorf("%w: %s is in use, a process can't load %s as well", ErrNoLibrary, library.path, explicit)
		}
		library.users++
		return library.path, nil
	}
	var failures []string
	for _, path := range candidates(explicit) {
		onnx.SetSharedLibraryPath(path)
		if err := onnx.InitializeEnvironment(onnx.WithLogLevelError()); err != nil {
			failures = append(failures, path+" ("+loadFailure(err)+")")
			continue
		}
		library.users, library.path = 1, path
		return path, nil
	}
	return "", fmt.Errorf("%w: tried %s; %s", ErrNoLibrary, strings.Join(failures, ", "), howToGet)
}

// release ends one acquire; the last one ends the environment.
func release() error {
	library.Lock()
	defer library.Unlock()
	if library.users--; library.users > 0 {
		return nil
	}
	return onnx.DestroyEnvironment()
}

// candidates lists where the library may be: only at the explicit path where
// one is given, else near the executable and wherever the system's loader
// looks. The working directory is not among them: whoever can write there must
// not decide what code is loaded.
func candidates(explicit string) []string {
	if explicit != "" {
		return []string{explicit}
	}
	plain, versioned := libraryNames(runtime.GOOS)
	var found []string
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		beside := filepath.Dir(exe)
		for _, dir := range []string{"lib", ".", "../lib", "../build/onnxruntime"} {
			for _, name := range []string{plain, versioned} {
				// Glob fails only on a malformed pattern: one that the
				// executable's own path made, then there is nothing to find.
				matches, _ := filepath.Glob(filepath.Join(beside, dir, name))
				found = append(found, matches...)
			}
		}
	}
	return append(found, plain)
}

// libraryNames returns the library's file name and a pattern for the names
// with a version in them.
func libraryNames(goos string) (plain, versioned string) {
	switch goos {
	case "windows":
		return "onnxruntime.dll", "onnxruntime-*.dll"
	case "darwin":
		return "libonnxruntime.dylib", "libonnxruntime.*.dylib"
	default:
		return "libonnxruntime.so", "libonnxruntime.so.*"
	}
}

// loadFailure shortens onnxruntime_go's error to what an operator needs.
func loadFailure(err error) string {
	msg := err.Error()
	if strings.Contains(msg, "Error setting ORT API base") {
		return "older than 1.24"
	}
	msg = strings.TrimPrefix(msg, "Platform-specific initialization failed: ")
	if _, reason, ok := strings.Cut(msg, "\": "); ok && strings.HasPrefix(msg, "Error loading ONNX shared library") {
		msg = reason
	}
	return msg
}
