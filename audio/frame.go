package audio

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

// A child answers with one frame on its standard output, little-endian:
//
//	"mynahpcm"  8 bytes
//	status      1 byte
//	samples:    uint32 count, count float32, "done"
//	raw:        float32 up to the end, which a clean exit makes valid
//	any other:  uint16 length, the operator's cause, or the report asked for
//
// Whatever else comes is a broken child: the worst that it can do is to answer
// with wrong samples.
const (
	frameMagic   = "mynahpcm"
	frameTrailer = "done"
	frameMaxText = 1024

	statusSamples     = 's'
	statusRaw         = 'r'
	statusUnsupported = 'u'
	statusTooLong     = 'l'
	statusInternal    = 'i'
	statusForeign     = 'f' // an order with foreign set is needed
	statusReport      = 'p'
)

// errFrame says that a child's answer is none.
var errFrame = errors.New("broken answer")

// frame is a child's answer.
type frame struct {
	status  byte
	samples []float32
	text    string
}

// writeSamples answers with samples.
func writeSamples(w io.Writer, samples []float32) error {
	b := make([]byte, 0, len(frameMagic)+5+4*len(samples)+len(frameTrailer))
	b = append(append(b, frameMagic...), statusSamples)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(samples)))
	for _, v := range samples {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	_, err := w.Write(append(b, frameTrailer...))
	return err
}

// writeRaw announces that raw samples follow.
func writeRaw(w io.Writer) error {
	_, err := w.Write(append([]byte(frameMagic), statusRaw))
	return err
}

// writeText answers with a status that carries text.
func writeText(w io.Writer, status byte, text string) error {
	text = text[:min(len(text), frameMaxText)]
	b := append([]byte(frameMagic), status)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	_, err := w.Write(append(b, text...))
	return err
}

// readFrame reads an answer of at most limit samples to its end. More of them
// announced is errFrame; more of them raw is coach.ErrTooLong, at once. Samples
// that are no numbers in [-1, 1] are errFrame, but raw ones are clipped.
func readFrame(r io.Reader, limit int) (frame, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	head := make([]byte, len(frameMagic)+1)
	if _, err := io.ReadFull(br, head); err != nil || string(head[:len(frameMagic)]) != frameMagic {
		return frame{}, errFrame
	}
	f := frame{status: head[len(frameMagic)]}
	var err error
	switch f.status {
	case statusSamples:
		f.samples, err = readSamples(br, limit)
	case statusRaw:
		f.samples, err = readRaw(br, limit)
	case statusUnsupported, statusTooLong, statusInternal, statusForeign, statusReport:
		f.text, err = readText(br)
	default:
		err = errFrame
	}
	if err != nil {
		return frame{}, err
	}
	if _, err := br.ReadByte(); !errors.Is(err, io.EOF) {
		return frame{}, errFrame
	}
	return f, nil
}

func readSamples(r io.Reader, limit int) ([]float32, error) {
	var count uint32
	if err := binary.Read(r, binary.LittleEndian, &count); err != nil || count == 0 || int64(count) > int64(limit) {
		return nil, errFrame
	}
	// Sized by what arrives, not by what is announced.
	samples := make([]float32, 0, min(int(count), 1<<16))
	b := make([]byte, 1<<14)
	for left := 4 * int(count); left > 0; {
		n, err := io.ReadFull(r, b[:min(left, len(b))])
		if err != nil {
			return nil, errFrame
		}
		left -= n
		for i := 0; i < n; i += 4 {
			v := math.Float32frombits(binary.LittleEndian.Uint32(b[i:]))
			if v != clip(v) {
				return nil, errFrame
			}
			samples = append(samples, v)
		}
	}
	end := make([]byte, len(frameTrailer))
	if _, err := io.ReadFull(r, end); err != nil || string(end) != frameTrailer {
		return nil, errFrame
	}
	return samples, nil
}

func readRaw(r io.Reader, limit int) ([]float32, error) {
	var samples []float32
	b := make([]byte, 1<<14)
	for {
		n, err := io.ReadFull(r, b)
		if len(samples)+n/4 > limit {
			return nil, tooLong(limit)
		}
		for i := 0; i+4 <= n; i += 4 {
			samples = append(samples, clip(math.Float32frombits(binary.LittleEndian.Uint32(b[i:]))))
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return samples, nil
		case err != nil:
			return nil, errFrame
		}
	}
}

func readText(r io.Reader) (string, error) {
	var size uint16
	if err := binary.Read(r, binary.LittleEndian, &size); err != nil || size > frameMaxText {
		return "", errFrame
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return "", errFrame
	}
	return printable(string(b)), nil
}

// err turns an answer without samples into the error that it reports.
func (f frame) err() error {
	switch f.status {
	case statusUnsupported:
		return unsupported("%s", f.text)
	case statusTooLong:
		return fmt.Errorf("%w: %s", coach.ErrTooLong, f.text)
	case statusForeign:
		return errForeign
	case statusInternal:
		return fmt.Errorf("decoding child: %s", f.text)
	}
	return nil
}

// printable keeps what a log line may hold: a child's words are a stranger's.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '.'
		}
		return r
	}, s)
}
