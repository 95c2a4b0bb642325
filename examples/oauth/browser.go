package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"

	"github.com/go-serversync/serversync/oauth"
	"github.com/go-serversync/serversync/oauth/oauthtest"
	"github.com/go-serversync/serversync/provider"
)

// consent has a mailbox's owner consent in their browser.
func consent(ctx context.Context, source *oauth.Source, issuer *oauthtest.Issuer, a provider.Account) error {
	return consentAs(ctx, source, issuer, a, a.Mailbox.Address)
}

// consentAs does so while the browser is signed in as user. In a web application the
// part before the browser is one page and the part after it another; Session is kept in
// between, in the host's own session with that browser.
func consentAs(ctx context.Context, source *oauth.Source, issuer *oauthtest.Issuer, a provider.Account, user string) error {
	begun, err := source.Begin(ctx, a, back)
	if err != nil {
		return err
	}
	query, err := browser(issuer, begun.URL, url.Values{"user": {user}, "answer": {"allow"}})
	if err != nil {
		return err
	}
	return source.Finish(ctx, a, begun.Session, query)
}

// browser opens the issuer's page, fills in its form, and returns what it would bring
// to the page that it is sent back to.
func browser(issuer *oauthtest.Issuer, page string, form url.Values) (url.Values, error) {
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: issuer.CertPool()}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	shown, err := client.Get(page)
	if err != nil {
		return nil, err
	}
	shown.Body.Close()
	sent, err := client.PostForm(page, form)
	if err != nil {
		return nil, err
	}
	sent.Body.Close()
	if shown.StatusCode != http.StatusOK || sent.StatusCode >= 400 {
		return nil, fmt.Errorf("the issuer's page answered %s and %s", shown.Status, sent.Status)
	}
	to, err := sent.Location()
	if err != nil {
		return nil, nil // it sends nobody back, as after a code
	}
	return to.Query(), nil
}

// telephone enters a code at the page that Bob was told.
func telephone(issuer *oauthtest.Issuer, begun oauth.DeviceConsent, user string) error {
	_, err := browser(issuer, begun.URL, url.Values{"user_code": {begun.UserCode}, "user": {user}, "answer": {"allow"}})
	return err
}
