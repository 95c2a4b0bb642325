package autodiscover_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/autodiscover"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

func TestTheDomainItself(t *testing.T) {
	w := newWorld(t)
	w.mailServer()
	w.web("northwind.example", exchange(mail, "https://exch01.northwind.example"+ewsPath))
	result, err := w.find(w.finder(), w.account())
	require.NoError(t, err)
	require.Equal(t, mail, result.URL)
	require.Equal(t, anna, result.Address)
	require.Equal(t, "15.2.1118", result.Version)
	require.Equal(t, "Default-First-Site-Name", result.GroupingInformation)
	require.Equal(t, []string{"Exchange2007", "Exchange2010_SP2", "Exchange2013_SP1"}, result.Schemas)
	require.Equal(t, []string{"POST https://northwind.example" + svc, "POST https://northwind.example" + svc, "GET " + mail}, w.requests())
	require.Equal(t, 1, w.shownTo("northwind.example"))
	require.Equal(t, 0, w.shownTo("mail.northwind.example"), "it is looked whether somebody is there, no more")
	require.Contains(t, result.Trace(), "soap     https://northwind.example/autodiscover/autodiscover.svc: 200, names the web services of Exchange 15.2.1118; credential shown (Basic)")
}

// A web site answers in the domain, everything to everybody; Exchange 2007 in front of it.
func TestAutodiscoverInFrontOfTheDomainByPOX(t *testing.T) {
	for _, site := range []http.HandlerFunc{
		func(rw http.ResponseWriter, _ *http.Request) {
			io.WriteString(rw, "<!DOCTYPE html><html>Welcome!</html>")
		},
		http.NotFound,
		func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusMethodNotAllowed) },
	} {
		w := newWorld(t)
		w.mailServer()
		w.web("northwind.example", site)
		w.web("autodiscover.northwind.example", guarded(says(xml, pox("<Action>settings</Action>"+
			protocol("EXCH", "<Server>exch01</Server><ServerVersion>72008287</ServerVersion><ASUrl>https://exch01.corp.northwind.example/EWS/Exchange.asmx</ASUrl>")+
			protocol("EXPR", "<ASUrl>"+mail+"</ASUrl>")+
			"<Protocol><Type>WEB</Type><Internal><Protocol><Type>EXCH</Type><ASUrl>https://evil.example/</ASUrl></Protocol></Internal></Protocol>")), `Basic realm="x"`))
		result, err := w.find(w.finder(), w.account())
		require.NoError(t, err)
		require.Equal(t, mail, result.URL)
		require.Equal(t, "8.0.647", result.Version)
		require.Equal(t, 0, w.shownTo("northwind.example"), "who asks for nothing is shown nothing")
	}
}

// Row 42 of clients' mistakes: inner and outer locations.
func TestInnerAndOuterLocations(t *testing.T) {
	const inner = "https://exch01.northwind.example" + ewsPath
	answers := map[string]string{
		"soap": settings(mail, inner),
		"pox": pox("<Action>settings</Action>" + protocol("EXCH", "<EwsUrl>"+inner+"</EwsUrl><ASUrl>https://old.northwind.example/</ASUrl>") +
			protocol("EXPR", "<ASUrl>https://old.northwind.example/</ASUrl><EwsUrl>"+mail+"</EwsUrl>")),
		"exhttp": pox("<Action>settings</Action>" + protocol("EXCH", "<EwsUrl>"+inner+"</EwsUrl>") + protocol("EXHTTP", "<EwsUrl>"+mail+"</EwsUrl>")),
		"attribute": pox(`<Action>settings</Action><Protocol Type="EXHTTP"><EwsUrl>` + mail + `</EwsUrl></Protocol><Protocol Type="mapiHttp"><MailStore/></Protocol>` +
			protocol("EXCH", "<EwsUrl>"+inner+"</EwsUrl>")),
	}
	for name, text := range answers {
		path := xml
		if name == "soap" {
			path = svc
		}
		for _, inside := range []bool{false, true} {
			for _, there := range []bool{true, false} {
				w := newWorld(t)
				w.mailServer()
				if there {
					w.web("exch01.northwind.example", says("", ""))
				}
				w.web("autodiscover.northwind.example", guarded(says(path, text), "NTLM", "Basic"))
				a := w.account()
				if inside {
					a.Policy.Deployment = profile.SelfHosted
				}
				result, err := w.find(w.finder(), a)
				require.NoError(t, err)
				want := mail
				if inside && there {
					want = inner
				}
				require.Equal(t, want, result.URL, "%s, inside %v, there %v", name, inside, there)
			}
		}
	}
}

