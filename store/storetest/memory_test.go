package storetest

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestMemoryQueue(t *testing.T) {
	Queue(t, Backend{New: func(*testing.T) func() Process {
		m := new(Memory)
		return func() Process { return Process{m, m.Crash} }
	}})
}

func TestMemoryAudioHold(t *testing.T) { AudioHold(t, new(Memory)) }

func TestMemoryHistory(t *testing.T) { History(t, new(Memory), 50) }

func TestMemoryShelf(t *testing.T) {
	Shelf(t, NewShelf())
	t.Run("values go in time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := NewShelf()
			s.TTL = time.Minute
			if err := s.Put(t.Context(), "a", []byte("1")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(59 * time.Second)
			if _, found, err := s.Get(t.Context(), "a"); err != nil || !found {
				t.Errorf("%v, %v before its time", found, err)
			}
			time.Sleep(time.Second)
			if _, found, err := s.Get(t.Context(), "a"); err != nil || found {
				t.Errorf("%v, %v after its time", found, err)
			}
		})
	})
}
