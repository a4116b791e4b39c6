package discord

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/mynah-coach/mynah/coach"
)

const (
	// ackLimit is when an interaction is deferred: Discord gives up on it after
	// three seconds.
	ackLimit = 1500 * time.Millisecond
	// tokenLife is how long an interaction can be answered, a little less than
	// Discord's 15 minutes.
	tokenLife = 14*time.Minute + 30*time.Second
	// maxQuick is how many bytes of files go with a first answer.
	maxQuick = 128 << 10
	// workLimit is for what an interaction asks for.
	workLimit = 2 * time.Minute
)

// codeAcknowledged says that an interaction was answered before: the event came
// twice.
const codeAcknowledged = 40060

// responder answers one interaction.
type responder struct {
	*Discord
	i    interaction
	came time.Time
}

// interact carries an interaction out. It is answered within three seconds,
// whatever the desk and the store do.
func (d *Discord) interact(ctx context.Context, in coach.Inbox, i interaction, came time.Time) {
	if !isSnowflake(i.ID) || !isSnowflake(i.ChannelID) || i.Token == "" || i.asker() == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, workLimit)
	defer cancel()
	r := &responder{Discord: d, i: i, came: came}
	if !r.claim(ctx) {
		return
	}
	if err := r.carryOut(ctx, in); err != nil && !errors.Is(err, errAnswered) && ctx.Err() == nil {
		d.log.Warn("an interaction was not answered", "interaction", i.ID, "error", err)
	}
}

// claimLimit is how long an interaction waits for the shelf.
const claimLimit = 500 * time.Millisecond

var errClaimed = errors.New("claimed already")

// claim makes the interaction ours: its event may come twice, and to several
// machines. A shelf that is slow or fails is no reason to leave it; to be
// stopping is, for who could not claim it could not answer it either.
func (r *responder) claim(ctx context.Context) bool {
	limited, cancel := context.WithTimeout(ctx, claimLimit)
	defer cancel()
	err := r.shelf.Update(limited, "asked."+r.i.ID, func(old []byte) ([]byte, error) {
		if old != nil {
			return nil, errClaimed
		}
		return []byte("{}"), nil
	})
	return err == nil || !errors.Is(err, errClaimed) && ctx.Err() == nil
}

func (r *responder) carryOut(ctx context.Context, in coach.Inbox) error {
	c := coach.Command{
		Learner: learnerID(r.i.asker()), Place: r.i.place(), Thread: r.i.where().id(), Admin: r.i.admin(),
		Values: map[string]string{},
	}
	switch r.i.Type {
	case interactionCommand:
		var data commandData
		if err := json.Unmarshal(r.i.Data, &data); err != nil {
			return errors.New("a command that can't be read")
		}
		if data.Type == commandMessage {
			return r.assessMessage(ctx, in, data)
		}
		if data.Name == commandAssessTyped {
			return r.assess(ctx, in, data)
		}
		c.Action = coach.Action(data.Name)
		for _, o := range data.Options {
			c.Values[o.Name] = plainValue(o.Value)
		}
	case interactionComponent:
		var data componentData
		if err := json.Unmarshal(r.i.Data, &data); err != nil {
			return errors.New("a component that can't be read")
		}
		a, ok := parseCustomID(data.CustomID)
		if !ok {
			return r.tell(ctx, wordsUnknown)
		}
		c.Action, c.Note = a.action, a.note
		switch {
		case a.form == asksChoice:
			c.Values[a.name] = strings.Join(data.Values, ",")
		case a.name != "":
			c.Values[a.name] = a.value
		}
		return r.ask(ctx, c, a.form != asksAction && r.i.Message != nil && r.i.Message.Flags&flagEphemeral != 0)
	case interactionModal:
		var data modalData
		if err := json.Unmarshal(r.i.Data, &data); err != nil {
			return errors.New("a form that can't be read")
		}
		a, ok := parseCustomID(data.CustomID)
		if !ok || a.form != asksText {
			return r.tell(ctx, wordsUnknown)
		}
		c.Action, c.Note = a.action, a.note
		for _, row := range data.Components {
			for _, f := range row.Components {
				c.Values[a.name] = f.Value
			}
		}
	default:
		return nil // a kind that nobody told us of
	}
	return r.ask(ctx, c, false)
}

