package discord

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mynah-coach/mynah/adapters/adaptertest"
	"github.com/mynah-coach/mynah/adapters/discord/discordtest"
	"github.com/mynah-coach/mynah/bots"
	"github.com/mynah-coach/mynah/store/storetest"
)

var soakNotes = flag.Int("soak", 2000, "notes of the soak")

// TestSoak posts notes of 200 learners in 20 channels, while Discord fails in
// every way that is known of it and mynah is restarted, and wants each to be
// answered once. Discord's limits are 50 times as wide as the real ones.
func TestSoak(t *testing.T) {
	const learners, channels, wider = 200, 20, 50
	notes := *soakNotes
	if testing.Short() {
		notes /= 10
	}
	leaks := goleak.IgnoreCurrent()
	before := adaptertest.Heap()
	p := newPlatform(t)
	p.s.Speed(wider / 20) // newPlatform's are 20 times as wide already
	var people []*discordtest.User
	for k := range learners {
		people = append(people, p.s.AddUser(fmt.Sprint("learner ", k)))
	}
	var rooms, prompts []string
	for k := range channels {
		rooms = append(rooms, p.s.AddChannel(p.guild, fmt.Sprint("room ", k)))
		prompts = append(prompts, p.s.Say(p.teacher, rooms[k], fmt.Sprintf("The cat sat on %d mats.", k)))
	}
	memory := &storetest.Memory{}
	run := func() (d *Discord, end func()) {
		d = p.adapter(nil)
		d.settled = func(string, error) {}
		l := d.api.http.Transport.(*limits)
		l.global.SetLimit(globalPerSecond * wider)
		l.global.SetBurst(globalBurst * wider)
		quick := adaptertest.Quick{Recording: func(b []byte) bool { return len(b) >= 5 }}
		w := bots.NewWorker(memory, memory, memory, quick, quick, quick, d)
		w.Concurrency, w.Notes, w.MaxAttempts, w.Backoff, w.MaxBackoff = 8, 24, 1000, 20*time.Millisecond, 200*time.Millisecond
		ctx, cancel := context.WithCancel(context.Background())
		var both sync.WaitGroup
		both.Go(func() {
			if err := d.Listen(ctx, memory); err != nil {
				t.Errorf("Listen: %v", err)
			}
		})
		both.Go(func() {
			if err := w.Run(ctx); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
		return d, func() { cancel(); both.Wait() }
	}
	d, end := run()
	p.until("a session", func() bool { return p.s.Sessions() > 0 })
	p.until("the server to be known", func() bool {
		_, ok, err := p.shelf.Get(context.Background(), markKey(p.guild))
		return ok && err == nil
	})

	began := time.Now()
	source := rand.New(rand.NewPCG(5, 8))
	p.s.Chaos(chaos())
	var posted []string
	for k := range notes {
		room := k % channels
		draft := discordtest.Draft{Audio: fmt.Appendf(nil, "OggS %d", k), Voice: true, ReplyTo: prompts[room]}
		id := p.s.Write(people[source.IntN(learners)], rooms[room], draft)
		posted = append(posted, id)
		if source.IntN(20) == 0 {
			p.s.Redeliver(rooms[room], id)
		}
		switch k {
		case notes * 1 / 10:
			p.s.Drop(0)
		case notes * 2 / 10:
			p.s.Drop(4000)
		case notes * 4 / 10:
			p.s.Reconnect()
		case notes * 5 / 10:
			p.s.Forget()
			p.s.Drop(4009)
		case notes * 6 / 10:
			p.s.InvalidateSessions()
		case notes * 8 / 10:
			end()
			d, end = run()
		}
		time.Sleep(5 * time.Millisecond) // people are not that quick
	}
	for len(p.s.Tally()) < notes {
		if time.Since(began) > 5*time.Minute {
			t.Errorf("after %s %d of %d notes were answered", time.Since(began), len(p.s.Tally()), notes)
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	p.s.Chaos(nil)
	end()
	took := time.Since(began)
	lost, doubled := 0, 0
	tally := p.s.Tally()
	for _, id := range posted {
		switch n := tally[id]; {
		case n == 0:
			lost++
		case n > 1:
			doubled++
		}
	}
	if lost+doubled > 0 {
		t.Errorf("%d notes lost, %d answered twice", lost, doubled)
	}
	requests := p.s.Requests("POST /channels/{channel}/messages")
	t.Logf("%d notes in %s, %d of %d posts failed and were repeated, %d limits were run into, %d sessions begun, %d resumed",
		notes, took.Round(time.Millisecond), requests-notes, requests, p.s.Limited(), p.s.Identified(), p.s.Resumed())
	for _, v := range p.s.Violations() {
		t.Errorf("Discord would not have it: %s", v)
	}

	// What the adapter itself keeps, without the stand-in, the queue, the shelf.
	p.s.Close()
	d.api.http.CloseIdleConnections()
	d.cdn.CloseIdleConnections()
	goleak.VerifyNone(t, leaks)
	kept := &Discord{api: d.api, cdn: d.cdn, channels: places{of: d.channels.of}, dms: places{of: d.dms.of}}
	*p, memory = platform{t: t}, nil
	d.desk, d.shelf, d.settled = nil, nil, nil
	if after := adaptertest.Heap(); after > before+8<<20 {
		t.Errorf("the heap has grown from %d kB to %d kB", before>>10, after>>10)
	}
	runtime.KeepAlive(kept)
}

// chaos makes one request in twelve go wrong.
func chaos() func(string) discordtest.Fault {
	source := rand.New(rand.NewPCG(1, 2))
	kinds := []discordtest.Fault{
		{Status: 500}, {Status: 502}, {Status: 503}, {Status: 504}, {Status: -1},
		{Status: 500, After: true}, {Status: 502, After: true}, {Status: -1, After: true},
		{Hang: 50 * time.Millisecond}, {Hang: 200 * time.Millisecond},
		{Limit: 100 * time.Millisecond, Scope: "user"}, {Limit: 100 * time.Millisecond, Scope: "shared"},
	}
	return func(string) discordtest.Fault { // the server calls one at a time
		if source.IntN(12) != 0 {
			return discordtest.Fault{}
		}
		return kinds[source.IntN(len(kinds))]
	}
}
