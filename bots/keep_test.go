package bots_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/bots"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
	"github.com/mynah-coach/mynah/store/storetest"
)

// everything returns all that the shelves hold, as text.
func everything(t *testing.T, c *chat) string {
	t.Helper()
	var all strings.Builder
	for _, shelf := range []*storetest.MemoryShelf{c.lasting, c.passing} {
		values, err := shelf.List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		for key, b := range values {
			fmt.Fprintf(&all, "%s %s\n", key, b)
		}
	}
	return all.String()
}

func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		var discarded []coach.NoteID
		c.desk.Discard = func(_ context.Context, id coach.NoteID) error {
			discarded = append(discarded, id)
			return nil
		}
		answered, waits, dead, others := chatNote(0), wordless(3), chatNote(6), chatNote(1)
		me := answered.Learner
		c.on = func(_ context.Context, op string) error {
			if op == "score" && len(c.Finished()) == 1 && len(c.Buried()) == 0 {
				return errOurs
			}
			return nil
		}
		c.alone = true
		live(t, c, []coach.VoiceNote{answered, dead}, func() { time.Sleep(10 * time.Minute) })
		live(t, c, []coach.VoiceNote{waits, others}, nil)
		wantKinds(t, c, waits, coach.ReplyQuestion)
		cmd := func(a coach.Action, values ...string) coach.Command {
			cmd := of(a, answered.ID, values...)
			cmd.Learner = me
			return cmd
		}
		c.do(t, cmd(coach.ActSettings, "level", "b2"))
		c.do(t, cmd(coach.ActPractice))
		c.do(t, cmd(coach.ActDispute, "claim", "other"))

		a := c.do(t, cmd(coach.ActForget))
		if len(a.Buttons) < 2 || a.Buttons[0].Style != coach.StyleDanger {
			t.Fatalf("asked: %+v", a)
		}
		if a := c.do(t, press(a.Buttons[1], me)); a.Text() != prompts.ForgetKept() {
			t.Errorf("kept: %q", a.Text())
		}
		if l, err := c.Earlier(t.Context(), me, -1); err != nil || len(l) != 1 {
			t.Fatalf("%d lessons, %v", len(l), err)
		}
		usage := func() string {
			return c.do(t, coach.Command{Action: coach.ActUsage, Learner: "owner", Admin: true}).Text()
		}
		before := usage()

		if a := c.do(t, press(a.Buttons[0], me)); a.Text() != prompts.Forgotten() {
			t.Errorf("forgotten: %q", a.Text())
		}
		absent(t, &c.world, waits.ID)
		live(t, c, nil, func() { time.Sleep(time.Second) })
		if l, err := c.Earlier(t.Context(), me, -1); err != nil || len(l) != 0 {
			t.Errorf("%d lessons are left, %v", len(l), err)
		}
		left := everything(t, c)
		for _, trace := range []string{string(me), string(answered.ID), string(waits.ID), `"level"`} {
			if strings.Contains(left, trace) {
				t.Errorf("%q is still on the shelves:\n%s", trace, left)
			}
		}
		if len(c.Waiting()) != 0 {
			t.Error("the note still waits")
		}
		if d := cmp.Diff([]coach.NoteID{dead.ID}, discarded); d != "" {
			t.Errorf("discarded dead letters (-want +got):\n%s", d)
		}
		if got := strings.ReplaceAll(usage(), "1 time that learners said I was wrong", ""); !strings.Contains(before, "2 learners") || !strings.Contains(got, "2 learners") {
			t.Errorf("the owner's counts changed from\n%s\nto\n%s", before, got)
		}
		if l, err := c.Earlier(t.Context(), others.Learner, -1); err != nil || len(l) != 1 {
			t.Errorf("another learner has %d lessons, %v", len(l), err)
		}
		again := chatNote(9)
		live(t, c, []coach.VoiceNote{again}, nil)
		wantKinds(t, c, again, coach.ReplyNotice, coach.ReplyCoaching) // as a stranger
	})
}

func TestExportHoldsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		n, waits := chatNote(0), wordless(3)
		live(t, c, []coach.VoiceNote{n}, nil)
		live(t, c, []coach.VoiceNote{waits}, nil)
		cmd := func(a coach.Action, values ...string) coach.Command {
			cmd := of(a, n.ID, values...)
			cmd.Learner = n.Learner
			return cmd
		}
		c.do(t, cmd(coach.ActSettings, "replies", "me"))
		prompt := c.do(t, cmd(coach.ActPractice)).Sentence
		c.do(t, cmd(coach.ActDispute, "claim", "other"))
		a := c.do(t, cmd(coach.ActExport))
		if a.Public || len(a.Files) != 1 || a.Files[0].ContentType != "application/json" {
			t.Fatalf("answer: %+v", a)
		}
		var got struct {
			Schema  string
			Learner struct {
				ID      coach.LearnerID
				Replies string
				Prompt  struct{ Sentence string }
				Places  map[coach.PlaceID]time.Time
			}
			Lessons  []coach.Lesson
			Disputes []bots.Dispute
			Waiting  map[coach.NoteID]any
			Active   []bots.ActiveDay `json:"active_days"`
		}
		if err := json.Unmarshal(a.Files[0].Data, &got); err != nil {
			t.Fatal(err)
		}
		lessons, err := c.Earlier(t.Context(), n.Learner, -1)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(lessons, got.Lessons); d != "" {
			t.Errorf("lessons (-want +got):\n%s", d)
		}
		waiting := slices.Collect(maps.Keys(got.Waiting))
		if got.Schema != "mynah.export/1" || got.Learner.ID != n.Learner || got.Learner.Replies != "me" || got.Learner.Prompt.Sentence != prompt ||
			len(got.Disputes) != 1 || !slices.Equal(waiting, []coach.NoteID{waits.ID}) || len(got.Active) != 1 || len(got.Learner.Places) != 1 {
			t.Errorf("export:\n%s", a.Files[0].Data)
		}
		stranger := asks(coach.ActExport)
		if a := c.do(t, stranger); len(a.Files) != 1 || bytes.Contains(a.Files[0].Data, []byte(n.ID)) {
			t.Errorf("a stranger gets %s", a.Files[0].Data)
		}
	})
}

func TestUsageTellsNoResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		c.on = func(_ context.Context, op string) error {
			if op == "score" && c.calls["score"] == 3 {
				return fmt.Errorf("x: %w", coach.ErrNoSpeech)
			}
			return nil
		}
		c.alone = true
		live(t, c, []coach.VoiceNote{chatNote(0), chatNote(1), chatNote(2), chatNote(3)}, func() { time.Sleep(time.Minute) })
		usage := func() []coach.Section {
			return c.do(t, coach.Command{Action: coach.ActUsage, Learner: "owner", Admin: true}).Sections
		}
		want := []coach.Section{prompts.UsageOf(1, 3, 1, 0, 0, 3), prompts.UsageOf(7, 3, 1, 0, 0, 3), prompts.UsageOf(30, 3, 1, 0, 0, 3)}
		if d := cmp.Diff(want, usage()); d != "" {
			t.Errorf("usage (-want +got):\n%s", d)
		}
		time.Sleep(8 * 24 * time.Hour)
		live(t, c, []coach.VoiceNote{chatNote(6)}, nil)
		want = []coach.Section{prompts.UsageOf(1, 1, 0, 0, 0, 1), prompts.UsageOf(7, 1, 0, 0, 0, 1), prompts.UsageOf(30, 4, 1, 0, 0, 3)}
		if d := cmp.Diff(want, usage()); d != "" {
			t.Errorf("a week later (-want +got):\n%s", d)
		}
		if a := c.do(t, asks(coach.ActUsage)); a.Text() != prompts.NotAllowed() {
			t.Errorf("anyone: %q", a.Text())
		}
		elsewhere := coach.Command{Action: coach.ActUsage, Learner: "owner", Admin: true, Place: "discord.guild.2"}
		if d := cmp.Diff(prompts.UsageOf(30, 0, 0, 0, 0, 0), c.do(t, elsewhere).Sections[2]); d != "" {
			t.Errorf("elsewhere (-want +got):\n%s", d)
		}
	})
}

