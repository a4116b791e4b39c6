package ort

import (
	"context"
	"errors"
	"fmt"
	"sync"

	onnx "github.com/yalue/onnxruntime_go"
)

// graph is one loaded network. Runs may go on side by side; close waits for
// them.
type graph struct {
	name    string
	outputs []string
	mu      sync.RWMutex // read: a run; write: close
	session *onnx.DynamicAdvancedSession
}

// tensor is one output: its data, which is Go's own, and its shape.
type tensor struct {
	data  []float32
	shape onnx.Shape
}

// is reports whether the tensor has exactly this shape.
func (t tensor) is(shape ...int64) bool { return t.shape.Equals(shape) }

// newGraph loads an .onnx file's bytes, which it does not keep.
func newGraph(name string, data []byte, inputs, outputs []string, options *onnx.SessionOptions) (*graph, error) {
	s, err := onnx.NewDynamicAdvancedSessionWithONNXData(data, inputs, outputs, options)
	if err != nil {
		return nil, fmt.Errorf("%s graph: %w", name, err)
	}
	return &graph{name: name, outputs: outputs, session: s}, nil
}

// run feeds the inputs, in the order of newGraph's names, and returns the
// outputs likewise. When ctx ends during the run, the run is stopped at its
// next node and ctx's error returned. It destroys the inputs.
func (g *graph) run(ctx context.Context, inputs ...onnx.Value) (_ []tensor, err error) {
	// The inputs' memory is Go's, lent to C: they stay referenced until here.
	defer destroy(inputs)
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s graph: %w", g.name, err)
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.session == nil {
		return nil, fmt.Errorf("used after Close")
	}

	options, err := onnx.NewRunOptions()
	if err != nil {
		return nil, err
	}
	terminated := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(terminated)
		// It can only fail for options that are freed, and they are not yet.
		_ = options.Terminate()
	})
	outputs := make([]onnx.Value, len(g.outputs))
	err = g.session.RunWithOptions(inputs, outputs, options)
	if !stop() {
		<-terminated
	}
	// Freeing options has no failure that a caller could act on.
	_ = options.Destroy()
	defer destroy(outputs)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}

	tensors := make([]tensor, len(outputs))
	for i, v := range outputs {
		t, ok := v.(*onnx.Tensor[float32])
		if !ok {
			return nil, fmt.Errorf("output %q is not of float32", g.outputs[i])
		}
		// GetData's slice is Go's own (onnxruntime_go copies outputs) and
		// outlives the tensor.
		tensors[i] = tensor{data: t.GetData(), shape: t.GetShape()}
	}
	return tensors, nil
}

// metadata returns an entry of the graph's own metadata.
func (g *graph) metadata(key string) (_ string, err error) {
	m, err := g.session.GetModelMetadata()
	if err != nil {
		return "", fmt.Errorf("%s graph: %w", g.name, err)
	}
	defer func() { err = errors.Join(err, m.Destroy()) }()
	text, ok, err := m.LookupCustomMetadataMap(key)
	if err != nil || !ok {
		return "", errors.Join(fmt.Errorf("%s graph: no metadata %q", g.name, key), err)
	}
	return text, nil
}

// close waits for running runs and frees the session; later runs fail.
func (g *graph) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.session == nil {
		return nil
	}
	err := g.session.Destroy()
	g.session = nil
	return err
}

// destroy frees values; nil ones (outputs of a failed run) are passed over.
func destroy(values []onnx.Value) {
	for _, v := range values {
		if v != nil {
			// Tensors' Destroy never fails.
			_ = v.Destroy()
		}
	}
}

// row makes an input tensor of shape [1, len(data)] over data, which must not
// change until the run is over.
func row[T float32 | int64](data []T) (onnx.Value, error) {
	return onnx.NewTensor(onnx.NewShape(1, int64(len(data))), data)
}