func TestTheRedirectOverHTTP(t *testing.T) {
	w := newWorld(t)
	w.mailServer()
	w.http("autodiscover.northwind.example", sends(http.StatusFound, "https://mail.northwind.example"+xml))
	w.web("mail.northwind.example", func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/EWS") {
			says("", "")(rw, r)
			return
		}
		exchange(mail, "")(rw, r)
	})
	result, err := w.find(w.finder(), w.account())
	require.NoError(t, err)
	require.Equal(t, mail, result.URL)
	require.Contains(t, w.requests(), "GET http://autodiscover.northwind.example"+xml)
}

func TestSRVRecords(t *testing.T) {
	w := newWorld(t)
	w.mailServer()
	w.record("northwind.example", 20, 50, "reserve.northwind.example.", 443)
	w.record("northwind.example", 10, 0, "gone.northwind.example.", 443)
	w.record("northwind.example", 10, 5, "hub.northwind.example.", 443)
	w.web("hub.northwind.example", exchange(mail, ""))
	w.web("reserve.northwind.example", exchange("https://reserve.northwind.example"+ewsPath, ""))
	result, err := w.find(w.finder(), w.account())
	require.NoError(t, err)
	require.Equal(t, mail, result.URL)
	require.Zero(t, w.shownTo("reserve.northwind.example"))
}

const online = "https://outlook.office365.com" + ewsPath

func TestExchangeOnlineIsAskedFirstAndWithoutACredential(t *testing.T) {
	w := newWorld(t)
	w.web("outlook.office365.com", func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/autodiscover/autodiscover.json" && r.URL.Query().Get("Email") == anna && r.URL.Query().Get("Protocol") == "EWS" && r.Method == http.MethodGet {
			io.WriteString(rw, `{"Protocol":"EWS","Url":"`+online+`"}`)
			return
		}
		rw.WriteHeader(http.StatusUnauthorized)
	})
	w.web("autodiscover.northwind.example", exchange(mail, ""))
	result, err := w.find(w.finder(), w.onlineAccount(), "outlook.office365.com")
	require.NoError(t, err)
	require.Equal(t, online, result.URL)
	require.Zero(t, w.shownAll())
	require.Len(t, w.requests(), 2)
	for _, st := range result.Steps {
		require.NotContains(t, st.URL, "@")
	}
}

// The token is not for the domain's own servers, and they do not get it, but they may say where
// Exchange Online is.
func TestTokensGoToExchangeOnlineAlone(t *testing.T) {
	w := newWorld(t)
	w.web("outlook.office365.com", says("", ""))
	w.web("northwind.example", guarded(http.NotFound, "Bearer", "Basic"))
	w.web("autodiscover.northwind.example", guarded(says(svc, settings(mail, "")), "Bearer", "Basic"))
	w.http("autodiscover.northwind.example", sends(http.StatusMovedPermanently, "https://autodiscover-s.outlook.com"+xml))
	w.web("autodiscover-s.outlook.com", guarded(says(xml, pox("<Action>settings</Action>"+protocol("EXHTTP", "<EwsUrl>"+online+"</EwsUrl>"))), `Basic realm=""`))
	result, err := w.find(w.finder(), w.onlineAccount(), "outlook.office365.com", "autodiscover-s.outlook.com")
	require.NoError(t, err)
	require.Equal(t, online, result.URL)
	require.Empty(t, w.shown["northwind.example"])
	require.Empty(t, w.shown["autodiscover.northwind.example"])
	require.Equal(t, 2, w.shownTo("autodiscover-s.outlook.com"), "by SOAP, which it does not have there, and by POX")
	require.Contains(t, result.Trace(), "is no server that the token is for; no credential shown")
}

// A hybrid organization's mailbox that is still on premises: what takes the domain's password takes no token
// of Exchange Online.
func TestATokenIsNotForWebServicesOnPremises(t *testing.T) {
	w := newWorld(t)
	w.mailServer()
	w.web("outlook.office365.com", says("/autodiscover/autodiscover.json", `{"Protocol":"EWS","Url":"`+mail+`"}`))
	_, err := w.find(w.finder(), w.onlineAccount(), "outlook.office365.com")
	told := kind(t, provider.ErrUnsafe, err)
	require.Equal(t, []autodiscover.Pending{{Host: "mail.northwind.example", Why: "outlook.office365.com says that the web services are there", URL: mail}}, told.Confirm)
}

// A mailbox on premises is not led to Exchange Online, which answers for whatever it does not have.
func TestExchangeOnlineIsNotAskedAboutMailboxesOnPremises(t *testing.T) {
	w := newWorld(t)
	w.web("outlook.office365.com", says("/autodiscover/autodiscover.json", `{"Protocol":"EWS","Url":"`+online+`"}`))
	w.http("autodiscover.northwind.example", sends(http.StatusFound, "https://autodiscover-s.outlook.com"+xml))
	w.web("autodiscover-s.outlook.com", exchange(online, ""))
	_, err := w.find(w.finder(), w.account())
	told := kind(t, provider.ErrUnsafe, err)
	require.Equal(t, []autodiscover.Pending{{Host: "autodiscover-s.outlook.com", Why: "autodiscover.northwind.example redirects there, over http", URL: "https://autodiscover-s.outlook.com" + svc}}, told.Confirm)
	require.Contains(t, told.Trace(), "not asked, for the profile is of Exchange on premises")
}

