// Package download fetches recordings from where their platform keeps them. The
// address of a recording is what whoever made its message chose, so nothing in
// it is believed but the name of one of the platform's own hosts: those are asked
// by https, without a proxy, at a public address, and redirects lead nowhere else.
// What comes is held to its limits of size and time, whatever its header says. No
// error holds an address's path or query, which are a secret where it is signed.
package download

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"

	"github.com/mynah-coach/mynah/coach"
)

const (
	connectLimit = 10 * time.Second // of the connection, and again of its TLS
	headerLimit  = 20 * time.Second // from the request to the answer's header
	idleLimit    = 30 * time.Second // how long an answer may stand still
	wholeLimit   = 5 * time.Minute  // from Get to the last byte
	maxRedirects = 3
)

// Errors of a download. They are ours, not a learner's: an adapter that knows
// better what its platform means by one says so.
var (
	// ErrElsewhere is an address, or a redirect to one, that may not be asked.
	ErrElsewhere = errors.New("the recording is not at one of its platform's hosts")
	// ErrPage is a web page in the place of the recording.
	ErrPage = errors.New("a page came in place of the recording")

	errLate    = errors.New("the recording comes too slowly")
	errEncoded = errors.New("the recording comes compressed, which was not asked for")
)

// StatusError is an answer other than 200. A redirect that was not followed, for
// it led off the hosts or was one too many, is ErrElsewhere too.
type StatusError struct {
	Code int
	// RetryAfter is how long the host wants to be left alone, an hour at most;
	// 0 where it doesn't say.
	RetryAfter time.Duration
}

func (e *StatusError) Error() string { return fmt.Sprintf("the recording's host answers %d", e.Code) }

// Unwrap returns ErrElsewhere for a redirect.
func (e *StatusError) Unwrap() error {
	if e.Code >= 300 && e.Code < 400 {
		return ErrElsewhere
	}
	return nil
}

// Config says where recordings are fetched from.
type Config struct {
	// Hosts are the names of the platform's file hosts, on https's ordinary port.
	Hosts []string
	// MaxBytes is the size of the largest recording; what is larger is
	// coach.ErrTooLarge.
	MaxBytes int64
	// StandIn is the scheme and host of a stand-in of the platform, nil where
	// there is none. It is asked too, and may be without TLS, and on this machine
	// where its host is an IP address and port.
	StandIn *url.URL
	// Wrap, where not nil, wraps what makes the requests: for a stand-in that
	// answers in the hosts' place.
	Wrap func(http.RoundTripper) http.RoundTripper
}

// Client fetches recordings. It is safe for concurrent use.
type Client struct {
	cfg       Config
	public    *ssrf.Guardian
	http      *http.Client
	transport *http.Transport
}

// New returns a Client. It doesn't connect.
func New(cfg Config) *Client {
	c := &Client{cfg: cfg, public: ssrf.New(ssrf.WithPorts(443))}
	dialer := &net.Dialer{Timeout: connectLimit, Control: c.control}
	c.transport = &http.Transport{
		Proxy:                  nil, // it would dial for us, past control
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    connectLimit,
		ResponseHeaderTimeout:  headerLimit,
		MaxResponseHeaderBytes: 64 << 10,
		IdleConnTimeout:        time.Minute,
		MaxIdleConnsPerHost:    8,
		ForceAttemptHTTP2:      true,
	}
	c.http = &http.Client{Transport: c.transport, CheckRedirect: c.redirect}
	if cfg.Wrap != nil {
		c.http.Transport = cfg.Wrap(c.transport)
	}
	return c
}

// CloseIdleConnections drops connections that are not in use. The Client can
// still be used.
func (c *Client) CloseIdleConnections() { c.transport.CloseIdleConnections() }

// allows reports whether an address may be asked, and be told the credentials.
func (c *Client) allows(u *url.URL) bool {
	if u.User != nil || u.Opaque != "" {
		return false
	}
	if s := c.cfg.StandIn; s != nil && u.Scheme == s.Scheme && u.Host == s.Host {
		return true
	}
	if u.Scheme != "https" || u.Port() != "" && u.Port() != "443" {
		return false
	}
	return slices.ContainsFunc(c.cfg.Hosts, func(host string) bool { return strings.EqualFold(host, u.Hostname()) })
}

// control refuses an address after its name was looked up, so that no name can
// lead inside.
func (c *Client) control(network, address string, raw syscall.RawConn) error {
	if s := c.cfg.StandIn; s != nil && s.Host == address {
		return nil
	}
	return c.public.Safe(network, address, raw)
}

