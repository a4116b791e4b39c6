package playground

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mynah-coach/mynah/coach"
)

// errMalformed is a request that no page of ours makes; its text is for a
// programmer and holds nothing of the request's.
var errMalformed = errors.New("malformed request")

// maxFormOverhead is what a form may hold beside the recording: the other
// fields and the headers of its parts.
const maxFormOverhead = 64 << 10

// postNote takes a voice note. The recording is held before the note is
// accepted, the note accepted before it is shown, and all of it done before
// the browser is told so: whatever fails, the browser sends it again.
func (s *server) postNote(w http.ResponseWriter, r *http.Request) {
	who, ok := learnerOf(r)
	if ok {
		gone, err := s.forgotten(r.Context(), who)
		if err != nil {
			s.refuseError(w, r, "accept note", "", err)
			return
		}
		ok = !gone
	}
	if !ok {
		who = s.newLearner(w)
	}
	if r.ContentLength > s.cfg.MaxBytes+maxFormOverhead {
		w.Header().Set("Connection", "close")
		s.refuseError(w, r, "accept note", "", coach.ErrTooLarge)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, s.cfg.MaxBytes+maxFormOverhead)
	up, err := s.readUpload(r)
	if err != nil {
		s.refuseError(w, r, "accept note", "", err)
		return
	}
	id := who.noteID(up.uuid)
	if err := s.take(r.Context(), id, up); err != nil {
		s.refuseError(w, r, "accept note", id.note(), err)
		return
	}
	answer(w, http.StatusAccepted, map[string]any{"note": id.note()})
}

// take does what postNote promises. Taking a note again is harmless.
func (s *server) take(ctx context.Context, id noteID, up upload) error {
	leave, err := s.uploads.enter(ctx, id.note())
	if err != nil {
		return err
	}
	defer leave()
	_, known, err := s.shelf.Get(ctx, id.noteKey())
	if err != nil || known {
		return err
	}
	if err := s.hold.Hold(ctx, id.note(), up.audio); err != nil {
		if up.audio.err != nil { // the cause, and not ours
			return up.audio.err
		}
		return fmt.Errorf("hold: %w", err)
	}
	if up.audio.n == 0 {
		return s.drop(ctx, id, fmt.Errorf("empty recording: %w", coach.ErrUnsupportedAudio))
	}
	received := time.Now().UTC().Truncate(time.Millisecond)
	err = s.in.Accept(ctx, coach.VoiceNote{
		ID:       id.note(),
		Platform: coach.Playground,
		Thread:   id.person.thread(),
		Learner:  id.person.learner(),
		Text:     up.text,
		Audio: coach.Attachment{
			Ref:         string(id.note()),
			Name:        up.name,
			ContentType: up.contentType,
			Size:        up.audio.n,
		},
		Received: received,
	})
	var busy *coach.Busy
	if coach.ReasonOf(err) != "" || errors.As(err, &busy) {
		return s.drop(ctx, id, err)
	}
	if err != nil { // the recording stays for the next try
		return err
	}
	rec, err := json.Marshal(noteRecord{Text: up.text, Received: received})
	if err != nil {
		return err
	}
	if err := s.shelf.Put(ctx, id.noteKey(), rec); err != nil {
		return err
	}
	s.log.Info("accepted", "note", id.note(), "bytes", up.audio.n)
	if err := s.dropIfForgotten(ctx, id.person, id.noteKey()); err != nil {
		return err
	}
	// A twin that another machine took may have been answered already, and its
	// recording released before we held ours.
	if _, answered, err := s.shelf.Get(ctx, id.replyKey()); err == nil && answered {
		return s.hold.Release(ctx, id.note())
	}
	return nil
}

// drop releases the recording of a note that was refused, and returns why.
func (s *server) drop(ctx context.Context, id noteID, why error) error {
	if err := s.hold.Release(ctx, id.note()); err != nil {
		s.log.Error("release recording", "note", id.note(), "error", err)
	}
	return why
}

// upload is the form of a voice note, its recording not yet read.
type upload struct {
	uuid, text        string
	name, contentType string // as claimed
	audio             *recording
}

// readUpload reads the form up to its recording.
func (s *server) readUpload(r *http.Request) (upload, error) {
	form, err := r.MultipartReader()
	if err != nil {
		return upload{}, fmt.Errorf("%w: want multipart/form-data", errMalformed)
	}
	var up upload
	if up.uuid, err = field(form, "id", 64); err != nil {
		return upload{}, err
	}
	if !isUUID(up.uuid) {
		return upload{}, fmt.Errorf("%w: id is not a UUID in its canonical form", errMalformed)
	}
	// Four bytes hold any character, so a sentence within the limit fits.
	text, err := field(form, "text", 4*s.cfg.MaxText+1024)
	if errors.Is(err, errFieldTooLong) {
		return upload{}, coach.ErrTextTooLong
	}
	if err != nil {
		return upload{}, err
	}
	if !utf8.ValidString(text) {
		return upload{}, coach.ErrUnsupportedText
	}
	up.text = strings.TrimSpace(text)
	if up.text == "" {
		return upload{}, coach.ErrNoText
	}
	if utf8.RuneCountInString(up.text) > s.cfg.MaxText {
		return upload{}, coach.ErrTextTooLong
	}
	part, err := nextPart(form, "audio")
	if err != nil {
		return upload{}, err
	}
	up.name = claim(part.FileName())
	up.contentType = claim(part.Header.Get("Content-Type"))
	up.audio = &recording{r: part, left: s.cfg.MaxBytes}
	return up, nil
}

var errFieldTooLong = fmt.Errorf("%w: a field is too long", errMalformed)

// field reads the next part, which must be the named field.
func field(form *multipart.Reader, name string, limit int) (string, error) {
	part, err := nextPart(form, name)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(part, int64(limit)+1))
	if err != nil {
		return "", readError(err)
	}
	if len(b) > limit {
		return "", errFieldTooLong
	}
	return string(b), nil
}

func nextPart(form *multipart.Reader, name string) (*multipart.Part, error) {
	part, err := form.NextPart()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, coach.ErrTooLarge
	case err != nil || part.FormName() != name:
		return nil, fmt.Errorf("%w: want the fields id, text, audio, in this order", errMalformed)
	}
	return part, nil
}

// readError tells a body that broke off or grew too large, both the client's,
// from an error of ours.
func readError(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return coach.ErrTooLarge
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: the body breaks off", errMalformed)
	}
	return err
}

// claim cuts a string of the sender's down to what is worth keeping.
func claim(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "")
}

// recording reads the form's audio, counts it, and fails with
// coach.ErrTooLarge beyond the limit.
type recording struct {
	r    io.Reader
	left int64
	n    int64
	err  error // the client's fault: the body grew too large or broke off
}

func (a *recording) Read(b []byte) (int, error) {
	if a.err != nil {
		return 0, a.err
	}
	n, err := a.r.Read(b)
	a.n += int64(n)
	if a.left -= int64(n); a.left < 0 {
		err = coach.ErrTooLarge
		n = 0
	}
	if err != nil && err != io.EOF {
		a.err = readError(err)
		return n, a.err
	}
	return n, err
}
