package audio

import (
	"errors"
	"fmt"

	"github.com/mynah-coach/mynah/coach"
)

// errForeign says that a container holds something that only ffmpeg decodes:
// another codec than Opus, an unusual layout. It never leaves the package.
var errForeign = errors.New("not decoded here")

// errDied says that a child crashed soon after its start. It may stand beside
// coach.ErrUnsupportedAudio.
var errDied = errors.New("child died")

// unsupported is coach.ErrUnsupportedAudio with the operator's cause.
func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{coach.ErrUnsupportedAudio}, args...)...)
}

// tooLong is coach.ErrTooLong with the limit, in samples.
func tooLong(limit int) error {
	return fmt.Errorf("%w: over %.4g s", coach.ErrTooLong, float64(limit)/coach.SampleRate)
}
