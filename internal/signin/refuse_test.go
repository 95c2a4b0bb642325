package signin

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

func at(host string) func(*provider.Account) {
	return func(a *provider.Account) { a.Endpoint.Host = host }
}

// saying is a refusal of a driver's.
func saying(kind provider.Kind, code, words string) *provider.Error {
	return &provider.Error{Op: "test: AUTH", Kind: kind, Code: code, Remedy: "check user name and password", Err: errors.New("the server said " + words)}
}

// Peers 3.E, rows 71 and 77: Exchange Online does not say why it refuses an application; so all is named without
// which it refuses each. For whom else nothing is told but what was.
func TestApplicationAtExchangeOnline(t *testing.T) {
	for name, row := range map[string]struct {
		service string
		said    *provider.Error
		code    string
		remedy  []string
	}{
		"IMAP": {"imap", saying(provider.ErrAuth, "", "NO AUTHENTICATE failed."), "token_refused", []string{"IMAP.AccessAsApp", "New-ServicePrincipal", "enterprise application, not of the registration", "Add-MailboxPermission"}},
		"POP3": {"pop", saying(provider.ErrAuth, "", "-ERR Authentication failure: unknown user name or bad password."), "token_refused", []string{"POP.AccessAsApp", "New-ServicePrincipal"}},
		"SMTP": {"smtp", saying(provider.ErrAuth, "535 5.7.3", "535 5.7.3 Authentication unsuccessful"), "token_refused", []string{"SMTP.SendAsApp", "New-ServicePrincipal"}},
		"off":  {"smtp", saying(provider.ErrAuth, "535 5.7.139", "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox."), "535 5.7.139", []string{"switch SMTP AUTH on"}},
		"10":   {"imap", saying(provider.ErrProtocol, "", "BAD Command Error. 10"), "", []string{"IMAP.AccessAsApp", "New-ServicePrincipal"}},
		"mailbox": {"imap", saying(provider.ErrUnavailable, "", "BAD User is authenticated but not connected."), "mailbox_permission",
			[]string{"Add-MailboxPermission", "not into this mailbox"}},
	} {
		t.Run(name, func(t *testing.T) {
			run := func(c profile.Credentials, host string) error {
				a := issued("good").account(c)
				at(host)(&a)
				s, err := New("test: AUTH", a, every...)
				require.NoError(t, err)
				require.NoError(t, s.Prepare(t.Context()))
				require.NoError(t, s.Choose(Server{Service: row.service, Offered: []string{xoauth2}, Secure: true}))
				f := server(xoauth2)
				f.refuse = map[string]error{xoauth2: row.said}
				_, err = s.Run(t.Context(), f)
				return err
			}
			var e *provider.Error
			require.ErrorAs(t, run(profile.ServerToServer, "outlook.office365.com"), &e)
			require.Equal(t, row.said.Kind, e.Kind, "what it means to the Syncer is the driver's to say")
			require.Equal(t, row.code, e.Code)
			for _, words := range row.remedy {
				require.Contains(t, e.Remedy, words)
			}
			require.ErrorIs(t, e, row.said.Err)
			require.Equal(t, "check user name and password", row.said.Remedy, "the driver's error is left as it is")

			for _, other := range []error{run(profile.OAuth, "outlook.office365.com"), run(profile.ServerToServer, "mail.example.test"), run(profile.ServerToServer, "office365.com.example.test")} {
				require.ErrorAs(t, other, &e)
				require.Equal(t, row.said.Code, e.Code)
				require.NotContains(t, e.Remedy, "New-ServicePrincipal")
				require.NotContains(t, e.Remedy, "Set-CASMailbox")
				if row.said.Kind == provider.ErrAuth {
					require.Contains(t, e.Remedy, "consent again")
				} else {
					require.Equal(t, row.said.Remedy, e.Remedy)
				}
			}
		})
	}
}

// A password's refusal by Exchange Online is none of an application.
func TestPasswordAtExchangeOnline(t *testing.T) {
	f := server("PLAIN")
	f.refuse = map[string]error{"PLAIN": saying(provider.ErrAuth, "", "NO LOGIN failed. BasicAuthBlocked")}
	_, err := f.signIn(t, account(at("outlook.office365.com"), from(profile.FromMailbox)))
	require.Equal(t, "check user name and password", err.(*provider.Error).Remedy)
}

// What comes behind the sign-in is explained as well, and no other error.
func TestExplain(t *testing.T) {
	a := issued("good").account(profile.ServerToServer)
	at("outlook.office365.com")(&a)
	s, err := New("test: AUTH", a, every...)
	require.NoError(t, err)
	require.NoError(t, s.Choose(Server{Service: "imap", Offered: []string{xoauth2}, Secure: true}))

	e := s.Explain(saying(provider.ErrUnavailable, "", "BAD User is authenticated but not connected.")).(*provider.Error)
	require.Equal(t, "mailbox_permission", e.Code)
	require.Equal(t, provider.ErrUnavailable, e.Kind)
	for _, same := range []error{nil, errors.New("x"), saying(provider.ErrUnavailable, "", "NO not connected"), saying(provider.ErrAuth, "", "NO"), &provider.Error{Kind: provider.ErrAuth}} {
		require.True(t, same == s.Explain(same), "%v", same)
	}
	var nobody *SignIn
	require.Equal(t, errNo, nobody.Explain(errNo))
	require.Equal(t, errNo, (&SignIn{}).Explain(errNo))
}

// TOK-3: a source that knows only that new tokens are refused knows less than these steps.
func TestTOK3StepsGoBeforeTheSource(t *testing.T) {
	known := &provider.Error{Kind: provider.ErrAuth, Code: "token_refused", Err: errors.New("new tokens are refused")}
	gone := &provider.Error{Kind: provider.ErrAuth, Code: "invalid_client", Err: errors.New("the secret has expired")}
	for _, row := range []struct {
		host, code string
		err        error
	}{
		{"outlook.office365.com", "token_refused", known}, {"outlook.office365.com", "invalid_client", gone}, {"mail.example.test", "token_refused", known},
	} {
		source := &tokens{give: []provider.Token{{Value: secret.New("stale")}}, err: row.err}
		a := source.account(profile.ServerToServer)
		at(row.host)(&a)
		_, err := server(xoauth2).signIn(t, a)
		require.Equal(t, row.code, err.(*provider.Error).Code)
		steps := strings.Contains(err.(*provider.Error).Remedy, "New-ServicePrincipal")
		require.Equal(t, steps, row.host == "outlook.office365.com" && row.err == known)
	}
}
