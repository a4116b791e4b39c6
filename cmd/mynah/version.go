package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/mynah-coach/mynah/scorer"
	"github.com/mynah-coach/mynah/scorer/ort"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = ""

type versionCmd struct{}

func (versionCmd) Run(r *run) error {
	cfg, err := r.config()
	if err != nil {
		return err
	}
	fmt.Fprintf(r.Stdout, "mynah    %s (%s, %s/%s)\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if man, err := scorer.ReadManifest(modelFiles(cfg)); err != nil {
		fmt.Fprintf(r.Stdout, "model    none: %v\n", err)
	} else {
		fmt.Fprintf(r.Stdout, "model    %s %s (%s)\n", man.Name, man.Version, man.Licence)
	}
	if info, err := ort.Probe(cfg.Scorer.Runtime, ort.Device(cfg.Scorer.Device)); err != nil {
		fmt.Fprintln(r.Stdout, "runtime  none: `mynah doctor` says how to get it")
	} else {
		fmt.Fprintf(r.Stdout, "runtime  ONNX Runtime %s (%s)\n", info.Version, info.Device)
	}
	return nil
}

// buildVersion is the linker's version, else the commit that Go noted.
func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, modified := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "-dirty"
		}
	}
	if revision == "" {
		return "development"
	}
	return revision + modified
}
