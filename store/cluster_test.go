package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/store"
	"github.com/mynah-coach/mynah/store/storetest"
)

// nodeVariable makes a child of the test binary a NATS server: its value is a
// nodeConfig as JSON.
const nodeVariable = "STORE_TEST_NODE"

type nodeConfig struct {
	Name, Dir    string
	Client, Peer int // ports
	Peers        []int
}

// runNode serves until its standard input ends.
func runNode(conf string) {
	var c nodeConfig
	if err := json.Unmarshal([]byte(conf), &c); err != nil {
		panic(err)
	}
	opts := &server.Options{
		ServerName: c.Name, Host: "127.0.0.1", Port: c.Client, NoSigs: true,
		JetStream: true, StoreDir: c.Dir, SyncAlways: false, JetStreamMaxStore: 8 << 30, JetStreamMaxMemory: 64 << 20,
		Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: c.Peer},
	}
	for _, p := range c.Peers {
		opts.Routes = append(opts.Routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", p)})
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		panic(err)
	}
	srv.Start()
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// cluster is three NATS servers, each a process of its own.
type cluster struct {
	url   string
	nodes [3]*node
}

type node struct {
	conf nodeConfig
	cmd  *exec.Cmd
	in   io.Closer
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("a cluster takes its time")
	}
	var ports []int
	for range 6 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	c := new(cluster)
	var urls []string
	dir := t.TempDir()
	for i := range c.nodes {
		name := fmt.Sprint("n", i)
		c.nodes[i] = &node{conf: nodeConfig{Name: name, Dir: filepath.Join(dir, name), Client: ports[i], Peer: ports[3+i], Peers: ports[3:]}}
		c.nodes[i].start(t)
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", ports[i]))
	}
	c.url = strings.Join(urls, ",")
	t.Cleanup(func() {
		for _, n := range c.nodes {
			n.kill()
		}
	})
	return c
}

func (n *node) start(t *testing.T) {
	t.Helper()
	conf, err := json.Marshal(n.conf)
	if err != nil {
		t.Fatal(err)
	}
	n.cmd = exec.Command(os.Args[0])
	n.cmd.Env = append(os.Environ(), nodeVariable+"="+string(conf))
	if n.in, err = n.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", n.conf.Client))
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("node %s did not start: %v", n.conf.Name, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (n *node) kill() {
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait()
	_ = n.in.Close()
}

func TestCluster(t *testing.T) {
	c := startCluster(t)
	prefixes := 0
	config := func() store.Config {
		prefixes++
		return store.Config{URL: c.url, Replicas: 3, Prefix: fmt.Sprint("test", prefixes), Lease: time.Second, Lessons: 12, MaxBytes: 64 << 20}
	}
	t.Run("queue", func(t *testing.T) {
		storetest.Queue(t, storetest.Backend{
			Shared: true,
			Lapse:  2 * time.Second,
			New: func(t *testing.T) func() storetest.Process {
				conf := config()
				return func() storetest.Process {
					s := open(t, conf)
					return storetest.Process{Queue: s, Crash: s.Abandon}
				}
			},
		})
	})
	t.Run("audio hold", func(t *testing.T) { storetest.AudioHold(t, open(t, config())) })
	t.Run("history", func(t *testing.T) { storetest.History(t, open(t, config()), 12) })
	t.Run("shelf", func(t *testing.T) { testShelf(t, config()) })
	t.Run("killed nodes lose and double nothing", func(t *testing.T) { killedNodes(t, c, config()) })
}

// killedNodes kills one node after the other with SIGKILL while two processes
// take notes in, park each for an hour and wake it, and work them off.
func killedNodes(t *testing.T, c *cluster, conf store.Config) {
	const notes, kills = 100, 3
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	working, stop := context.WithCancel(ctx)
	stores := []*store.Store{open(t, conf), open(t, conf)}
	var accepting, hands sync.WaitGroup
	var mu sync.Mutex
	finished, unsure := map[coach.NoteID]int{}, map[coach.NoteID]int{}
	var given sync.Map // what notes wait for, as if on a shelf
	wake := func(s *store.Store, id coach.NoteID) {
		for s.Wake(ctx, id) != nil { // as who gave it tries again
			if ctx.Err() != nil {
				t.Errorf("%s was not woken", id)
				return
			}
		}
	}
	park := func(s, other *store.Store, task *coach.Task) {
		hands.Go(func() {
			given.Store(task.Note.ID, true)
			wake(other, task.Note.ID)
		})
		_ = s.Retry(ctx, task, time.Hour, false) // what fails is given back
		if _, ok := given.Load(task.Note.ID); ok {
			wake(s, task.Note.ID)
		}
	}
	for n, s := range stores {
		accepting.Go(func() {
			for i := n; i < notes; i += len(stores) {
				for s.Accept(ctx, storetest.Note(i)) != nil { // as a platform repeats what was not acknowledged
					if ctx.Err() != nil {
						t.Errorf("%s was not accepted", storetest.Note(i).ID)
						return
					}
				}
				time.Sleep(100 * time.Millisecond)
			}
		})
		for range 2 {
			hands.Go(func() {
				for working.Err() == nil {
					claim, done := context.WithCancel(working)
					if task, err := s.Claim(claim); err == nil {
						if _, ok := given.Load(task.Note.ID); !ok {
							park(s, stores[1-n], task)
							done()
							continue
						}
						err = s.Finish(ctx, task)
						mu.Lock()
						switch {
						case err == nil:
							finished[task.Note.ID]++
						case !errors.Is(err, coach.ErrLost): // no answer: it may have been done
							unsure[task.Note.ID]++
						}
						mu.Unlock()
					}
					done()
				}
			})
		}
	}
	for range kills {
		time.Sleep(3 * time.Second)
		n := c.nodes[rand.IntN(3)]
		n.kill()
		time.Sleep(500 * time.Millisecond)
		n.start(t)
	}
	accepting.Wait()
	fresh := open(t, conf)
	late := time.After(time.Minute)
	for _, s := range append(stores, fresh) {
		for {
			d := s.Depth()
			if d.Ready+d.Later+d.Claimed == 0 {
				break
			}
			select {
			case <-time.After(100 * time.Millisecond):
			case <-late:
				t.Fatalf("left: %+v\n%s\n%s\n%s\n%s", d, s.Picture(), stores[0].Picture(), stores[1].Picture(), fresh.Picture())
			}
		}
	}
	stop()
	hands.Wait()
	for i := range notes {
		id := storetest.Note(i).ID
		if n := finished[id]; n > 1 || n == 0 && unsure[id] == 0 {
			t.Errorf("%s was finished %d times, perhaps %d more", id, n, unsure[id])
		}
		if err := fresh.Accept(ctx, storetest.Note(i)); err != nil {
			t.Errorf("accept of a twin: %v", err)
		}
	}
	if d := fresh.Depth(); d.Ready+d.Later+d.Claimed > 0 {
		t.Errorf("twins were taken for new notes: %+v", d)
	}
}
