package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/store"
)

func TestShelf(t *testing.T) { testShelf(t, store.Config{Dir: t.TempDir()}) }

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

	t.Run("what was put last is got, until it is deleted", func(t *testing.T) {
		put(t, h, "a.b", "1", "a.b", "2", "a.c", "")
		for key, want := range map[string]string{"a.b": "2", "a.c": ""} {
			if v, found, err := h.Get(ctx, key); err != nil || !found || string(v) != want {
				t.Errorf("%s: %q, %v, %v", key, v, found, err)
			}
		}
		for range 2 {
			if err := h.Delete(ctx, "a.b"); err != nil {
				t.Error(err)
			}
		}
		if err := h.Delete(ctx, "never.there"); err != nil {
			t.Error(err)
		}
		if _, found, err := h.Get(ctx, "a.b"); err != nil || found {
			t.Errorf("found %v, %v", found, err)
		}
	})
	t.Run("a list holds what is under its prefix", func(t *testing.T) {
		put(t, h, "p.1.note", "n1", "p.1.reply", "r1", "p.12.note", "n12", "q.1.note", "other")
		for prefix, want := range map[string]map[string]string{
			"p.1.":   {"p.1.note": "n1", "p.1.reply": "r1"},
			"p.1":    {"p.1.note": "n1", "p.1.reply": "r1", "p.12.note": "n12"},
			"p.":     {"p.1.note": "n1", "p.1.reply": "r1", "p.12.note": "n12"},
			"q":      {"q.1.note": "other"},
			"nobody": {},
			"":       {"a.c": "", "p.1.note": "n1", "p.1.reply": "r1", "p.12.note": "n12", "q.1.note": "other"},
		} {
			if d := cmp.Diff(want, list(t, h, prefix)); d != "" {
				t.Errorf("%q (-want +got):\n%s", prefix, d)
			}
		}
	})
	t.Run("a watch sees what is there and what comes", func(t *testing.T) {
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
	t.Run("wrong keys and names are refused", func(t *testing.T) {
		for _, key := range []string{"", ".", "a.", ".a", "a..b", "a b", "a*", "a.>", "ä", string(make([]byte, 300))} {
			if h.Put(ctx, key, nil) == nil {
				t.Errorf("put %q", key)
			}
			if _, _, err := h.Get(ctx, key); err == nil {
				t.Errorf("got %q", key)
			}
			if h.Delete(ctx, key) == nil {
				t.Errorf("deleted %q", key)
			}
		}
		if _, err := h.List(ctx, "a.*.b"); err == nil {
			t.Error("a wildcard was listed")
		}
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
