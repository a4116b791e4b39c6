// Package endpoint asks OpenAI-compatible endpoints so that none of them can do
// harm: what may pass is tried again, one that keeps failing is left alone for a
// while, no more is read than was asked for, no redirect is followed, and no
// error holds the endpoint's words, its URL or its key.
package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sashabaranov/go-openai"
	"github.com/sony/gobreaker/v2"
)

// Errors of a request. ErrBusy and ErrDown may pass; ErrContext may be helped by a
// shorter request.
var (
	ErrRefused  = errors.New("the endpoint refused the request")
	ErrBusy     = errors.New("the endpoint is busy")
	ErrDown     = errors.New("the endpoint failed")
	ErrGarbage  = errors.New("the endpoint's answer is not what was asked for")
	ErrTooLarge = errors.New("the endpoint's answer is larger than the limit")
	ErrModel    = errors.New("the endpoint doesn't know the model's name")
	ErrContext  = errors.New("the request is longer than the endpoint's context")
)

// StatusError is an HTTP status other than 2xx. It is ErrRefused, ErrBusy, ErrDown,
// ErrModel or ErrContext.
type StatusError struct {
	Status int
	after  time.Duration // Retry-After, 0 where there is none
	why    error         // ErrModel, ErrContext, or nil where the body tells neither
}

func (e *StatusError) Error() string { return fmt.Sprintf("%v: status %d", e.Unwrap(), e.Status) }

// Unwrap returns what the status means.
func (e *StatusError) Unwrap() error {
	switch {
	case e.why != nil:
		return e.why
	case e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable:
		return ErrBusy // llama.cpp's server answers 503 while it loads its model
	case e.Status >= 500 || e.Status == http.StatusRequestTimeout:
		return ErrDown
	}
	return ErrRefused
}

// Config is an endpoint. Zero values but URL's have defaults.
type Config struct {
	Name     string                      // of the section of the settings, for errors: "llm"
	URL      string                      // base URL, with the path that the endpoint wants: http://localhost:8080/v1
	APIKey   string                      // none: no Authorization header is sent
	MaxBody  int64                       // bytes of a response; 256 KiB
	Media    func(mediaType string) bool // whether a response of this type is read; none named is. nil: all are
	Failures int                         // requests failing one after another until it is left alone; 5
	Rest     time.Duration               // how long it is left alone then; 30 s
}

// Endpoint asks for values of one type. It is safe for concurrent use.
type Endpoint[T any] struct {
	API *openai.Client // its errors go through Cause

	breaker *gobreaker.CircuitBreaker[T]
	idle    func()
}

// New makes an Endpoint. It doesn't connect.
func New[T any](cfg Config) (*Endpoint[T], error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s: the URL must be like http://localhost:8080/v1", cfg.Name)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%s: the URL must hold no user, query or fragment; give a key as the API key", cfg.Name)
	}
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = 256 << 10
	}
	if cfg.Failures <= 0 {
		cfg.Failures = 5
	}
	if cfg.Rest <= 0 {
		cfg.Rest = 30 * time.Second
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = 64 << 10
	conf := openai.DefaultConfig(cfg.APIKey)
	conf.BaseURL = cfg.URL
	conf.HTTPClient = &doer{
		Client: http.Client{
			Transport: transport,
			// Following a redirect would send the key and the sentence elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		maxBody: cfg.MaxBody, media: cfg.Media,
	}
	return &Endpoint[T]{
		API:  openai.NewClientWithConfig(conf),
		idle: transport.CloseIdleConnections,
		breaker: gobreaker.NewCircuitBreaker[T](gobreaker.Settings{
			Name:        cfg.Name,
			Timeout:     cfg.Rest,
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= uint32(cfg.Failures) },
			// The caller's going away says nothing about the endpoint, nor does
			// one request that is too long for it.
			IsExcluded: func(err error) bool { return errors.Is(err, context.Canceled) || errors.Is(err, ErrContext) },
		}),
	}, nil
}

// Close drops idle connections. The Endpoint can still be used.
func (e *Endpoint[T]) Close() { e.idle() }

