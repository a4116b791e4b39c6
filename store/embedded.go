package store

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/sys/unix"
)

// embedded is a NATS server inside this process: it opens no port, is reached
// through pipes only, and syncs every write to the disk before it confirms it.
type embedded struct {
	dir     string
	reserve int64
	lock    *flock.Flock
	server  *server.Server
	config  server.JetStreamConfig
	log     *slog.Logger
	sick    atomic.Bool // a write failed for good: JetStream must be started anew
	healed  time.Time   // when it last was
}

// maxPayload is the embedded server's limit for one message; a cluster has its
// own, 1 MiB unless configured. The longest note that is scored takes hardly
// over 100 KiB (TestLongestNoteFits).
const maxPayload = 8 * mebi

func startEmbedded(c Config) (*embedded, error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := os.Chmod(c.Dir, 0o700); err != nil { // it may have been there before
		return nil, fmt.Errorf("data directory: %w", err)
	}
	l, err := lock(c.Dir)
	if err != nil {
		return nil, err
	}
	e := &embedded{dir: c.Dir, reserve: c.Reserve, lock: l, log: c.Log}
	if err := e.start(c); err != nil {
		return nil, errors.Join(err, l.Unlock())
	}
	return e, nil
}

func (e *embedded) start(c Config) error {
	opts := &server.Options{
		ServerName:             c.Prefix,
		DontListen:             true,
		NoSigs:                 true,
		JetStream:              true,
		StoreDir:               c.Dir,
		SyncAlways:             true,
		JetStreamMaxStore:      c.MaxBytes,
		JetStreamMaxMemory:     16 * mebi,
		MaxPayload:             maxPayload,
		DisableJetStreamBanner: true,
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("embedded server: %w", err)
	}
	srv.SetLoggerV2(serverLog{c.Log}, false, false, false)
	srv.Start()
	if !srv.ReadyForConnections(30*time.Second) || !srv.JetStreamEnabled() {
		srv.Shutdown()
		srv.WaitForShutdown()
		return fmt.Errorf("embedded server: did not start on %s", c.Dir)
	}
	e.server = srv
	if conf := srv.JetStreamConfig(); conf != nil {
		e.config = *conf
	}
	return nil
}

// InProcessConn makes embedded what nats.InProcessServer asks for.
func (e *embedded) InProcessConn() (net.Conn, error) { return e.server.InProcessConn() }

func (e *embedded) stop() error {
	e.server.Shutdown()
	e.server.WaitForShutdown()
	return e.lock.Unlock()
}

// room reports whether the reserve is still free on the data directory's disk.
// What was accepted needs it to get through; a file store that ran into a full
// disk refuses every further write until it is started anew.
func (e *embedded) room() bool {
	var fs unix.Statfs_t
	if err := unix.Statfs(e.dir, &fs); err != nil {
		e.log.Warn("free disk space is unknown", "error", err)
		return true
	}
	return int64(fs.Bavail)*int64(fs.Bsize) >= e.reserve //nolint:unconvert // types differ by system
}

// heal starts JetStream anew after a write had failed, once there is room: a
// stream that ran into a full disk refuses every write from then on.
func (e *embedded) heal() {
	if !e.sick.Load() || !e.room() || time.Since(e.healed) < healEvery {
		return
	}
	e.healed = time.Now()
	e.sick.Store(false)
	if err := e.server.ShutdownJetStream(); err != nil {
		e.log.Error("stop of JetStream failed", "error", err)
		e.sick.Store(true)
		return
	}
	config := server.JetStreamConfig{
		MaxMemory: e.config.MaxMemory, MaxStore: e.config.MaxStore,
		StoreDir: e.dir, SyncAlways: true, SyncInterval: e.config.SyncInterval,
	}
	if err := e.server.EnableJetStream(&config); err != nil {
		e.log.Error("start of JetStream failed", "error", err)
		e.sick.Store(true)
		return
	}
	e.log.Info("JetStream was started anew, after a write had failed")
}

// healEvery is the shortest time between two new starts.
const healEvery = 10 * time.Second

// serverLog writes the server's log into ours: its notices are details here.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Noticef(f string, v ...any) { l.log.Debug("nats", "says", fmt.Sprintf(f, v...)) }
func (l serverLog) Warnf(f string, v ...any)   { l.log.Warn("nats", "says", fmt.Sprintf(f, v...)) }
func (l serverLog) Errorf(f string, v ...any)  { l.log.Error("nats", "says", fmt.Sprintf(f, v...)) }
func (l serverLog) Fatalf(f string, v ...any)  { l.log.Error("nats", "says", fmt.Sprintf(f, v...)) }
func (l serverLog) Debugf(string, ...any)      {}
func (l serverLog) Tracef(string, ...any)      {}
