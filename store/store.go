package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mynah-coach/mynah/coach"
)

// Store implements coach.Queue, coach.AudioHold and coach.History. All methods
// are safe for concurrent use; none may be called after Close.
type Store struct {
	config Config
	log    *slog.Logger
	codec  *codec

	embedded *embedded // nil with a cluster
	journal  *journal  // nil with a cluster
	conn     *nats.Conn
	js       jetstream.JetStream
	tasks    jetstream.Stream
	lessons  jetstream.Stream
	audio    jetstream.Stream

	owner string // names this Store's claims
	index *index
	peers *peers // nil when embedded: the lock keeps others out

	mu     sync.Mutex
	claims map[*coach.Task]*claim
	closed bool
	stop   context.CancelFunc
	wg     sync.WaitGroup
}

var (
	_ coach.Queue     = (*Store)(nil)
	_ coach.AudioHold = (*Store)(nil)
	_ coach.History   = (*Store)(nil)
)

// Open starts the embedded server on c.Dir, or connects to c.URL, makes the
// streams that are missing and reads which notes are unfinished. ErrInUse when
// another process has the directory. Until ctx ends it waits for a cluster
// that is not ready yet.
func Open(ctx context.Context, c Config) (*Store, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &Store{config: c, log: c.Log, owner: nuid.Next(), claims: map[*coach.Task]*claim{}}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("store: %w", err), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) (err error) {
	if s.codec, err = newCodec(); err != nil {
		return err
	}
	if s.config.Dir != "" {
		if s.embedded, err = startEmbedded(s.config); err != nil {
			return err
		}
	}
	if s.conn, err = s.connect(); err != nil {
		return err
	}
	if s.js, err = jetstream.New(s.conn, jetstream.WithDefaultTimeout(attemptTimeout)); err != nil {
		return fmt.Errorf("jetstream: %w", err)
	}
	if err = s.makeStreams(ctx); err != nil {
		return err
	}
	if s.embedded != nil {
		if err = s.repair(ctx); err != nil {
			return err
		}
	}
	lapsed := func(string) bool { return true }
	if s.embedded == nil {
		s.peers = newPeers(s.conn, s.config.Prefix, s.owner, s.config.Lease)
		lapsed = s.peers.lapsed
	}
	s.index = newIndex(lapsed)

	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	w := &watch{store: s, synced: make(chan struct{})}
	s.wg.Go(func() { w.run(background) })
	s.wg.Go(func() { s.tend(background) })
	select {
	case <-w.synced:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("read the unfinished notes: %w", ctx.Err())
	}
}

func (s *Store) connect() (*nats.Conn, error) {
	c := s.config
	opts := []nats.Option{
		nats.Name(c.Prefix),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				s.log.Warn("connection to NATS lost", "error", err)
			}
		}),
		nats.ReconnectHandler(func(n *nats.Conn) { s.log.Info("connection to NATS is back", "server", n.ConnectedServerName()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { s.log.Warn("nats", "error", err) }),
	}
	if s.embedded != nil {
		opts = append(opts, nats.InProcessServer(s.embedded))
	}
	if c.Credentials != "" {
		opts = append(opts, nats.UserCredentials(c.Credentials))
	}
	if c.CA != "" {
		opts = append(opts, nats.RootCAs(c.CA))
	}
	conn, err := nats.Connect(c.URL, opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	return conn, nil
}

func (s *Store) audioName() string                  { return s.config.Prefix + "-audio" }
func (s *Store) tasksName() string                  { return s.config.Prefix + "-tasks" }
func (s *Store) taskSubject(id coach.NoteID) string { return s.config.Prefix + ".task." + token(id) }

// makeStreams creates the streams, or adapts those that are there to the
// config. A cluster that has only just begun to elect its leaders is asked
// again until ctx ends.
func (s *Store) makeStreams(ctx context.Context) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, writeTimeout)
		err := s.tryStreams(attempt)
		cancel()
		if err == nil || !transient(err) {
			return err
		}
		select {
		case <-time.After(500 * time.Millisecond):
			s.log.Debug("streams are not ready", "error", err)
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

// None allows direct reads: those may be answered by a replica that lags behind
// what was just written.
func (s *Store) tryStreams(ctx context.Context) (err error) {
	c := s.config
	s.tasks, err = s.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:              s.tasksName(),
		Description:       "mynah: one subject a note, its last message the note's state",
		Subjects:          []string{c.Prefix + ".task.*"},
		MaxMsgsPerSubject: 1,
		Discard:           jetstream.DiscardNew, // refuse a note rather than forget one
		MaxBytes:          c.tasksBytes(),
		Replicas:          c.Replicas,
		AllowMsgTTL:       true,
		Duplicates:        2 * time.Minute,
	})
	if err != nil {
		return fmt.Errorf("tasks stream: %w", err)
	}
	s.lessons, err = s.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:              c.Prefix + "-lessons",
		Description:       "mynah: one subject a learner, a message a lesson",
		Subjects:          []string{c.Prefix + ".lesson.*"},
		MaxMsgsPerSubject: int64(c.Lessons),
		MaxAge:            c.LessonAge,
		MaxBytes:          c.lessonsBytes(),
		Replicas:          c.Replicas,
	})
	if err != nil {
		return fmt.Errorf("lessons stream: %w", err)
	}
	s.audio, err = s.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:              s.audioName(),
		Description:       "mynah: recordings until they are answered",
		Subjects:          []string{c.Prefix + ".audio.*.*"},
		MaxMsgsPerSubject: 1,
		Discard:           jetstream.DiscardNew,
		MaxAge:            c.HoldAudio,
		MaxBytes:          c.audioBytes(),
		Replicas:          c.Replicas,
	})
	if err != nil {
		return fmt.Errorf("audio stream: %w", err)
	}
	return nil
}

// tend keeps the store well until ctx ends: heartbeats, lapsed claims, a disk
// that was full.
func (s *Store) tend(ctx context.Context) {
	if s.peers != nil {
		if err := s.peers.run(ctx, s.index.wake); err != nil && ctx.Err() == nil {
			s.log.Error("heartbeats stopped", "error", err)
		}
		return
	}
	t, tidy := time.NewTicker(time.Second), time.NewTicker(time.Hour)
	defer t.Stop()
	defer tidy.Stop()
	for {
		select {
		case <-t.C:
			s.embedded.heal()
		case <-tidy.C:
			if err := s.journal.tidy(); err != nil {
				s.log.Warn("the journal was not tidied", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// Close ends the store. Claims still held lapse: the next Claim anywhere gets
// their tasks as last saved.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	for _, c := range s.claims {
		c.stop()
	}
	s.mu.Unlock()
	if s.stop != nil {
		s.stop()
	}
	s.wg.Wait()
	var err error
	if s.conn != nil {
		_ = s.conn.FlushTimeout(time.Second) // the goodbye
		s.conn.Close()
	}
	if s.embedded != nil {
		err = s.embedded.stop()
	}
	if s.journal != nil {
		err = errors.Join(err, s.journal.close())
	}
	if s.codec != nil {
		s.codec.close()
	}
	return err
}

// Ping reports whether the store can be reached and its streams are there.
func (s *Store) Ping(ctx context.Context) error {
	if _, err := s.tasks.Info(ctx); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if s.embedded != nil && !s.embedded.room() {
		return fmt.Errorf("store: %w", errDiskFull)
	}
	return nil
}