// Ask calls once, and again while that fails with what may pass (a busy or
// failing server, a broken connection), until ctx ends. While the endpoint is
// left alone it fails at once.
func (e *Endpoint[T]) Ask(ctx context.Context, once func(context.Context) (T, error)) (T, error) {
	return e.breaker.Execute(func() (T, error) {
		wait := backoff.NewExponentialBackOff()
		wait.InitialInterval, wait.MaxInterval, wait.RandomizationFactor = 200*time.Millisecond, 2*time.Second, .5
		var left time.Duration = math.MaxInt64
		if end, ok := ctx.Deadline(); ok {
			left = time.Until(end)
		}
		return backoff.Retry(ctx, func() (T, error) {
			v, err := once(ctx)
			return v, retryable(ctx, err)
		}, backoff.WithBackOff(wait), backoff.WithMaxTries(4), backoff.WithMaxElapsedTime(left))
	})
}

// retryable marks an error for backoff.Retry: permanent, or to be tried again
// after the time that the server asked for.
func retryable(ctx context.Context, err error) error {
	var s *StatusError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return backoff.Permanent(ctx.Err())
	case errors.As(err, &s) && s.after > 0 && !errors.Is(err, ErrRefused):
		return errors.Join(&backoff.RetryAfterError{Duration: s.after}, err)
	case errors.Is(err, ErrBusy), errors.Is(err, ErrDown):
		return err
	}
	return backoff.Permanent(err)
}

// Cause reduces an error of API to one of ours: its own texts may quote the
// endpoint, the URL or the request.
func Cause(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var s *StatusError
	if errors.As(err, &s) {
		return s
	}
	for _, known := range []error{ErrTooLarge, ErrGarbage, ErrDown} {
		if errors.Is(err, known) {
			return known
		}
	}
	return ErrGarbage
}

// doer does the requests of the client library: it turns statuses into errors
// that keep Retry-After, and bounds what is read.
type doer struct {
	http.Client
	maxBody int64
	media   func(string) bool
}

// Do implements openai.HTTPDoer.
func (d *doer) Do(req *http.Request) (*http.Response, error) {
	resp, err := d.Client.Do(req)
	if err != nil {
		return nil, ErrDown // its own text holds the URL
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // whole, so that the connection can be used again
		_ = resp.Body.Close()
		return nil, &StatusError{resp.StatusCode, retryAfter(resp.Header), why(resp.StatusCode, body)}
	}
	if t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && d.media != nil && !d.media(t) {
		_ = resp.Body.Close()
		return nil, ErrGarbage
	}
	resp.Body = bounded{http.MaxBytesReader(nil, resp.Body, d.maxBody)}
	return resp, nil
}

// why tells two refusals apart that servers word each in its own way: a model
// that isn't there (vLLM, Ollama, hosted ones), and a request that doesn't fit
// (llama.cpp, vLLM, hosted ones). The body goes no further than this.
func why(status int, body []byte) error {
	if status < 400 || status > 499 {
		return nil
	}
	said := strings.ToLower(string(body))
	for _, s := range []string{"exceed_context_size", "context_length_exceeded", "context length", "context size", "context window", "prompt is too long"} {
		if strings.Contains(said, s) {
			return ErrContext
		}
	}
	if strings.Contains(said, "model_not_found") || status == http.StatusNotFound && strings.Contains(said, "model") {
		return ErrModel
	}
	return nil
}

// retryAfter reads the header in seconds; its other form, a date, asks for
// longer than anyone waits.
func retryAfter(h http.Header) time.Duration {
	s, err := strconv.ParseFloat(h.Get("Retry-After"), 64)
	if err != nil || !(s > 0) {
		return 0
	}
	return time.Duration(min(s, 3600) * float64(time.Second))
}

// bounded is a body that fails beyond its limit, where io.LimitReader would end,
// and hides how its connection failed.
type bounded struct{ io.ReadCloser }

func (b bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return n, err
	case errors.As(err, new(*http.MaxBytesError)):
		return n, ErrTooLarge
	}
	return n, ErrDown
}
