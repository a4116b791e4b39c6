package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mynah-coach/mynah/bots"
	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/config"
	"github.com/mynah-coach/mynah/store"
)

// The mynah that serves has the data directory to itself. So it listens on a
// socket there, for its own user alone, and `mynah queue` asks through that.
//
//	GET    /depth            depth
//	GET    /dead             [deadLetter]
//	POST   /dead/{id}/retry
//	DELETE /dead/{id}
//	GET    /disputes         [bots.Dispute]
//
// A refusal is text, with 404 for store.ErrNoDeadLetter and 409 for
// store.ErrAnswered.

func controlPath(cfg *config.Config) string { return filepath.Join(cfg.Data.Dir, "control.sock") }

// control serves an operator's requests on a socket.
type control struct {
	listener net.Listener
	server   *http.Server
}

// newControl listens at path, in place of a socket that a killed process left:
// the caller has the directory's lock.
func newControl(ctx context.Context, path string, op operator) (*control, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("control socket: %w", err), l.Close())
	}
	return &control{l, &http.Server{Handler: controlHandler(op), ReadHeaderTimeout: probeTimeout}}, nil
}

// serve answers until ctx ends.
func (c *control) serve(ctx context.Context) error { return serveHTTP(ctx, c.server, c.listener) }

func controlHandler(op operator) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /depth", func(w http.ResponseWriter, r *http.Request) {
		d, err := op.Depth(r.Context())
		answer(w, d, err)
	})
	mux.HandleFunc("GET /dead", func(w http.ResponseWriter, r *http.Request) {
		list, err := op.Dead(r.Context())
		answer(w, list, err)
	})
	mux.HandleFunc("POST /dead/{id}/retry", func(w http.ResponseWriter, r *http.Request) {
		answer(w, nil, op.Retry(r.Context(), coach.NoteID(r.PathValue("id"))))
	})
	mux.HandleFunc("DELETE /dead/{id}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, nil, op.Drop(r.Context(), coach.NoteID(r.PathValue("id"))))
	})
	mux.HandleFunc("GET /disputes", func(w http.ResponseWriter, r *http.Request) {
		list, err := op.Disputes(r.Context())
		answer(w, list, err)
	})
	return mux
}

// answer writes v as JSON, or what went wrong.
func answer(w http.ResponseWriter, v any, err error) {
	var body bytes.Buffer
	if err == nil {
		err = json.NewEncoder(&body).Encode(v)
	}
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body.Bytes()) // a client that has gone is not our trouble
	case errors.Is(err, store.ErrNoDeadLetter):
		http.Error(w, err.Error(), http.StatusNotFound)
	case errors.Is(err, store.ErrAnswered):
		http.Error(w, err.Error(), http.StatusConflict)
	default:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// remote is the operator of the mynah that serves.
type remote struct {
	path   string
	client *http.Client
}

func newRemote(path string) *remote {
	return &remote{path, &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}}
}

func (o *remote) Depth(ctx context.Context) (d depth, err error) {
	return d, o.do(ctx, http.MethodGet, "/depth", &d)
}

func (o *remote) Dead(ctx context.Context) (list []deadLetter, err error) {
	return list, o.do(ctx, http.MethodGet, "/dead", &list)
}

func (o *remote) Retry(ctx context.Context, id coach.NoteID) error {
	return o.do(ctx, http.MethodPost, "/dead/"+url.PathEscape(string(id))+"/retry", nil)
}

func (o *remote) Drop(ctx context.Context, id coach.NoteID) error {
	return o.do(ctx, http.MethodDelete, "/dead/"+url.PathEscape(string(id)), nil)
}

func (o *remote) Disputes(ctx context.Context) (list []bots.Dispute, err error) {
	return list, o.do(ctx, http.MethodGet, "/disputes", &list)
}

func (o *remote) Close() error {
	o.client.CloseIdleConnections()
	return nil
}

// do asks, and reads the answer into v where it isn't nil.
func (o *remote) do(ctx context.Context, method, path string, v any) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://mynah"+path, nil)
	if err != nil {
		return err
	}
	res, err := o.client.Do(req)
	if err != nil {
		return fmt.Errorf("the mynah that serves does not answer on %s: %w", o.path, errors.Unwrap(err))
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10)) // the status says enough
		if s := strings.TrimSpace(string(text)); s != "" {
			return errors.New(s)
		}
		return errors.New(res.Status)
	}
	if v == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(v)
}
