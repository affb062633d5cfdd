// Package person is somebody at a panel whose browser runs no scripts: opens
// screens, reads them, fills fields and taps what can be tapped.
//
// It knows HTML and the words on the screens. Which taps a scenario asks for,
// and whether what is seen is right, is decided elsewhere.
package person

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// ErrNoTap says that the screen has nothing to tap with those words.
var ErrNoTap = errors.New("nothing to tap")

// Browser shows one screen at a time and keeps cookies. It is not safe for
// concurrent use, as people are not.
type Browser struct {
	client *http.Client
	page   *Page
}

// New returns a browser without history. timeout bounds every request; 0 means
// 30 s. transport may be nil for the default.
func New(timeout time.Duration, transport http.RoundTripper) *Browser {
	if timeout <= 0 {
		timeout = 30 * time.Second
	}
	jar, _ := cookiejar.New(nil) // never fails without options
	return &Browser{client: &http.Client{Timeout: timeout, Jar: jar, Transport: transport}}
}

// Page returns the screen shown last, or nil.
func (b *Browser) Page() *Page { return b.page }

// Forget clears the cookies, as another person's browser would be.
func (b *Browser) Forget() {
	b.client.Jar, _ = cookiejar.New(nil)
	b.page = nil
}

// Open shows the screen at an address. Any HTTP status is an answer; only a
// missing answer is an error.
func (b *Browser) Open(ctx context.Context, address string) (*Page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("open screen: %w", err)
	}
	return b.do(req)
}

// Reload shows the same screen again, as a person without scripts waits.
func (b *Browser) Reload(ctx context.Context) (*Page, error) {
	if b.page == nil {
		return nil, errors.New("reload: no screen yet")
	}
	return b.Open(ctx, b.page.URL.String())
}

// Tap fills fields and taps the first thing that carries one of the words. A
// field that the form does not have is an error, so that a renamed field cannot
// go unnoticed.
func (b *Browser) Tap(ctx context.Context, fields map[string]string, words ...string) (*Page, error) {
	if b.page == nil {
		return nil, errors.New("tap: no screen yet")
	}
	n := b.page.find(words...)
	if n == nil {
		return nil, fmt.Errorf("tap %q: %w: screen %q offers %q and says %.300q", strings.Join(words, " or "), ErrNoTap, b.page.Screen(), b.page.Taps(), b.page.Text())
	}
	if n.Data == "a" {
		u, err := b.page.URL.Parse(attr(n, "href"))
		if err != nil {
			return nil, fmt.Errorf("tap %q: %w", label(n), err)
		}
		return b.Open(ctx, u.String())
	}
	form := formOf(n)
	v, used := values(form, n, fields)
	for name := range fields {
		if !used[name] {
			return nil, fmt.Errorf("tap %q: the form has no field %q", label(n), name)
		}
	}
	action, method := attr(form, "action"), attr(form, "method")
	if hasAttr(n, "formaction") {
		action = attr(n, "formaction")
	}
	if hasAttr(n, "formmethod") {
		method = attr(n, "formmethod")
	}
	u, err := b.page.URL.Parse(action)
	if err != nil {
		return nil, fmt.Errorf("tap %q: %w", label(n), err)
	}
	return b.submit(ctx, u, method, v)
}

func (b *Browser) submit(ctx context.Context, u *url.URL, method string, v url.Values) (*Page, error) {
	if !strings.EqualFold(method, http.MethodPost) {
		u.RawQuery = v.Encode()
		return b.Open(ctx, u.String())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(v.Encode()))
	if err != nil {
		return nil, fmt.Errorf("send form: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if b.page != nil {
		req.Header.Set("Origin", b.page.URL.Scheme+"://"+b.page.URL.Host)
		req.Header.Set("Referer", b.page.URL.String())
	}
	return b.do(req)
}

func (b *Browser) do(req *http.Request) (*Page, error) {
	req.Header.Set("Accept", "text/html")
	resp, err := b.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("panel: %w", err)
	}
	defer resp.Body.Close()
	page, err := parsePage(resp.Request.URL, resp.StatusCode, resp.Body)
	if err != nil {
		return nil, fmt.Errorf("panel: screen cut short: %w", err)
	}
	b.page = page
	return page, nil
}
