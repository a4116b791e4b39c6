package slack

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

// A message is named by its workspace, its conversation and its time stamp; a
// note by its file, too, because a message may bring several.
//
//	place    slack-T111
//	learner  slack-T111-U222
//	thread   slack-T111-C333-1700000000.000100, without the time where it is the whole conversation
//	note     slack-T111-C333-1700000000.000200-F444
//
// The enterprise of a Grid organisation is in none of them: team, user and
// conversation identifiers are unique over all of Slack, and a workspace that
// joins an organisation keeps its own.
var (
	slackIDs   = regexp.MustCompile(`^[A-Z0-9]{1,24}$`)
	timeStamps = regexp.MustCompile(`^[0-9]{1,12}\.[0-9]{1,9}$`)
)

const idPrefix = string(coach.Slack) + "-"

func placeID(team string) coach.PlaceID { return coach.PlaceID(idPrefix + team) }

func learnerID(team, user string) coach.LearnerID {
	return coach.LearnerID(idPrefix + team + "-" + user)
}

// thread is where a message is, or a conversation where ts is empty.
type thread struct {
	team, channel, ts string
}

func (t thread) id() coach.ThreadID {
	id := idPrefix + t.team + "-" + t.channel
	if t.ts != "" {
		id += "-" + t.ts
	}
	return coach.ThreadID(id)
}

// direct reports whether the conversation is one user's with mynah.
func (t thread) direct() bool { return isDirect(t.channel) }

func isDirect(channel string) bool { return strings.HasPrefix(channel, "D") }

// note is a clip in a message.
type note struct {
	team, channel, ts, file string
}

func (n note) id() coach.NoteID {
	return coach.NoteID(idPrefix + strings.Join([]string{n.team, n.channel, n.ts, n.file}, "-"))
}

// parts splits an identifier into its Slack identifiers and time stamps.
func parts(id string, min, max int) ([]string, error) {
	rest, ok := strings.CutPrefix(id, idPrefix)
	p := strings.Split(rest, "-")
	if !ok || len(p) < min || len(p) > max {
		return nil, fmt.Errorf("slack: %q is no identifier of ours", id)
	}
	for i, v := range p {
		valid := slackIDs
		if i == 2 {
			valid = timeStamps
		}
		if !valid.MatchString(v) {
			return nil, fmt.Errorf("slack: %q is no identifier of ours", id)
		}
	}
	return p, nil
}

func parseNote(id coach.NoteID) (note, error) {
	p, err := parts(string(id), 4, 4)
	if err != nil {
		return note{}, err
	}
	return note{p[0], p[1], p[2], p[3]}, nil
}

func parseThread(id coach.ThreadID) (thread, error) {
	p, err := parts(string(id), 2, 3)
	if err != nil {
		return thread{}, err
	}
	p = append(p, "")
	return thread{p[0], p[1], p[2]}, nil
}

func parseLearner(id coach.LearnerID) (team, user string, err error) {
	p, err := parts(string(id), 2, 2)
	if err != nil {
		return "", "", err
	}
	return p[0], p[1], nil
}
