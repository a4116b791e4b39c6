package storetest

import "testing"

func TestMemoryQueue(t *testing.T) {
	Queue(t, Backend{New: func(*testing.T) func() Process {
		m := new(Memory)
		return func() Process { return Process{m, m.Crash} }
	}})
}

func TestMemoryAudioHold(t *testing.T) { AudioHold(t, new(Memory)) }

func TestMemoryHistory(t *testing.T) { History(t, new(Memory), 50) }