// plainValue is an option's value as text.
func plainValue(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

func (i interaction) asker() string {
	u := i.User
	if i.Member != nil && i.Member.User != nil {
		u = i.Member.User
	}
	if u == nil || !isSnowflake(u.ID) {
		return ""
	}
	return u.ID
}

// installed tells whether we are in the server that the interaction is from. It
// is not so where the asker brought us along, having installed us for themselves.
func (i interaction) installed() bool {
	return i.GuildID != "" && (i.Owners == nil || i.Owners["0"] == i.GuildID)
}

func (i interaction) place() coach.PlaceID {
	if !i.installed() {
		return ""
	}
	return placeID(i.GuildID)
}

func (i interaction) where() where {
	w := where{kind: byToken, guild: i.GuildID, channel: i.ChannelID}
	switch {
	case i.installed() && i.Channel != nil && i.Channel.isThread():
		w.kind = inThread
	case i.installed():
		w.kind = inChannel
	case i.GuildID == "" && (i.Context == nil || *i.Context != contextPrivate):
		w.kind = inDM
	}
	return w
}

// admin tells whether Discord says that the asker may manage the server.
func (i interaction) admin() bool {
	if i.Member == nil || !i.installed() {
		return false
	}
	p, err := strconv.ParseUint(i.Member.Permissions, 10, 64)
	return err == nil && p&(permissionAdministrator|permissionManageGuild) != 0
}

// ask asks the desk and shows its answer; in place of the message that the
// component is on, or as one of its own.
func (r *responder) ask(ctx context.Context, c coach.Command, inPlace bool) error {
	deferred := make(chan error, 1)
	wait := time.Until(r.came.Add(ackLimit))
	if c.Action == coach.ActHear { // takes its time
		wait = 0
	}
	late := time.AfterFunc(wait, func() {
		// The asker alone sees what comes late: that is right for all of it.
		deferred <- r.callback(ctx, callback{Type: callbackDefer, Data: flags{flagEphemeral}})
	})
	answer, err := r.do(ctx, c)
	isLate := !late.Stop()
	if isLate {
		if err := <-deferred; err != nil {
			return err
		}
	}
	if err != nil {
		r.log.Error("the desk failed", "action", c.Action, "error", err)
		answer = coach.Answer{Sections: []coach.Section{{Text: r.desk.Words(err)}}}
	}
	if ctx.Err() != nil { // what is left to be said is an apology
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
	}
	return r.show(ctx, answer, isLate, inPlace)
}

// do is the desk's Do, whose panic is an error of its own.
func (r *responder) do(ctx context.Context, c coach.Command) (a coach.Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("the desk panicked", "action", c.Action, "stack", string(debug.Stack()))
			a, err = coach.Answer{}, errors.New("the desk panicked")
		}
	}()
	a, err = r.desk.Do(ctx, c)
	if err == nil && c.Action == coach.ActForget && c.Values["confirm"] == "yes" {
		err = r.forget(ctx, c.Learner)
	}
	return a, err
}

type flags struct {
	Flags int `json:"flags"`
}

// show shows an answer.
func (r *responder) show(ctx context.Context, a coach.Answer, deferred, inPlace bool) error {
	if a.Form != nil {
		if deferred { // Discord opens no form any more
			return r.edit(ctx, say(wordsStale))
		}
		m, err := r.form(*a.Form)
		if err != nil {
			return err
		}
		return r.callback(ctx, callback{Type: callbackModal, Data: m})
	}
	messages := r.answer(a)
	ephemeral := 0
	if !a.Public {
		ephemeral = flagEphemeral
	}
	first := messages[0]
	first.Flags |= ephemeral
	inPlace = inPlace && !a.Public && len(messages) == 1
	var err error
	if !deferred && first.bytes() > maxQuick {
		// To send it may take longer than Discord waits for a first answer.
		deferred = true
		c := callback{Type: callbackDefer, Data: flags{ephemeral}}
		if inPlace {
			c = callback{Type: callbackDeferUpdate}
		}
		err = r.callback(ctx, c)
	}
	switch {
	case err != nil:
	case deferred:
		err = r.edit(ctx, first)
	case inPlace:
		err = r.callback(ctx, callback{Type: callbackUpdate, Data: first}, first.files...)
	default:
		err = r.callback(ctx, callback{Type: callbackMessage, Data: first}, first.files...)
	}
	if err != nil {
		return err
	}
	if a.Sentence != "" && a.Public {
		// Who replies to the prompt means its sentence.
		var made message
		if err := r.api.call(ctx, http.MethodGet, r.original(), nil, &made); err != nil {
			return err
		}
		if err := r.tellAbout(ctx, prompt{a.Sentence, learnerID(r.i.asker())}, made.ID); err != nil {
			return err
		}
	}
	for _, m := range messages[1:] {
		m.Flags |= ephemeral
		if err := r.api.call(ctx, http.MethodPost, "/webhooks/"+r.i.ApplicationID+"/"+r.i.Token, m, nil, m.files...); err != nil {
			return err
		}
	}
	return nil
}

// tell answers the asker with a text.
func (r *responder) tell(ctx context.Context, text string) error {
	return r.show(ctx, coach.Answer{Sections: []coach.Section{{Text: text}}}, false, false)
}

// original is the first answer's path.
func (r *responder) original() string { return originalPath(r.i.ApplicationID, r.i.Token) }

func originalPath(application, token string) string {
	return "/webhooks/" + application + "/" + token + "/messages/@original"
}

// edit changes what was answered first.
func (r *responder) edit(ctx context.Context, m outgoing) error {
	m.Flags &^= flagEphemeral
	return r.api.call(ctx, http.MethodPatch, r.original(), m, nil, m.files...)
}

// errAnswered says that another delivery of the same event is being answered.
var errAnswered = errors.New("answered already")

// callback is the first answer. It is repeated while Discord is out of order and
// there is time.
func (r *responder) callback(ctx context.Context, c callback, files ...upload) error {
	for {
		err := r.api.call(ctx, http.MethodPost, "/interactions/"+r.i.ID+"/"+r.i.Token+"/callback", c, nil, files...)
		switch {
		case err == nil:
			return nil
		case refused(err) == codeAcknowledged:
			return errAnswered
		case isRefusal(err), time.Since(r.came) > 2500*time.Millisecond:
			return err
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}
