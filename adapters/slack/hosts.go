package slack

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// fileHosts are the hosts that recordings are fetched from, with the token: by
// https, on the ordinary port, at a public address. A file object's address is
// what whoever made it chose, so nothing else in it is believed.
type fileHosts struct {
	names []string
	// standIn is the scheme and host of Config.APIURL where that is not Slack's:
	// a stand-in's files are where it is.
	standIn *url.URL
}

func newFileHosts(apiURL string) (fileHosts, error) {
	h := fileHosts{names: []string{"files.slack.com", "files.slack-gov.com"}}
	if apiURL == "" {
		return h, nil
	}
	u, err := url.Parse(apiURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || !strings.HasSuffix(u.Path, "/") {
		return h, errors.New("slack: the API's URL must be absolute and end in a slash")
	}
	if u.Hostname() != "slack.com" && u.Hostname() != "slack-gov.com" {
		h.standIn = u
	}
	return h, nil
}

// allow reports whether the token may be sent to an address.
func (h fileHosts) allow(u *url.URL) bool {
	if u.User != nil {
		return false
	}
	if h.standIn != nil && u.Scheme == h.standIn.Scheme && u.Host == h.standIn.Host {
		return true
	}
	if u.Scheme != "https" || u.Port() != "" && u.Port() != "443" {
		return false
	}
	for _, name := range h.names {
		if strings.EqualFold(u.Hostname(), name) {
			return true
		}
	}
	return false
}

// client fetches recordings. It follows no redirect off the hosts: a page to
// sign in at comes back as the redirect that it is. Proxies are not asked,
// because the address that we end up at could not be checked then.
func (h fileHosts) client() *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: h.control}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:           dialer.DialContext,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: 20 * time.Second,
			IdleConnTimeout:       time.Minute,
			MaxIdleConnsPerHost:   8,
			ForceAttemptHTTP2:     true,
			DisableCompression:    true, // what is counted is what comes
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) >= 3 || !h.allow(req.URL) {
				return http.ErrUseLastResponse
			}
			// net/http has dropped the token where the host is another one.
			req.Header.Set("Authorization", via[0].Header.Get("Authorization"))
			return nil
		},
	}
}

// control refuses an address after its name was looked up, so that no name can
// lead inside.
func (h fileHosts) control(network, address string, c syscall.RawConn) error {
	if h.standIn != nil && h.standIn.Host == address {
		return nil
	}
	return ssrf.New(ssrf.WithPorts(443)).Safe(network, address, c)
}
