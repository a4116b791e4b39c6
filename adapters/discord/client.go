package discord

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// client makes requests of Discord's API.
type client struct {
	http  *http.Client // its transport is limits
	token string
}

const (
	apiURL      = "https://discord.com/api/v9"
	userAgent   = "DiscordBot (https://github.com/mynah-coach/mynah, 1)"
	maxResponse = 8 << 20
)

// client returns one that keeps the limits, toward Discord or its stand-in.
func (c Config) client() (*client, error) {
	if c.Token == "" {
		return nil, errToken
	}
	to, err := c.standIn()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 32
	transport.ResponseHeaderTimeout = 20 * time.Second
	transport.DialContext = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	next := http.RoundTripper(transport)
	if to != nil {
		transport.Proxy = nil
		next = &elsewhere{next: transport, hosts: []string{"discord.com"}, to: to}
	}
	return &client{http: &http.Client{Transport: newLimits(next), Timeout: 2 * time.Minute}, token: c.Token}, nil
}

// elsewhere sends requests for Discord's hosts to a stand-in.
type elsewhere struct {
	next  http.RoundTripper
	hosts []string
	to    *url.URL
}

// RoundTrip implements http.RoundTripper.
func (e *elsewhere) RoundTrip(req *http.Request) (*http.Response, error) {
	for _, h := range e.hosts {
		if req.URL.Hostname() == h {
			req = req.Clone(req.Context())
			req.Header.Set("X-Original-Host", h)
			req.URL.Scheme, req.URL.Host = e.to.Scheme, e.to.Host
			return e.next.RoundTrip(req)
		}
	}
	return nil, errors.New("not a host of the stand-in")
}

// apiError is Discord's refusal. Its text holds nothing that was sent.
type apiError struct {
	Status int
	Code   int
}

func (e *apiError) Error() string {
	return fmt.Sprintf("Discord answers %d, code %d", e.Status, e.Code)
}

// The codes that are acted upon.
// https://docs.discord.com/developers/topics/opcodes-and-status-codes
const (
	codeUnknownChannel = 10003
	codeUnknownGuild   = 10004
	codeUnknownMessage = 10008
	codeUnknownWebhook = 10015
	codeMissingAccess  = 50001
	// codeMissingPermissions says nothing of which.
	codeMissingPermissions = 50013
	codeCannotDM           = 50007
	codeTooLarge           = 40005
	codeBadForm            = 50035
	codeCannotReply        = 160002 // without permission to read the channel's history
	codeThreadExists       = 160004
	codeInvalidToken       = 50027 // of a webhook, so of an interaction
	codeNoMutualServers    = 50278
)

// refused returns Discord's code for err, 0 where it isn't its refusal.
func refused(err error) int {
	var e *apiError
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// isRefusal tells whether Discord understood the request and will not do it: the
// same again would only be refused again.
func isRefusal(err error) bool {
	var e *apiError
	return errors.As(err, &e) && e.Status >= 400 && e.Status < 500
}

// upload is a file that goes with a request.
type upload struct {
	name, contentType string
	data              []byte
}

// call makes a request and reads its answer into out, which may be nil. What can
// be repeated (all but POST) is, when Discord is out of order. A rate limit that
// outlasts the context's patience is *limited.
func (c *client) call(ctx context.Context, method, path string, body, out any, files ...upload) error {
	var payload []byte
	kind := ""
	if body != nil {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			return fmt.Errorf("discord: request: %w", err)
		}
		kind = "application/json"
	}
	if len(files) > 0 {
		var err error
		if payload, kind, err = multiPart(payload, files); err != nil {
			return fmt.Errorf("discord: request: %w", err)
		}
	}
	wait := 300 * time.Millisecond
	for attempt := 1; ; attempt++ {
		err := c.once(ctx, method, path, kind, payload, out)
		var api *apiError
		outOfOrder := errors.As(err, &api) && api.Status >= 500
		if !outOfOrder || method == http.MethodPost || attempt == 3 {
			return err
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		wait *= 3
	}
}

// once makes one request.
func (c *client) once(ctx context.Context, method, path, kind string, payload []byte, out any) (err error) {
	req, err := http.NewRequestWithContext(ctx, method, apiURL+path, bytes.NewReader(payload))
	if err != nil {
		return errors.New("discord: request: the path can't be read")
	}
	req.Header.Set("Authorization", "Bot "+c.token)
	req.Header.Set("User-Agent", userAgent)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("discord: %w", withoutURL(err))
	}
	defer func() {
		if closing := res.Body.Close(); err == nil && closing != nil {
			err = fmt.Errorf("discord: %w", closing)
		}
	}()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxResponse))
	if err != nil {
		return fmt.Errorf("discord: read the answer: %w", err)
	}
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		if out == nil || len(b) == 0 {
			return nil
		}
		if err := json.Unmarshal(b, out); err != nil {
			return errors.New("discord: the answer can't be read")
		}
		return nil
	}
	var said struct {
		Code       int     `json:"code"`
		RetryAfter float64 `json:"retry_after"`
	}
	_ = json.Unmarshal(b, &said) // a proxy's page has no code
	if res.StatusCode == http.StatusTooManyRequests {
		after, ok := seconds(res.Header.Get("Retry-After"))
		if precise := time.Duration(said.RetryAfter * float64(time.Second)); precise > 0 && precise < time.Hour {
			after, ok = precise, true
		}
		if !ok {
			after = time.Second
		}
		return fmt.Errorf("discord: %w", &limited{after: after, scope: res.Header.Get("X-RateLimit-Scope")})
	}
	return fmt.Errorf("discord: %w", &apiError{Status: res.StatusCode, Code: said.Code})
}

// withoutURL drops the URL of a transport's error: an interaction's holds its
// token.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// multiPart is the body of a request with files.
func multiPart(payload []byte, files []upload) (body []byte, kind string, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part := func(name, file, kind string, data []byte) error {
		h := textproto.MIMEHeader{}
		disposition := `form-data; name="` + name + `"`
		if file != "" {
			disposition += `; filename="` + strings.NewReplacer(`\`, `_`, `"`, `_`, "\r", "_", "\n", "_").Replace(file) + `"`
		}
		h.Set("Content-Disposition", disposition)
		h.Set("Content-Type", kind)
		p, err := w.CreatePart(h)
		if err == nil {
			_, err = p.Write(data)
		}
		return err
	}
	err = part("payload_json", "", "application/json", payload)
	for i, f := range files {
		err = errors.Join(err, part("files["+strconv.Itoa(i)+"]", f.name, f.contentType, f.data))
	}
	err = errors.Join(err, w.Close())
	return b.Bytes(), w.FormDataContentType(), err
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	_ = sleep(ctx, d) // its caller looks at ctx by itself
}

// sleep waits for d, or fails with ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
