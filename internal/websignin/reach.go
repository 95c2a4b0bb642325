package websignin

import (
	"context"
	"net/http"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// Reach goes as far as can be gone without signing in, and tells ctx's Trace of each stage: it connects
// and asks the server what it offers, with r, which should have no body. look is shown
// the answer, whatever its status, and says whether it is one of the service. An answer that is no
// 401 and that look has nothing against offers whatever it does.
//
// The error is an *provider.Error, of ErrUnsupported where the server offers no way to sign
// in that could be used, or ctx's own.
func (c *Client) Reach(r *http.Request, look func(*http.Response) error) error {
	ctx := r.Context()
	if err := c.permit(r.URL); err != nil {
		return provider.FailStage(ctx, provider.StageTCP, err)
	}
	if err := c.lines.plain.Connect(ctx, r.URL); err != nil {
		return err
	}
	end := provider.BeginStage(ctx, provider.StageCapabilities)
	offered, err := c.offers(ctx, r, look)
	end(wire.Offered(ctx, offered), err)
	return err
}

// offers asks what the server offers, and whether that is enough.
func (c *Client) offers(ctx context.Context, r *http.Request, look func(*http.Response) error) ([]string, error) {
	answer, err := c.lines.ask(r)
	if err != nil {
		return nil, c.foreign(ctx, err)
	}
	defer drain(answer)
	offered := offeredIn(answer.Header)
	if err := look(answer); err != nil {
		return offered, c.foreign(ctx, err)
	}
	if answer.StatusCode != http.StatusUnauthorized {
		return offered, nil
	}
	_, err = c.lines.take(c, answer.StatusCode, answer.Header)
	return offered, err
}

// Learn tells the Client what its server has answered to a request of the caller's that proved
// nothing, so that the server is not asked again. The error is
// ErrUnsupported where the server offers no way to sign in that could be used.
func (c *Client) Learn(status int, h http.Header) error {
	if status != http.StatusUnauthorized && !asksNobody(status) {
		return nil
	}
	_, err := c.lines.take(c, status, h)
	return err
}