// redirect lets a request go on to where it was sent, if that is one of the
// hosts. Otherwise the redirect is the answer.
func (c *Client) redirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects || !c.allows(req.URL) {
		return http.ErrUseLastResponse
	}
	// net/http leaves credentials out where the host is another one, and would
	// tell it the former address.
	req.Header = via[0].Header.Clone()
	return nil
}

// Get begins to fetch the recording at an address, which must be one of
// Config.Hosts', and returns when its first bytes are there. The header goes with
// the request, to those hosts alone: credentials belong there. The caller closes
// the recording. The download ends with ctx, or when it takes too long.
//
// A recording over the limit is coach.ErrTooLarge, from Get or from Read. An
// answer that isn't the recording is a *StatusError or ErrPage.
func (c *Client) Get(ctx context.Context, address string, header http.Header) (io.ReadCloser, error) {
	u, err := url.Parse(address)
	if err != nil || !c.allows(u) {
		return nil, fmt.Errorf("download: %w", ErrElsewhere)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	whole := time.AfterFunc(wholeLimit, func() { cancel(errLate) })
	give := func() { whole.Stop(); cancel(nil) }
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		give()
		return nil, fmt.Errorf("download: %w", ErrElsewhere)
	}
	maps.Copy(req.Header, header)
	// net/http unpacks nothing then, so that what is counted is what comes.
	req.Header.Set("Accept-Encoding", "identity")
	res, err := c.http.Do(req) //nolint:bodyclose // by the stream that is returned
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // its own text holds all of the address
		}
		give()
		return nil, fmt.Errorf("download: %w", err)
	}
	s := &stream{
		body: http.MaxBytesReader(nil, res.Body, c.cfg.MaxBytes),
		idle: time.AfterFunc(idleLimit, func() { cancel(errLate) }),
		ended: func() error {
			if errors.Is(context.Cause(ctx), errLate) {
				return errLate
			}
			return ctx.Err()
		},
		end: give,
	}
	r := bufio.NewReader(s)
	if err := c.judge(res, r); err != nil {
		_ = s.Close() // nothing is read any more
		return nil, fmt.Errorf("download: %w", err)
	}
	return struct {
		*bufio.Reader
		io.Closer
	}{r, s}, nil
}

// judge tells whether an answer is the recording, by its header and first bytes.
func (c *Client) judge(res *http.Response, r *bufio.Reader) error {
	switch coding := res.Header.Get("Content-Encoding"); {
	case res.StatusCode != http.StatusOK:
		return &StatusError{Code: res.StatusCode, RetryAfter: retryAfter(res.Header)}
	case res.ContentLength > c.cfg.MaxBytes:
		return fmt.Errorf("%d bytes: %w", res.ContentLength, coach.ErrTooLarge)
	case coding != "" && !strings.EqualFold(coding, "identity"):
		return errEncoded
	}
	head, err := r.Peek(512) // what http.DetectContentType looks at
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if isHTML(res.Header.Get("Content-Type")) || isHTML(http.DetectContentType(bytes.TrimPrefix(head, []byte("\ufeff")))) {
		return ErrPage
	}
	return nil
}

func isHTML(contentType string) bool {
	t, _, _ := mime.ParseMediaType(contentType) // "" is no page either
	return t == "text/html" || t == "application/xhtml+xml"
}

// retryAfter reads the header of that name, in seconds or a date; 0 where it
// asks for nothing.
func retryAfter(h http.Header) time.Duration {
	said := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(said, 64); err == nil && s > 0 {
		return time.Duration(min(s, 3600) * float64(time.Second))
	}
	if at, err := http.ParseTime(said); err == nil {
		return min(max(time.Until(at), 0), time.Hour)
	}
	return 0
}

// stream is a recording on its way.
type stream struct {
	body  io.ReadCloser
	idle  *time.Timer
	ended func() error // why the download is over, nil while it isn't
	end   func()
}

// Read reads on. The time in which nobody reads is not the host's.
func (s *stream) Read(p []byte) (int, error) {
	s.idle.Reset(idleLimit)
	n, err := s.body.Read(p)
	s.idle.Stop()
	if err == nil {
		return n, nil
	}
	// A host that notices our leaving may end its answer as if it were whole.
	ended := s.ended()
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		err = coach.ErrTooLarge
	case ended != nil:
		err = ended
	case errors.Is(err, io.EOF):
		return n, io.EOF
	}
	return n, fmt.Errorf("read the recording: %w", err)
}

// Close ends the download.
func (s *stream) Close() error {
	s.idle.Stop()
	err := s.body.Close()
	s.end()
	return err
}
