package slack

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mynah-coach/mynah/adapters/adaptertest"
	"github.com/mynah-coach/mynah/adapters/slack/slacktest"
	"github.com/mynah-coach/mynah/bots"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/store/storetest"
)

var soakClips = flag.Int("soak", 2000, "clips of the soak")

// soak is three workspaces that one process serves.
type soak struct {
	*platform
	installs coach.Shelf
	memory   *storetest.Memory
	people   []*slacktest.User
	channels [][]*slacktest.Channel
}

func newSoak(t *testing.T, workspaces, people, channels int) *soak {
	s := &soak{platform: newPlatform(t, false), installs: storetest.NewShelf(), memory: &storetest.Memory{}}
	for k := range workspaces {
		ws := s.ws
		if k > 0 {
			ws = s.slack.AddWorkspace(fmt.Sprint("workspace-", k))
		}
		var there []*slacktest.User
		for p := range people {
			there = append(there, ws.AddUser(fmt.Sprint("learner ", p)))
		}
		var rooms []*slacktest.Channel
		for c := range channels {
			rooms = append(rooms, ws.AddChannel(fmt.Sprint("room ", c), there...))
		}
		s.people = append(s.people, there...)
		s.channels = append(s.channels, rooms)
		a := s.adapter(s.config())
		i, err := a.introduce(t.Context(), install{Token: ws.Token})
		if err == nil {
			err = a.keepInstall(t.Context(), i)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *soak) config() Config {
	return Config{
		AppToken: slacktest.AppToken, ClientID: slacktest.ClientID, ClientSecret: slacktest.ClientSecret, Installs: s.installs,
		PublicURL: "https://mynah.example", APIURL: s.slack.APIURL(),
	}
}

// start runs the adapter with a worker.
func (s *soak) start() (a *Slack, end func()) {
	a = s.adapter(s.config())
	quick := adaptertest.Quick{Recording: func(b []byte) bool { return strings.HasPrefix(string(b), "the recording ") }}
	w := bots.NewWorker(s.memory, s.memory, s.memory, quick, quick, quick, a)
	w.Concurrency, w.Notes, w.MaxAttempts, w.Backoff, w.MaxBackoff = 8, 48, 1000, 20*time.Millisecond, 200*time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	var both sync.WaitGroup
	both.Go(func() {
		if err := a.Listen(ctx, s.memory); err != nil {
			s.t.Errorf("Listen: %v", err)
		}
	})
	both.Go(func() {
		if err := w.Run(ctx); err != nil {
			s.t.Errorf("Run: %v", err)
		}
	})
	return a, func() { cancel(); both.Wait() }
}

// TestSoak posts clips in three workspaces, while Slack's API and its
// connections fail in every way that is known of them and mynah is restarted, and
// wants each to be answered once.
func TestSoak(t *testing.T) {
	const workspaces, people, channels = 3, 40, 16
	clips := *soakClips
	if testing.Short() {
		clips /= 10
	}
	leaks := goleak.IgnoreCurrent()
	before := adaptertest.Heap()
	s := newSoak(t, workspaces, people, channels)
	a, end := s.start()
	if err := s.slack.Listening(t.Context()); err != nil {
		t.Fatal(err)
	}
	source := rand.New(rand.NewPCG(7, 11))
	began := time.Now()
	s.slack.Chaos(chaos())
	var told sync.WaitGroup
	room := make(chan struct{}, 16)
	var posted []*slacktest.Message
	for k := range clips {
		ws := k % workspaces
		c := slacktest.Clip{
			User: s.people[ws*people+source.IntN(people)], Channel: s.channels[ws][source.IntN(channels)], Text: fmt.Sprintf("Sentence number %d.", k),
			Audio: fmt.Appendf(nil, "the recording %d", k), Mention: source.IntN(3) == 0, Connect: source.IntN(20) == 0,
		}
		if source.IntN(40) == 0 {
			c.NotReady, c.HTML = source.IntN(2), source.IntN(2)
		}
		m := s.slack.Post(c)
		posted = append(posted, m)
		twice := source.IntN(15) == 0
		room <- struct{}{}
		told.Go(func() {
			defer func() { <-room }()
			s.tell(m, twice)
		})
		switch k {
		case clips * 1 / 10, clips * 7 / 10:
			s.slack.CloseSockets()
		case clips * 3 / 10:
			s.slack.Disconnect("refresh_requested", 0)
		case clips * 4 / 10:
			s.slack.Disconnect("too_many_websockets", 1)
		case clips * 5 / 10:
			end()
			a, end = s.start()
		}
	}
	told.Wait()
	answered := func() int { return len(s.slack.Tally(noteMetadata)) }
	for answered() < clips {
		if time.Since(began) > 3*time.Minute {
			t.Errorf("after %s %d of %d clips were answered", time.Since(began), answered(), clips)
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.slack.Chaos(nil)
	end()
	took := time.Since(began)
	tally := s.slack.Tally(noteMetadata)
	lost, doubled := 0, 0
	for _, m := range posted {
		id := note{m.Channel.Workspace().ID, m.Channel.ID, m.TS, m.Files[0].ID}.id()
		switch n := tally[string(id)]; {
		case n == 0:
			lost++
		case n > 1:
			doubled++
		}
	}
	if lost+doubled > 0 || len(tally) != clips {
		t.Errorf("%d clips lost, %d answered twice, %d answers", lost, doubled, len(tally))
	}
	t.Logf("%d clips in %s, %d posts, %d looks into threads, %d files asked for, %d fetched, %d connections",
		clips, took.Round(time.Millisecond), s.slack.Calls("chat.postMessage"), s.slack.Calls("conversations.replies"),
		s.slack.Calls("files.info"), s.slack.Calls("download"), s.slack.Calls("apps.connections.open"))

	// What the adapter itself keeps, without the stand-in, the queue, the shelf.
	s.slack.Close()
	a.http.CloseIdleConnections()
	a.files.CloseIdleConnections()
	goleak.VerifyNone(t, leaks)
	kept := &Slack{http: a.http, files: a.files, gates: a.gates, admins: a.admins, sessions: a.sessions, lacking: a.lacking}
	*s.platform, s.memory, s.installs, s.people, s.channels = platform{t: t}, nil, nil, nil, nil
	clear(posted)
	a.desk, a.shelf, a.cfg = nil, nil, Config{}
	if after := adaptertest.Heap(); after > before+8<<20 {
		t.Errorf("the heap has grown from %d kB to %d kB", before>>10, after>>10)
	}
	runtime.KeepAlive(kept)
}

// tell delivers all events of a message until all are acknowledged: the soak
// outlasts the three redeliveries of Slack's.
func (s *soak) tell(m *slacktest.Message, twice bool) {
	for try := 0; ; try++ {
		err := s.slack.Tell(context.Background(), m)
		if err == nil && !twice {
			return
		}
		if err == nil {
			twice = false
		} else if !errors.Is(err, slacktest.ErrNotAcknowledged) || try > 100 {
			s.t.Errorf("deliver: %v", err)
			return
		}
	}
}

// chaos makes one call in fifteen go wrong.
func chaos() func(string) slacktest.Fault {
	source := rand.New(rand.NewPCG(1, 2))
	kinds := []slacktest.Fault{slacktest.FailBefore, slacktest.FailAfter, slacktest.BreakBefore, slacktest.BreakAfter, slacktest.FailAfter, slacktest.LimitOnce}
	return func(method string) slacktest.Fault {
		if source.IntN(15) != 0 {
			return slacktest.NoFault
		}
		f := kinds[source.IntN(len(kinds))]
		// A method of a whole workspace is not limited all the time.
		if f == slacktest.LimitOnce && !strings.HasPrefix(method, "chat.") && source.IntN(20) != 0 {
			return slacktest.NoFault
		}
		return f
	}
}
