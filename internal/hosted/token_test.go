package hosted_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/internal/hosted"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A plain source gives one token.
type plain struct {
	err   error
	asked int
}

func (s *plain) Token(context.Context, provider.Account, secret.Text) (provider.Token, error) {
	s.asked++
	return provider.Token{Value: secret.New("the-token"), Expires: time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)}, s.err
}

// An inspector looks at its tokens.
type inspector struct {
	plain
	certificate, permission       provider.Evidence
	certificateErr, permissionErr error
	read                          provider.Token
}

func (s *inspector) Certificate(provider.Account) (provider.Evidence, error) {
	return s.certificate, s.certificateErr
}

func (s *inspector) Permission(_ provider.Account, t provider.Token) (provider.Evidence, error) {
	s.read = t
	return s.permission, s.permissionErr
}

// What a token rests upon and what it permits are stages of their own, where there is anything to
// tell; the first that fails is the last.
func TestPrepareStages(t *testing.T) {
	refused := &provider.Error{Kind: provider.ErrAuth, Code: "x", Err: errors.New("no")}
	told := provider.Evidence{Text: "told"}
	for name, tt := range map[string]struct {
		source provider.TokenSource
		want   []provider.Stage
		err    error
		asked  int
	}{
		"a plain source":     {&plain{}, []provider.Stage{provider.StageToken}, nil, 1},
		"nothing to tell":    {&inspector{}, []provider.Stage{provider.StageToken}, nil, 1},
		"all":                {&inspector{certificate: told, permission: told}, []provider.Stage{provider.StageCertificate, provider.StageToken, provider.StagePermission}, nil, 1},
		"a certificate ends": {&inspector{certificateErr: refused}, []provider.Stage{provider.StageCertificate}, provider.ErrAuth, 0},
		"no token":           {&inspector{plain: plain{err: refused}, permission: told}, []provider.Stage{provider.StageToken}, provider.ErrAuth, 1},
		"no permission":      {&inspector{permissionErr: refused}, []provider.Stage{provider.StageToken, provider.StagePermission}, provider.ErrAuth, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var stages []provider.Stage
			var last error
			ctx := provider.WithTrace(t.Context(), &provider.Trace{End: func(s provider.Stage, _ provider.Evidence, err error) { stages, last = append(stages, s), err }})
			c := hosted.Caller{Op: "test", Repeats: func(text string) bool { return false }}
			token, err := c.Prepare(ctx, provider.Account{Tokens: tt.source})
			require.Equal(t, tt.want, stages)
			require.Equal(t, err, last)
			if tt.err == nil {
				require.NoError(t, err)
				require.True(t, token.Value.Equal(secret.New("the-token")))
			} else {
				require.ErrorIs(t, err, tt.err)
				require.ErrorContains(t, err, "test", "it has the caller's op")
			}
			if in, ok := tt.source.(*inspector); ok {
				require.Equal(t, tt.asked, in.asked)
				require.Equal(t, stages[len(stages)-1] == provider.StagePermission, in.read.Value.Equal(secret.New("the-token")) && !in.permissionIsSilent())
			}
		})
	}
}

func (s *inspector) permissionIsSilent() bool {
	return s.permission.Text == "" && s.permissionErr == nil
}

// An application's own token needs no mailbox, but one that the host issues for its owner does.
func TestNeedsNobody(t *testing.T) {
	a := provider.Account{Endpoint: profile.Endpoint{Credentials: profile.ServerToServer}}
	require.True(t, hosted.NeedsNobody(a))
	a.Profile.Application.Realm = "contoso.com"
	require.True(t, hosted.NeedsNobody(a), "Entra ID's tokens know no realm")
	a.Profile.Kind = profile.ExchangeServer
	require.False(t, hosted.NeedsNobody(a))
	require.False(t, hosted.NeedsNobody(provider.Account{Endpoint: profile.Endpoint{Credentials: profile.OAuth}}))
}
