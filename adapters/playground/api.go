package playground

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

// threadLength is how many notes the thread shows.
const threadLength = 50

// refusal is the body of every answer that is not a success.
type refusal struct {
	Reason  coach.Reason `json:"reason"`
	Message string       `json:"message,omitempty"` // for the learner; "" where the page has the words
}

// Reasons beside those of coach's learner's errors.
const (
	reasonUnavailable coach.Reason = "unavailable" // ours; try again
	reasonBusy        coach.Reason = "busy"        // too much at once; try again later
	reasonMalformed   coach.Reason = "malformed"   // not what the API takes
	reasonNotFound    coach.Reason = "not_found"
)

func refuse(w http.ResponseWriter, status int, reason coach.Reason, message string) {
	answer(w, status, refusal{Reason: reason, Message: message})
}

// refuseError answers an error: a learner's with its advice, a rate limit and
// one of ours (which is logged) with when to try again.
func (s *server) refuseError(w http.ResponseWriter, r *http.Request, doing string, note coach.NoteID, err error) {
	var busy *coach.Busy
	var snooze *coach.Snooze
	switch reason := coach.ReasonOf(err); {
	case reason == coach.ErrTooLarge.Reason:
		refuse(w, http.StatusRequestEntityTooLarge, reason, s.advice(err))
	case reason != "":
		refuse(w, http.StatusBadRequest, reason, s.advice(err))
	case errors.As(err, &busy):
		retryAfter(w, busy.For)
		refuse(w, http.StatusTooManyRequests, reasonBusy, "")
	case errors.As(err, &snooze):
		retryAfter(w, snooze.For)
		refuse(w, http.StatusTooManyRequests, reasonBusy, "")
	case errors.Is(err, errMalformed):
		refuse(w, http.StatusBadRequest, reasonMalformed, err.Error())
	default:
		if r.Context().Err() == nil { // else the client has gone, or we are going
			s.log.Error("request failed", "doing", doing, "note", note, "error", err)
		}
		retryAfter(w, 2*time.Second)
		refuse(w, http.StatusServiceUnavailable, reasonUnavailable, "")
	}
}

func retryAfter(w http.ResponseWriter, d time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(d.Seconds())))))
}

// answer writes v as JSON. encoding/json escapes <, > and &, so that no text of
// a learner's is markup even to a browser that would sniff.
func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil { // our own types marshal; kept from half an answer all the same
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // a client that has gone is no error of ours
}

// ownNote parses a note's ID; ok is false, and the request answered, when it is
// not one of the request's learner.
func ownNote(w http.ResponseWriter, r *http.Request, id string) (noteID, bool) {
	who, known := learnerOf(r)
	n, err := parseNoteID(coach.NoteID(id))
	if !known || err != nil || n.person != who {
		refuse(w, http.StatusNotFound, reasonNotFound, "")
		return noteID{}, false
	}
	return n, true
}

func (s *server) getNote(w http.ResponseWriter, r *http.Request) {
	id, ok := ownNote(w, r, r.PathValue("id"))
	if !ok {
		return
	}
	it, found, err := s.item(r.Context(), id)
	switch {
	case err != nil:
		s.refuseError(w, r, "read note", id.note(), err)
	case !found:
		refuse(w, http.StatusNotFound, reasonNotFound, "")
	default:
		answer(w, http.StatusOK, it)
	}
}

func (s *server) getThread(w http.ResponseWriter, r *http.Request) {
	notes := []item{}
	if who, ok := learnerOf(r); ok {
		var err error
		if notes, err = s.thread(r.Context(), who, threadLength); err != nil {
			s.refuseError(w, r, "read thread", "", err)
			return
		}
	}
	answer(w, http.StatusOK, map[string]any{"notes": notes})
}

// deleteThread forgets the learner and begins another: a reply that is still
// on its way belongs to nobody then. The cookie stays when it fails, so that
// repeating it forgets the same learner.
func (s *server) deleteThread(w http.ResponseWriter, r *http.Request) {
	if who, ok := learnerOf(r); ok {
		// Begun, it is finished even if the browser closes.
		if err := s.forgetLearner(context.WithoutCancel(r.Context()), who); err != nil {
			s.refuseError(w, r, "forget learner", "", err)
			return
		}
		s.log.Info("learner forgotten", "learner", who.learner())
	}
	s.newLearner(w)
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) getSettings(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"max_bytes":       s.cfg.MaxBytes,
		"max_text":        s.cfg.MaxText,
		"max_seconds":     s.cfg.MaxSeconds,
		"words_elsewhere": s.cfg.WordsElsewhere,
	})
}

func (s *server) getPage(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" {
		if c, err := r.Cookie(cookieName); err == nil && len(c.Value) == secretLen {
			s.setCookie(w, c.Value)
		} else {
			s.newLearner(w)
		}
	}
	s.page.ServeHTTP(w, r)
}
