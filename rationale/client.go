package rationale

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sashabaranov/go-openai"
	"github.com/sony/gobreaker/v2"
)

// Limits of what is read from an endpoint.
const (
	maxBody   = 256 << 10 // bytes of a response
	maxAnswer = 16 << 10  // bytes of the message in it
)

// Errors of a call. They carry no text of the endpoint's, no URL and no key.
var (
	errRefused  = errors.New("the endpoint refused the request")
	errBusy     = errors.New("the endpoint is busy")
	errDown     = errors.New("the endpoint failed")
	errGarbage  = errors.New("the endpoint's answer is not a chat completion")
	errTooLarge = errors.New("the endpoint's answer is larger than the limit")
	errEmpty    = errors.New("the endpoint's answer has no text")
	errCut      = errors.New("the endpoint's answer was cut off")
	errModel    = errors.New("the endpoint doesn't know the model's name")
	errContext  = errors.New("the request is longer than the endpoint's context")
)

// statusError is an HTTP status other than 2xx.
type statusError struct {
	status int
	after  time.Duration // Retry-After, 0 where there is none
	why    error         // errModel, errContext, or nil where the body tells neither
}

func (e *statusError) Error() string { return fmt.Sprintf("%v: status %d", e.Unwrap(), e.status) }

func (e *statusError) Unwrap() error {
	switch {
	case e.why != nil:
		return e.why
	case e.status == http.StatusTooManyRequests || e.status == http.StatusServiceUnavailable:
		return errBusy // llama.cpp's server answers 503 while it loads its model
	case e.status >= 500 || e.status == http.StatusRequestTimeout:
		return errDown
	}
	return errRefused
}

// client talks to one endpoint.
type client struct {
	api       *openai.Client
	model     string
	maxTokens int
	breaker   *gobreaker.CircuitBreaker[string]
	plainText atomic.Bool // the server refuses response_format, known from an earlier call
	short     atomic.Bool // the server's context holds only a short request, likewise
	idle      func()
}

func newClient(cfg Config) *client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = 64 << 10
	conf := openai.DefaultConfig(cfg.APIKey)
	conf.BaseURL = cfg.URL
	conf.HTTPClient = &doer{http.Client{
		Transport: transport,
		// Following a redirect would send the key and the sentence elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	return &client{
		api:       openai.NewClientWithConfig(conf),
		model:     cfg.Model,
		maxTokens: cfg.MaxTokens,
		idle:      transport.CloseIdleConnections,
		breaker: gobreaker.NewCircuitBreaker[string](gobreaker.Settings{
			Name:        "llm",
			Timeout:     cfg.Rest,
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= uint32(cfg.Failures) },
			// The caller's going away says nothing about the endpoint, and a
			// request that is too long for it is asked again in a shorter form.
			IsExcluded: func(err error) bool { return errors.Is(err, context.Canceled) || errors.Is(err, errContext) },
		}),
	}
}

// complete returns the text of the model's answer. It retries what may pass (a
// busy or failing server, a broken connection) until ctx ends, and asks once
// more without a schema where the server refuses one. While the breaker is open
// it fails at once.
func (c *client) complete(ctx context.Context, system, user string, schema json.RawMessage) (string, error) {
	return c.breaker.Execute(func() (string, error) {
		wait := backoff.NewExponentialBackOff()
		wait.InitialInterval, wait.MaxInterval, wait.RandomizationFactor = 200*time.Millisecond, 2*time.Second, .5
		var left time.Duration = math.MaxInt64
		if end, ok := ctx.Deadline(); ok {
			left = time.Until(end)
		}
		return backoff.Retry(ctx, func() (string, error) {
			text, err := c.ask(ctx, system, user, schema)
			return text, retryable(ctx, err)
		}, backoff.WithBackOff(wait), backoff.WithMaxTries(4), backoff.WithMaxElapsedTime(left))
	})
}

// retryable marks an error for backoff.Retry: permanent, or to be tried again
// after the time that the server asked for.
func retryable(ctx context.Context, err error) error {
	var s *statusError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return backoff.Permanent(ctx.Err())
	case errors.As(err, &s) && s.after > 0 && !errors.Is(err, errRefused):
		return errors.Join(&backoff.RetryAfterError{Duration: s.after}, err)
	case errors.Is(err, errBusy), errors.Is(err, errDown):
		return err
	}
	return backoff.Permanent(err)
}