func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		c.desk.Defaults.RetentionDays = 30
		n, quiet := chatNote(0), chatNote(1)
		live(t, c, []coach.VoiceNote{n, quiet}, nil)
		cmd := of(coach.ActDispute, n.ID, "claim", "other")
		cmd.Learner = n.Learner
		c.do(t, cmd)
		lessons := func(id coach.LearnerID) int {
			l, err := c.Earlier(t.Context(), id, -1)
			if err != nil {
				t.Fatal(err)
			}
			return len(l)
		}
		sweep := func() {
			t.Helper()
			for range 2 {
				if err := c.desk.Sweep(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
		time.Sleep(29 * 24 * time.Hour)
		sweep()
		later := chatNote(3)
		live(t, c, []coach.VoiceNote{later}, nil)
		if lessons(n.Learner) != 2 || lessons(quiet.Learner) != 1 {
			t.Errorf("swept too early: %d and %d lessons", lessons(n.Learner), lessons(quiet.Learner))
		}
		time.Sleep(48 * time.Hour)
		sweep()
		if lessons(n.Learner) != 1 || lessons(quiet.Learner) != 0 {
			t.Errorf("after the retention: %d and %d lessons, want 1 and 0", lessons(n.Learner), lessons(quiet.Learner))
		}
		if strings.Contains(everything(t, c), string(quiet.Learner)) {
			t.Error("who was not seen for so long is still known")
		}
		back := chatNote(4) // sent before that, while mynah was down
		back.Received = time.Now().Add(-time.Hour)
		live(t, c, []coach.VoiceNote{back}, nil)
		wantKinds(t, c, back, coach.ReplyNotice, coach.ReplyCoaching)
		c.do(t, coach.Command{Action: coach.ActSetup, Learner: "owner", Admin: true, Values: map[string]string{"retention": "7"}})
		time.Sleep(6 * 24 * time.Hour)
		sweep()
		if lessons(n.Learner) != 0 {
			t.Error("the owner wants lessons gone after a week")
		}
		time.Sleep(360 * 24 * time.Hour)
		sweep()
		left, err := c.lasting.List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		if len(left) != 1 { // what the owner has set
			t.Errorf("left after a year: %v", slices.Collect(maps.Keys(left)))
		}
	})
}

func TestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat()
		mine, both, waits := chatNote(0), chatNote(1), wordless(2)
		elsewhere := chatNote(4)
		elsewhere.Place = "discord.guild.2"
		live(t, c, []coach.VoiceNote{mine, both, waits, elsewhere}, func() {
			time.Sleep(time.Second)
			synctest.Wait()
			c.do(t, coach.Command{Action: coach.ActSetup, Learner: "owner", Admin: true, Values: map[string]string{"retention": "7"}})
			for range 2 {
				if err := c.desk.Leave(t.Context(), here); err != nil {
					t.Error(err)
				}
			}
			time.Sleep(time.Second)
		})
		wantOver(t, c, mine, both, waits, elsewhere)
		for who, want := range map[coach.LearnerID]int{mine.Learner: 0, waits.Learner: 0, both.Learner: 2} {
			if l, err := c.Earlier(t.Context(), who, -1); err != nil || len(l) != want {
				t.Errorf("%s has %d lessons, %v; want %d", who, len(l), err, want)
			}
		}
		if left := everything(t, c); strings.Contains(left, string(here)) || strings.Contains(left, string(mine.Learner)) {
			t.Errorf("left:\n%s", left)
		}
		if r, err := c.desk.Rules(t.Context(), here); err != nil || r.RetentionDays != 90 {
			t.Errorf("rules: %+v, %v", r, err)
		}
	})
}