// A hybrid organization: the mailbox's own server says by which address Exchange Online has it.
func TestRedirectAddress(t *testing.T) {
	const cloud = "anna@northwind.mail.onmicrosoft.example"
	for name, answer := range map[string]struct{ path, text string }{
		"soap": {svc, user("RedirectAddress", cloud)}, "pox": {xml, pox("<Action>redirectAddr</Action><RedirectAddr>" + cloud + "</RedirectAddr>")},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.mailServer()
			w.web("autodiscover.northwind.example", guarded(says(answer.path, answer.text), "Basic"))
			w.http("autodiscover.northwind.mail.onmicrosoft.example", sends(http.StatusFound, "https://hub.northwind.example"+xml))
			w.web("hub.northwind.example", guarded(func(rw http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				require.Contains(t, string(body), "<a:Mailbox>"+cloud+"</a:Mailbox>")
				require.Equal(t, cloud, r.Header.Get("X-AnchorMailbox"))
				says(svc, settings(mail, ""))(rw, r)
			}, "Basic"))
			result, err := w.find(w.finder(), w.account())
			require.NoError(t, err)
			require.Equal(t, mail, result.URL)
			require.Equal(t, cloud, result.Address)
		})
	}
}

func TestRedirectURL(t *testing.T) {
	const to = "https://hub.northwind.example"
	for name, first := range map[string]http.HandlerFunc{
		"soap":          says(svc, user("RedirectUrl", to+svc)),
		"soap to pox":   says(svc, user("RedirectUrl", to+xml)),
		"pox":           says(xml, pox("<Action>redirectUrl</Action><RedirectUrl>"+to+xml+"</RedirectUrl>")),
		"302":           sends(http.StatusFound, to+svc),
		"307":           sends(http.StatusTemporaryRedirect, to+xml),
		"308, relative": sends(http.StatusPermanentRedirect, "//hub.northwind.example"+xml),
	} {
		w := newWorld(t)
		w.mailServer()
		w.web("northwind.example", first)
		w.web("hub.northwind.example", guarded(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == xml {
				says(xml, pox("<Action>settings</Action>"+protocol("EXPR", "<EwsUrl>"+mail+"</EwsUrl>")))(rw, r)
				return
			}
			says(svc, settings(mail, ""))(rw, r)
		}, "Basic"))
		result, err := w.find(w.finder(), w.account())
		require.NoError(t, err, name)
		require.Equal(t, mail, result.URL, name)
	}
}

func TestErrorsOfTheMailboxesOwnServer(t *testing.T) {
	for name, c := range map[string]struct {
		path, text string
		kind       provider.Kind
		code       string
	}{
		"pox, unknown":          {xml, poxError("500"), provider.ErrNotFound, "Autodiscover 500"},
		"pox, none set up":      {xml, poxError("501"), provider.ErrNotFound, "Autodiscover 501"},
		"pox, no directory":     {xml, poxError("603"), provider.ErrUnavailable, "Autodiscover 603"},
		"pox, no such schema":   {xml, poxError("601"), provider.ErrProtocol, "Autodiscover 601"},
		"soap, unknown":         {svc, user("InvalidUser", ""), provider.ErrNotFound, "InvalidUser"},
		"soap, busy":            {svc, user("ServerBusy", ""), provider.ErrThrottled, "ServerBusy"},
		"soap, in trouble":      {svc, user("InternalServerError", ""), provider.ErrUnavailable, "InternalServerError"},
		"soap, no web services": {svc, settings("", ""), provider.ErrUnsupported, ""},
	} {
		w := newWorld(t)
		w.web("northwind.example", guarded(says(c.path, c.text), "Basic"))
		_, err := w.find(w.finder(), w.account())
		kind(t, c.kind, err)
		var e *provider.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, c.code, e.Code, name)
		named, ok := mailbox.Lookup(e.Code)
		require.False(t, ok, "%s is another's name: %+v", e.Code, named)
		require.NotEmpty(t, e.Remedy+c.code, name)
	}
}

func TestNothingIsThere(t *testing.T) {
	w := newWorld(t)
	_, err := w.find(w.finder(), w.account())
	told := kind(t, provider.ErrNotFound, err)
	require.Empty(t, told.Confirm)
	require.Len(t, told.Steps, 5)
	var e *provider.Error
	require.ErrorAs(t, err, &e)
	named, ok := mailbox.Lookup(e.Code)
	require.True(t, ok)
	require.Equal(t, "8004503A", named.Code)
}
