// Package ort runs the model's graphs with ONNX Runtime, on the CPU or with
// CUDA. It is the only package that touches that library, which it loads at
// run time: building needs a C compiler, but no ONNX Runtime.
package ort

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"

	onnx "github.com/yalue/onnxruntime_go"

	"github.com/mynah-coach/mynah/scorer"
)

// Config says what to load and where to run it.
type Config struct {
	Dir     fs.FS  // manifest.json and the files that it names
	Library string // path of ONNX Runtime's shared library; "" looks near the executable, then where the system does
	Device  Device // "" is Auto

	// Threads is the number of threads that one run computes with; 0 is 1,
	// which gives the most runs a second where several go on at once.
	Threads int
	// Parallel is the most runs at once, which bounds memory; more wait their
	// turn. 0 is one for each processor.
	Parallel int

	Log *slog.Logger // nil discards
}

// Model is the model's graphs, loaded. It is safe for concurrent use.
type Model struct {
	manifest *scorer.Manifest
	info     Info
	acoustic *graph
	judge    *graph
	g2p      *graph        // nil where the model has none
	turns    chan struct{} // one token for each run that may go on
	closing  sync.Once

	vocabulary *scorer.G2PVocabulary // of g2p
}

var _ scorer.Model = (*Model)(nil)

// Open reads the manifest, checks every file against it, loads the graphs and
// tries them on half a second of silence, so that a Model that opens works.
// Where the library is missing the error is ErrNoLibrary. The caller closes
// the Model.
func Open(cfg Config) (_ *Model, err error) {
	if cfg.Dir == nil {
		return nil, errors.New("open model: no folder given")
	}
	manifest, err := scorer.ReadManifest(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	parallel := cfg.Parallel
	if parallel <= 0 {
		parallel = runtime.GOMAXPROCS(0)
	}
	path, err := acquire(cfg.Library)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	m := &Model{manifest: manifest, turns: make(chan struct{}, parallel)}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open model: %w", err), m.Close())
		}
	}()
	m.info = Info{Library: path, Version: onnx.GetVersion(), Device: CPU}

	if wanted := cfg.Device.orAuto(); wanted != CPU {
		err := m.load(cfg, CUDA)
		if err == nil {
			return m, nil
		}
		if !errors.Is(err, errNoCUDA) {
			return nil, err
		}
		m.info.Device, m.info.Fallback = CPU, err.Error()
		if wanted == CUDA {
			log.Warn("CUDA was asked for and can't be used: scoring runs on the CPU", "cause", err)
		}
	}
	return m, m.load(cfg, CPU)
}

// load opens all graphs on a device and tries them. On an error none is left
// open; it is errNoCUDA when the device is to blame.
func (m *Model) load(cfg Config, device Device) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, m.closeGraphs())
		}
	}()
	m.info.Device = device
	for _, g := range []struct {
		file            string
		inputs, outputs []string
		into            **graph
	}{
		{"acoustic", []string{"samples"}, []string{"logp", "frames"}, &m.acoustic},
		{
			"judge", []string{"logp", "frames", "phoneme", "stress", "word", "first", "last"},
			[]string{
				"phone_score", "phone_probs", "word_score", "word_probs", "stress_score", "stress_probs",
				"sentence_score", "sentence_probs", "heard",
			}, &m.judge,
		},
		{"g2p", []string{"letters"}, []string{"logp"}, &m.g2p},
	} {
		on := device
		if g.file == "g2p" {
			if _, ok := m.manifest.Files[g.file]; !ok {
				continue
			}
			on = CPU // a word at a time: the way to the GPU costs more than it saves
		}
		options, err := sessionOptions(on, cfg.Threads)
		if err != nil {
			return err
		}
		data, err := checkedFile(cfg.Dir, m.manifest.Files[g.file])
		if err == nil {
			*g.into, err = newGraph(g.file, data, g.inputs, g.outputs, options)
		}
		// Freeing options has no failure that a caller could act on.
		_ = options.Destroy()
		if err != nil {
			if on == CUDA && data != nil {
				return fmt.Errorf("%w: %w", errNoCUDA, err)
			}
			return err
		}
	}
	if m.g2p != nil {
		if m.vocabulary, err = readVocabulary(m.g2p); err != nil {
			return err
		}
	}
	// The files' bytes, and what parsing them took, are the largest things that
	// the process ever allocates: give them back before anything else grows
	// around them.
	debug.FreeOSMemory()
	trimMalloc()
	if err := m.try(); err != nil {
		if device == CUDA {
			return fmt.Errorf("%w: %w", errNoCUDA, err)
		}
		return err
	}
	return nil
}

// try runs both graphs of scoring over half a second of silence.
func (m *Model) try() error {
	ctx := context.Background()
	f, err := m.Listen(ctx, make([]float32, m.manifest.SampleRate/2))
	if err != nil {
		return err
	}
	_, err = m.Judge(ctx, f, []scorer.AlignedPhone{{Class: 1, First: 0, Last: 0}, {Class: 2, Word: 1, First: 1, Last: f.T - 1}})
	return err
}

// checkedFile reads a file and refuses one that is not the manifest's.
func checkedFile(dir fs.FS, want scorer.FileInfo) ([]byte, error) {
	data, err := fs.ReadFile(dir, want.Name)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != want.SHA256 {
		return nil, fmt.Errorf("%s is not the file of the manifest: its SHA-256 differs", want.Name)
	}
	return data, nil
}