// ask makes one request, or two where the server refuses the schema.
func (c *client) ask(ctx context.Context, system, user string, schema json.RawMessage) (string, error) {
	if c.plainText.Load() {
		return c.request(ctx, system, user, nil)
	}
	text, err := c.request(ctx, system, user, schema)
	var s *statusError
	if !errors.As(err, &s) || !errors.Is(err, errRefused) || s.status == http.StatusUnauthorized || s.status == http.StatusForbidden {
		return text, err
	}
	text, err = c.request(ctx, system, user, nil)
	if err == nil {
		c.plainText.Store(true)
	}
	return text, err
}

// fits sends the request that build makes, and once more a short one where the
// endpoint's context is too small for it.
func (c *client) fits(ctx context.Context, system string, schema json.RawMessage, build func(short bool) string) (string, error) {
	if !c.short.Load() {
		text, err := c.complete(ctx, system, build(false), schema)
		if !errors.Is(err, errContext) {
			return text, err
		}
	}
	text, err := c.complete(ctx, system, build(true), schema)
	if err == nil {
		c.short.Store(true)
	}
	return text, err
}

// request asks with a schema, or in the way that every server understands.
func (c *client) request(ctx context.Context, system, user string, schema json.RawMessage) (string, error) {
	req := openai.ChatCompletionRequest{
		Model: c.model,
		Messages: []openai.ChatCompletionMessage{
			{Role: openai.ChatMessageRoleSystem, Content: system},
			{Role: openai.ChatMessageRoleUser, Content: user},
		},
	}
	if reasons(c.model) {
		req.MaxCompletionTokens = 4 * c.maxTokens // their thoughts count too
	} else {
		req.Temperature = .4
		req.MaxTokens = c.maxTokens //nolint:staticcheck // servers on one's own machine know this name only
	}
	if schema != nil {
		req.ResponseFormat = &openai.ChatCompletionResponseFormat{
			Type:       openai.ChatCompletionResponseFormatTypeJSONSchema,
			JSONSchema: &openai.ChatCompletionResponseFormatJSONSchema{Name: "rationale", Schema: schema, Strict: true},
		}
	}
	resp, err := c.api.CreateChatCompletion(ctx, req)
	if err != nil {
		return "", cause(ctx, err)
	}
	if len(resp.Choices) == 0 {
		return "", errEmpty
	}
	text := resp.Choices[0].Message.Content // reasoning_content and the like stay unread
	switch {
	case len(text) > maxAnswer:
		return "", errTooLarge
	case strings.TrimSpace(text) == "":
		return "", errEmpty
	case resp.Choices[0].FinishReason == openai.FinishReasonLength:
		return "", errCut
	}
	return text, nil
}

// reasons reports the hosted models that refuse max_tokens and temperature.
func reasons(model string) bool {
	for _, p := range []string{"o1", "o3", "o4", "gpt-5"} {
		if strings.HasPrefix(model, p) {
			return true
		}
	}
	return false
}

// cause reduces an error of the client library to one of ours: its own texts
// may quote the endpoint, the URL or the request.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var s *statusError
	if errors.As(err, &s) {
		return s
	}
	for _, known := range []error{errTooLarge, errGarbage, errDown} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errGarbage
}

// doer does the requests of the client library: it turns statuses into errors
// that keep Retry-After, and bounds what is read.
type doer struct{ http.Client }

func (d *doer) Do(req *http.Request) (*http.Response, error) {
	resp, err := d.Client.Do(req)
	if err != nil {
		return nil, errDown // its own text holds the URL
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // whole, so that the connection can be used again
		_ = resp.Body.Close()
		return nil, &statusError{resp.StatusCode, retryAfter(resp.Header), why(resp.StatusCode, body)}
	}
	if t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && !strings.HasSuffix(t, "json") && t != "text/plain" {
		_ = resp.Body.Close()
		return nil, errGarbage
	}
	resp.Body = &bounded{resp.Body, maxBody}
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
			return errContext
		}
	}
	if strings.Contains(said, "model_not_found") || status == http.StatusNotFound && strings.Contains(said, "model") {
		return errModel
	}
	return nil
}

// retryAfter reads the header in seconds; its other form, a date, asks for
// longer than we wait anyway.
func retryAfter(h http.Header) time.Duration {
	s, err := strconv.ParseFloat(h.Get("Retry-After"), 64)
	if err != nil || !(s > 0) {
		return 0
	}
	return time.Duration(min(s, 3600) * float64(time.Second))
}

// bounded is a body that fails at its limit, where io.LimitReader would end.
type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = errDown
	}
	return n, err
}
