package playground

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mynah-coach/mynah/coach"
)

// cookieName of the learner's cookie. Its value is a secret: who has it sees
// the learner's thread.
const (
	cookieName = "mynah_learner"
	secretLen  = 26 // of rand.Text: 128 bits
)

// person is a learner in the playground's identifiers: 32 hex digits, a hash of
// the cookie, so that no identifier in a log or a store is a key to the thread.
type person string

const personLen = 32

func personOf(secret string) person {
	sum := sha256.Sum256([]byte("mynah playground learner\x00" + secret))
	return person(hex.EncodeToString(sum[:personLen/2]))
}

func (w person) learner() coach.LearnerID { return coach.LearnerID("playground-" + string(w)) }

// thread is the learner's own: the page shows one.
func (w person) thread() coach.ThreadID { return coach.ThreadID("playground-" + string(w)) }

// noteID is a coach.NoteID taken apart. It holds its learner, so that nobody
// can reach or overwrite another's note by naming its UUID.
type noteID struct {
	person person
	uuid   string
}

func (n noteID) note() coach.NoteID {
	return coach.NoteID("playground-" + string(n.person) + "-" + n.uuid)
}

var errNoteID = errors.New("not a note of the playground")

func parseNoteID(id coach.NoteID) (noteID, error) {
	rest, ok := strings.CutPrefix(string(id), "playground-")
	who, u, cut := strings.Cut(rest, "-")
	if !ok || !cut || len(who) != personLen || strings.Trim(who, "0123456789abcdef") != "" || !isUUID(u) {
		return noteID{}, errNoteID
	}
	return noteID{person: person(who), uuid: u}, nil
}

// isUUID takes the canonical form only: one note, one spelling.
func isUUID(s string) bool {
	u, err := uuid.Parse(s)
	return err == nil && u.String() == s
}

// learnerOf reads the request's cookie; ok is false where there is none that we
// could have made.
func learnerOf(r *http.Request) (who person, ok bool) {
	c, err := r.Cookie(cookieName)
	if err != nil || len(c.Value) != secretLen {
		return "", false
	}
	return personOf(c.Value), true
}

// newLearner gives the browser another cookie, in place of any that it has.
func (p *Playground) newLearner(w http.ResponseWriter) person {
	secret := rand.Text()
	p.setCookie(w, secret)
	return personOf(secret)
}

// setCookie sets the learner's cookie, or prolongs it.
func (p *Playground) setCookie(w http.ResponseWriter, secret string) {
	http.SetCookie(w, &http.Cookie{
		Name:     cookieName,
		Value:    secret,
		Path:     "/",
		MaxAge:   int((400 * 24 * time.Hour).Seconds()), // the longest that browsers grant
		HttpOnly: true,
		Secure:   p.cfg.HTTPS,
		SameSite: http.SameSiteStrictMode,
	})
}