// sessionOptions are the options of every graph. The caller destroys them.
func sessionOptions(device Device, threads int) (_ *onnx.SessionOptions, err error) {
	o, err := onnx.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.Destroy())
		}
	}()
	// The arena keeps the peak of the runs that went on at once, which the
	// scorer bounds by the length of its pieces: measured, it is flat, and less
	// than what malloc loses between tensors of many sizes. Memory patterns would
	// keep a plan for each length seen.
	return o, errors.Join(
		o.SetIntraOpNumThreads(max(threads, 1)),
		o.SetInterOpNumThreads(1),
		o.SetCpuMemArena(true),
		o.SetMemPattern(false),
		o.SetGraphOptimizationLevel(onnx.GraphOptimizationLevelEnableAll),
		o.SetLogSeverityLevel(onnx.LoggingLevelError),
		o.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"),
		appendProvider(o, device),
	)
}

// Manifest returns the model's manifest, which must not be changed.
func (m *Model) Manifest() *scorer.Manifest { return m.manifest }

// Info says what the model runs on.
func (m *Model) Info() Info { return m.info }

// Listen implements scorer.Model. It takes at most Manifest.MaxSeconds.
func (m *Model) Listen(ctx context.Context, samples []float32) (scorer.Frames, error) {
	if len(samples) == 0 {
		return scorer.Frames{}, errors.New("acoustic graph: no samples")
	}
	in, err := row(samples)
	if err != nil {
		return scorer.Frames{}, fmt.Errorf("acoustic graph: %w", err)
	}
	out, err := m.run(ctx, m.acoustic, in)
	if err != nil {
		return scorer.Frames{}, err
	}
	classes, hidden := int64(m.manifest.Classes()), int64(m.manifest.HiddenSize)
	if len(out[0].shape) != 3 {
		return scorer.Frames{}, fmt.Errorf("acoustic graph: log posteriors of shape %v", out[0].shape)
	}
	t := out[0].shape[1]
	if !out[0].is(1, t, classes) || !out[1].is(1, t, hidden) {
		return scorer.Frames{}, fmt.Errorf("acoustic graph: shapes %v and %v, want [1 T %d] and [1 T %d]", out[0].shape, out[1].shape, classes, hidden)
	}
	return scorer.Frames{T: int(t), Classes: int(classes), LogPost: out[0].data, Hidden: out[1].data}, nil
}

// Judge implements scorer.Model.
func (m *Model) Judge(ctx context.Context, f scorer.Frames, phones []scorer.AlignedPhone) (scorer.Scores, error) {
	n := int64(len(phones))
	if n == 0 || f.T == 0 {
		return scorer.Scores{}, errors.New("judge graph: nothing to judge")
	}
	columns := [5][]int64{} // phoneme, stress, word, first, last
	for i := range columns {
		columns[i] = make([]int64, n)
	}
	for i, p := range phones {
		for c, v := range [5]int{p.Class, p.Stress, p.Word, p.First, p.Last} {
			columns[c][i] = int64(v)
		}
	}
	w := columns[2][n-1] + 1

	logp, err := onnx.NewTensor(onnx.NewShape(1, int64(f.T), int64(f.Classes)), f.LogPost)
	if err != nil {
		return scorer.Scores{}, fmt.Errorf("judge graph: %w", err)
	}
	inputs := []onnx.Value{logp}
	hidden, err := onnx.NewTensor(onnx.NewShape(1, int64(f.T), int64(m.manifest.HiddenSize)), f.Hidden)
	if err != nil {
		destroy(inputs)
		return scorer.Scores{}, fmt.Errorf("judge graph: %w", err)
	}
	inputs = append(inputs, hidden)
	for _, c := range columns {
		v, err := row(c)
		if err != nil {
			destroy(inputs)
			return scorer.Scores{}, fmt.Errorf("judge graph: %w", err)
		}
		inputs = append(inputs, v)
	}
	out, err := m.run(ctx, m.judge, inputs...)
	if err != nil {
		return scorer.Scores{}, err
	}
	const labels = 5
	for i, want := range []onnx.Shape{
		{1, n}, {1, n, labels}, {1, w}, {1, w, labels}, {1, w}, {1, w, labels}, {1, 3}, {1, 3, labels}, {1, n, int64(f.Classes)},
	} {
		if !out[i].is(want...) {
			return scorer.Scores{}, fmt.Errorf("judge graph: %s has shape %v, want %v", m.judge.outputs[i], out[i].shape, want)
		}
	}
	return scorer.Scores{
		Phone: out[0].data, PhoneProbs: out[1].data,
		Word: out[2].data, WordProbs: out[3].data,
		Stress: out[4].data, StressProbs: out[5].data,
		Sentence: out[6].data, SentenceProbs: out[7].data,
		Heard: out[8].data,
	}, nil
}

// run waits for a turn and runs a graph. It destroys the inputs.
func (m *Model) run(ctx context.Context, g *graph, inputs ...onnx.Value) ([]tensor, error) {
	select {
	case m.turns <- struct{}{}:
		defer func() { <-m.turns }()
	case <-ctx.Done():
		destroy(inputs)
		return nil, fmt.Errorf("%s graph: %w", g.name, context.Cause(ctx))
	}
	return g.run(ctx, inputs...)
}

// Close waits for the runs that go on and frees everything; later runs fail.
// Closing again is harmless.
func (m *Model) Close() (err error) {
	m.closing.Do(func() {
		err = m.closeGraphs()
		trimMalloc()
		err = errors.Join(err, release())
	})
	return err
}

func (m *Model) closeGraphs() error {
	var errs []error
	for _, g := range []*graph{m.acoustic, m.judge, m.g2p} {
		if g != nil {
			errs = append(errs, g.close())
		}
	}
	return errors.Join(errs...)
}
