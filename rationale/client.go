package rationale

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/sashabaranov/go-openai"

	"github.com/mynah-coach/mynah/internal/endpoint"
)

const maxAnswer = 16 << 10 // bytes of the message that is read

// Errors of an answer. They carry none of its text.
var (
	errEmpty = errors.New("the endpoint's answer has no text")
	errCut   = errors.New("the endpoint's answer was cut off")
)

// client has a model answer.
type client struct {
	*endpoint.Endpoint[string]
	model     string
	maxTokens int
	plainText atomic.Bool // the server refuses response_format, known from an earlier call
	short     atomic.Bool // the server's context holds only a short request, likewise
}

func newClient(cfg Config) (*client, error) {
	e, err := endpoint.New[string](endpoint.Config{
		Name: "llm", URL: cfg.URL, APIKey: cfg.APIKey, Failures: cfg.Failures, Rest: cfg.Rest,
		Media: func(t string) bool { return strings.HasSuffix(t, "json") || t == "text/plain" },
	})
	if err != nil {
		return nil, err
	}
	return &client{Endpoint: e, model: cfg.Model, maxTokens: cfg.MaxTokens}, nil
}

// complete returns the text of the model's answer to the request that build makes.
// It is asked once more without a schema where the server refuses one, and with a
// short request where the server's context is too small.
func (c *client) complete(ctx context.Context, system string, schema json.RawMessage, build func(short bool) string) (string, error) {
	if !c.short.Load() {
		text, err := c.Ask(ctx, func(ctx context.Context) (string, error) { return c.ask(ctx, system, build(false), schema) })
		if !errors.Is(err, endpoint.ErrContext) {
			return text, err
		}
	}
	text, err := c.Ask(ctx, func(ctx context.Context) (string, error) { return c.ask(ctx, system, build(true), schema) })
	if err == nil {
		c.short.Store(true)
	}
	return text, err
}

// ask makes one request, or two where the server refuses the schema.
func (c *client) ask(ctx context.Context, system, user string, schema json.RawMessage) (string, error) {
	if c.plainText.Load() {
		return c.request(ctx, system, user, nil)
	}
	text, err := c.request(ctx, system, user, schema)
	var s *endpoint.StatusError
	if !errors.As(err, &s) || !errors.Is(err, endpoint.ErrRefused) || s.Status == http.StatusUnauthorized || s.Status == http.StatusForbidden {
		return text, err
	}
	text, err = c.request(ctx, system, user, nil)
	if err == nil {
		c.plainText.Store(true)
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
	resp, err := c.API.CreateChatCompletion(ctx, req)
	if err != nil {
		return "", endpoint.Cause(ctx, err)
	}
	if len(resp.Choices) == 0 {
		return "", errEmpty
	}
	text := resp.Choices[0].Message.Content // reasoning_content and the like stay unread
	switch {
	case len(text) > maxAnswer:
		return "", endpoint.ErrTooLarge
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
