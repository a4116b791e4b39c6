package discord

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

// Identifiers begin with the platform's name, so that no other's can be the same.
//
//	NoteID     discord-<message>, or discord-i<interaction> of /assess
//	LearnerID  discord-<user>
//	PlaceID    discord-<guild>
//	ThreadID   <kind>-<guild, or 0>-<channel>
const idPrefix = string(coach.Discord) + "-"

func messageNote(message string) coach.NoteID { return coach.NoteID(idPrefix + message) }
func interactionNote(interaction string) coach.NoteID {
	return coach.NoteID(idPrefix + "i" + interaction)
}
func learnerID(user string) coach.LearnerID { return coach.LearnerID(idPrefix + user) }

func placeID(guild string) coach.PlaceID {
	if guild == "" {
		return ""
	}
	return coach.PlaceID(idPrefix + guild)
}

var errForeign = errors.New("the identifier is not of this platform's making")

// note is a NoteID taken apart: one of its two is set.
type note struct {
	message     string
	interaction string
}

func parseNote(id coach.NoteID) (note, error) {
	rest, ok := strings.CutPrefix(string(id), idPrefix)
	if i, of := strings.CutPrefix(rest, "i"); ok && of && isSnowflake(i) {
		return note{interaction: i}, nil
	}
	if !ok || !isSnowflake(rest) {
		return note{}, errForeign
	}
	return note{message: rest}, nil
}

func parseLearner(id coach.LearnerID) (user string, err error) {
	user, ok := strings.CutPrefix(string(id), idPrefix)
	if !ok || !isSnowflake(user) {
		return "", errForeign
	}
	return user, nil
}

// whereKind says what a conversation is held in.
type whereKind string

const (
	inChannel whereKind = "c" // of a server
	inThread  whereKind = "t"
	inDM      whereKind = "d" // with us
	byToken   whereKind = "i" // we are not there: only interactions bring us in, and only they let us answer
)

// where is a ThreadID taken apart.
type where struct {
	kind    whereKind
	guild   string // "" in direct messages
	channel string
}

func (w where) id() coach.ThreadID {
	guild := w.guild
	if guild == "" {
		guild = "0"
	}
	return coach.ThreadID(string(w.kind) + "-" + guild + "-" + w.channel)
}

func parseThread(id coach.ThreadID) (where, error) {
	parts := strings.Split(string(id), "-")
	if len(parts) != 3 || !isSnowflake(parts[1]) || !isSnowflake(parts[2]) {
		return where{}, errForeign
	}
	w := where{kind: whereKind(parts[0]), guild: parts[1], channel: parts[2]}
	switch w.kind {
	case inChannel, inThread, inDM, byToken:
	default:
		return where{}, errForeign
	}
	if w.guild == "0" {
		w.guild = ""
	}
	return w, nil
}

// recording is an Attachment.Ref taken apart. Message is "" for a file that was
// given to a command: it is in no message, and its URL is all there is.
type recording struct {
	Channel string `json:"c,omitempty"`
	Message string `json:"m,omitempty"`
	File    string `json:"f"`
	URL     string `json:"u,omitempty"`
}

func (r recording) ref() string {
	b, err := json.Marshal(r)
	if err != nil {
		return "" // strings always marshal
	}
	return string(b)
}

func parseRecording(ref string) (recording, error) {
	var r recording
	if err := json.Unmarshal([]byte(ref), &r); err != nil || !isSnowflake(r.File) ||
		(r.Message != "" && (!isSnowflake(r.Message) || !isSnowflake(r.Channel))) {
		return recording{}, errForeign
	}
	return r, nil
}

// A custom_id says what a component asks for: "<form>|action|note|name|value".
// Notes are written without their prefix, for there are but 100 characters.
const (
	asksAction  = "a" // a button under a reply, with its value
	asksInPlace = "b" // a button of an answer, which another answer takes the place of
	asksChoice  = "c" // a menu: the value is what is chosen
	asksText    = "f" // a form: the value is what is written
	maxCustomID = 100
)

type asked struct {
	form   string
	action coach.Action
	note   coach.NoteID
	name   string
	value  string
}

func (a asked) customID() (string, error) {
	s := strings.Join([]string{a.form, string(a.action), strings.TrimPrefix(string(a.note), idPrefix), a.name, a.value}, "|")
	if len(s) > maxCustomID || strings.Count(s, "|") != 4 {
		return "", fmt.Errorf("discord: a component of %s can't be named", a.action)
	}
	return s, nil
}

func parseCustomID(s string) (asked, bool) {
	p := strings.Split(s, "|")
	if len(p) != 5 || p[1] == "" {
		return asked{}, false
	}
	a := asked{form: p[0], action: coach.Action(p[1]), name: p[3], value: p[4]}
	if p[2] != "" {
		a.note = coach.NoteID(idPrefix + p[2])
		if _, err := parseNote(a.note); err != nil {
			return asked{}, false
		}
	}
	return a, true
}
