package ort

import (
	"errors"
	"fmt"

	onnx "github.com/yalue/onnxruntime_go"
)

// Device is what the graphs run on.
type Device string

// The devices. Auto is CUDA where it can be used and the CPU elsewhere; CUDA
// is the same, and says so when the CPU has to do.
const (
	Auto Device = "auto"
	CPU  Device = "cpu"
	CUDA Device = "cuda"
)

// ParseDevice reads a device's name; "" is Auto.
func ParseDevice(s string) (Device, error) {
	switch d := Device(s); d {
	case "", Auto, CPU, CUDA:
		return d.orAuto(), nil
	}
	return "", fmt.Errorf("device %q is none of auto, cpu, cuda", s)
}

func (d Device) orAuto() Device {
	if d == "" {
		return Auto
	}
	return d
}

// errNoCUDA says that the device, not the model, is why loading failed.
var errNoCUDA = errors.New("no usable CUDA device")

// Info says what was found, for `mynah doctor`.
type Info struct {
	Library   string   // path of the shared library
	Version   string   // of ONNX Runtime
	Providers []Device // what the library can run on here: CPU, and CUDA where its libraries load
	Device    Device   // what a Model runs on: CPU or CUDA
	Fallback  string   // why that is the CPU although CUDA was welcome; "" otherwise
}

// Probe loads the library ("" looks for it as Open does) and reports what it
// finds; Device is what Open would try first for the device wanted.
func Probe(lib string, wanted Device) (_ Info, err error) {
	path, err := acquire(lib)
	if err != nil {
		return Info{}, err
	}
	defer func() { err = errors.Join(err, release()) }()
	info := Info{Library: path, Version: onnx.GetVersion(), Providers: []Device{CPU}, Device: CPU}
	o, err := onnx.NewSessionOptions()
	if err != nil {
		return Info{}, err
	}
	defer func() { err = errors.Join(err, o.Destroy()) }()
	switch err := appendProvider(o, CUDA); {
	case err == nil:
		info.Providers = append(info.Providers, CUDA)
		if wanted.orAuto() != CPU {
			info.Device = CUDA
		}
	case wanted.orAuto() != CPU:
		info.Fallback = err.Error()
	}
	return info, nil
}

// appendProvider makes the options use a device. The CPU needs nothing.
func appendProvider(o *onnx.SessionOptions, device Device) error {
	if device != CUDA {
		return nil
	}
	cuda, err := onnx.NewCUDAProviderOptions()
	if err != nil {
		return fmt.Errorf("%w: %w", errNoCUDA, err)
	}
	// Every note has another length: an exhaustive search for the fastest
	// convolution would be made anew for each. Full float32 keeps the labels
	// the same on both devices.
	err = cuda.Update(map[string]string{
		"arena_extend_strategy":  "kSameAsRequested",
		"cudnn_conv_algo_search": "HEURISTIC",
		"use_tf32":               "0",
	})
	if err == nil {
		err = o.AppendExecutionProviderCUDA(cuda)
	}
	if err = errors.Join(err, cuda.Destroy()); err != nil {
		return fmt.Errorf("%w: %w", errNoCUDA, err)
	}
	return nil
}
