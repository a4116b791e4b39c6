package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// watch feeds the index with every note's last state and all that follow.
type watch struct {
	store  *Store
	synced chan struct{} // closed once all that was there at first is in the index
	first  sync.Once
	seen   atomic.Uint64 // the last message's number
}

const (
	// checkEvery is how often a watch is compared with its stream.
	checkEvery = 10 * time.Second
	// restartEvery is how often a watch begins anew though nothing seems wrong,
	// so that no mistake of an index lives for long.
	restartEvery = 10 * time.Minute
	// stallAfter is the silence after which what is still to come at first is
	// held to be unreadable, and not waited for.
	stallAfter = 3 * time.Second
)

// run watches until ctx ends, from the start again whenever it can't go on or
// has fallen silent.
func (w *watch) run(ctx context.Context) {
	for {
		err := w.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			continue
		}
		w.store.log.Warn("the watch of notes starts anew", "error", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return
		}
	}
}

func (w *watch) once(ctx context.Context) error {
	consumer, err := w.store.tasks.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy,
		HeadersOnly:   true,
	})
	if err != nil {
		return fmt.Errorf("consumer: %w", err)
	}
	info := consumer.CachedInfo()
	if info == nil || info.NumPending == 0 {
		w.reached()
	}
	failed := make(chan error, 1)
	messages, err := consumer.Consume(w.take, jetstream.PullHeartbeat(2*time.Second), jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
		if errors.Is(err, jetstream.ErrNoHeartbeat) { // it resets itself
			return
		}
		select {
		case failed <- err:
		default:
		}
	}))
	if err != nil {
		return fmt.Errorf("consume: %w", err)
	}
	closed := messages.Closed() // each call starts a goroutine
	defer func() {
		messages.Stop()
		<-closed
	}()
	check := time.NewTicker(checkEvery)
	defer check.Stop()
	restart := time.NewTimer(restartEvery)
	defer restart.Stop()
	stall := time.NewTicker(stallAfter)
	defer stall.Stop()
	stalled := w.seen.Load()
	var behind uint64 // what was to come at the last check
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-stall.C:
			if seen := w.seen.Load(); seen > stalled {
				stalled = seen
				continue
			}
			w.reached()
			stall.Stop()
		case <-restart.C:
			return nil
		case err := <-failed:
			return err
		case <-closed:
			return errors.New("the consumer was closed")
		case <-check.C:
			info, err := w.store.tasks.Info(ctx)
			if err != nil {
				continue // the stream is away, not the watch
			}
			if seen := w.seen.Load(); behind > seen {
				return fmt.Errorf("message %d has not come, only %d", behind, seen)
			}
			behind = info.State.LastSeq
		}
	}
}

// take puts one message into the index.
func (w *watch) take(m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		w.store.log.Error("a message has no metadata", "error", err)
		return
	}
	id := noteOf(m.Subject())
	if e, err := parseEntry(id, meta.Sequence.Stream, m.Headers()); err != nil {
		w.store.log.Error("a message is not a note's", "error", err)
	} else {
		w.store.index.set(e, true)
	}
	w.seen.Store(meta.Sequence.Stream)
	if meta.NumPending == 0 {
		w.reached()
	}
}

func (w *watch) reached() {
	w.first.Do(func() { close(w.synced) })
}
