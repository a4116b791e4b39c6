package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/store"
	"github.com/mynah-coach/mynah/store/storetest"
)

func TestShelf(t *testing.T) { testShelf(t, store.Config{Dir: t.TempDir()}) }

// As many shelves as config.go says fit beside all else in what the server may
// keep.
func TestSixShelvesFit(t *testing.T) {
	s := open(t, store.Config{Dir: t.TempDir()})
	for n := range 6 {
		if _, err := s.Shelf(t.Context(), fmt.Sprint("shelf-", n), 0); err != nil {
			t.Fatalf("shelf %d: %v", n+1, err)
		}
	}
	if _, err := s.Shelf(t.Context(), "one-too-many", 0); err == nil {
		t.Error("a seventh fits: config.go is wrong")
	}
}

// testShelf is for an empty store, embedded or not.
func testShelf(t *testing.T, conf store.Config) {
	ctx := t.Context()
	s := open(t, conf)
	shelf := func(t *testing.T, s *store.Store, name string, ttl time.Duration) *store.Shelf {
		t.Helper()
		h, err := s.Shelf(ctx, name, ttl)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	put := func(t *testing.T, h *store.Shelf, kv ...string) {
		t.Helper()
		for i := 0; i < len(kv); i += 2 {
			if err := h.Put(ctx, kv[i], []byte(kv[i+1])); err != nil {
				t.Fatal(err)
			}
		}
	}
	list := func(t *testing.T, h *store.Shelf, prefix string) map[string]string {
		t.Helper()
		all, err := h.List(ctx, prefix)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for k, v := range all {
			got[k] = string(v)
		}
		return got
	}
	h := shelf(t, s, "playground", 0)

	t.Run("as any shelf", func(t *testing.T) { storetest.Shelf(t, shelf(t, s, "any", 0)) })
	t.Run("a watch sees what is there and what comes", func(t *testing.T) {
		put(t, h, "p.1.note", "n1", "p.1.reply", "r1")
		watching, cancel := context.WithCancel(ctx)
		seen := make(chan string, 10)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := h.Watch(watching, "p.1.", func(k string, v []byte) { seen <- k + "=" + string(v) }); err != nil {
				t.Error(err)
			}
		})
		next := func() string {
			select {
			case s := <-seen:
				return s
			case <-time.After(30 * time.Second):
				return "nothing"
			}
		}
		got := []string{next(), next()}
		put(t, h, "p.12.note", "not under it", "p.1.more", "m")
		if err := h.Delete(ctx, "p.1.note"); err != nil {
			t.Error(err)
		}
		put(t, h, "p.1.reply", "r2")
		got = append(got, next(), next())
		if d := cmp.Diff([]string{"p.1.note=n1", "p.1.reply=r1", "p.1.more=m", "p.1.reply=r2"}, got); d != "" {
			t.Errorf("seen (-want +got):\n%s", d)
		}
		cancel()
		wg.Wait()
	})
	t.Run("wrong names are refused", func(t *testing.T) {
		for _, name := range []string{"", "a.b", "a b", ">"} {
			if _, err := s.Shelf(ctx, name, 0); err == nil {
				t.Errorf("shelf %q", name)
			}
		}
	})
	t.Run("shelves are apart, durable, and forget in time", func(t *testing.T) {
		short := shelf(t, s, "short", time.Second)
		put(t, short, "p.1.note", "soon gone")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, conf)
		h, short = shelf(t, s, "playground", 0), shelf(t, s, "short", time.Second)
		if v, found, err := h.Get(ctx, "p.12.note"); err != nil || !found || string(v) != "not under it" {
			t.Errorf("%q, %v, %v", v, found, err)
		}
		for end := time.Now().Add(30 * time.Second); len(list(t, short, "")) > 0; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("a value outlived its time")
			}
		}
	})
}
