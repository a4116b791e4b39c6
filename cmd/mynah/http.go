package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"time"
)

// isAddressTaken reports whether something listens at the address already.
func isAddressTaken(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

// serveHTTP serves on l until ctx ends, and gives requests under way a second
// to finish. It closes l.
func serveHTTP(ctx context.Context, s *http.Server, l net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := s.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.Close()
	}
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
