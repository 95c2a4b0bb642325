package autodiscover_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/autodiscover"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

func TestAD01TheDomainIsNotShortened(t *testing.T) {
	w := newWorld(t)
	w.any = "127.0.1.250"
	a := w.account()
	a.Mailbox.Address = "anna@sales.example.co.uk"
	_, err := w.find(w.finder(), a)
	require.Error(t, err)
	require.NotEmpty(t, w.asked)
	for _, name := range w.asked {
		require.True(t, strings.HasSuffix(name, "sales.example.co.uk."), "asked %s", name)
	}
}

func TestAD02ATokenIsNoAnswerToBasic(t *testing.T) {
	for _, credentials := range []profile.Credentials{profile.OAuth, profile.ServerToServer} {
		for _, offers := range [][]string{{`Basic realm="northwind"`}, {"Negotiate", "NTLM"}, {}, slices.Repeat([]string{"Basic"}, 50), {`Digest realm="Bearer"`}} {
			w := newWorld(t)
			w.web("autodiscover.northwind.example", guarded(says(svc, settings(mail, "")), offers...))
			a := w.account()
			a.Endpoint.Credentials, a.Tokens = credentials, tokens{}
			_, err := w.find(w.finder(), a)
			kind(t, provider.ErrUnsupported, err)
			require.Zero(t, w.shownAll(), "%v", offers)
		}
	}
	// Nor is a password shown to who asks for a token, and none at all to who does not ask.
	w := newWorld(t)
	w.web("autodiscover.northwind.example", guarded(says(svc, settings(mail, "")), "Bearer"))
	_, err := w.find(w.finder(), w.account())
	kind(t, provider.ErrUnsupported, err)
	require.ErrorContains(t, err, "bearer")
	require.Zero(t, w.shownAll())
}

// Exchange on premises that takes tokens says so.
func TestAD02ATokenIsShownWhereTokensAreAskedFor(t *testing.T) {
	w := newWorld(t)
	w.mailServer()
	w.web("autodiscover.northwind.example", guarded(says(svc, settings(mail, "")), `Bearer client_id="00000002-0000-0ff1-ce00-000000000000", trusted_issuers="x@y"`, "Negotiate"))
	a := w.account()
	a.Endpoint.Credentials, a.Tokens = profile.OAuth, tokens{}
	result, err := w.find(w.finder(), a)
	require.NoError(t, err)
	require.Equal(t, mail, result.URL)
	require.Equal(t, 1, w.shownTo("autodiscover.northwind.example"))
}

func TestAD03ARedirectToAStranger(t *testing.T) {
	const evil = "https://autodiscover.evil.example"
	ways := map[string]func(w *world){
		"http": func(w *world) { w.http("autodiscover.northwind.example", sends(http.StatusFound, evil+xml)) },
		"302":  func(w *world) { w.web("northwind.example", sends(http.StatusFound, evil+svc)) },
		"307": func(w *world) {
			w.web("northwind.example", guarded(sends(http.StatusTemporaryRedirect, evil+svc), "Basic"))
		},
		"soap": func(w *world) { w.web("northwind.example", guarded(says(svc, user("RedirectUrl", evil+svc)), "Basic")) },
		"pox": func(w *world) {
			w.web("northwind.example", says(xml, pox("<Action>redirectUrl</Action><RedirectUrl>"+evil+xml+"</RedirectUrl>")))
		},
		"srv": func(w *world) { w.record("northwind.example", 0, 0, "autodiscover.evil.example.", 443) },
		"address": func(w *world) {
			w.web("northwind.example", guarded(says(svc, user("RedirectAddress", "anna@evil.example")), "Basic"))
		},
		"the web services": func(w *world) {
			w.web("northwind.example", guarded(says(svc, settings("https://autodiscover.evil.example"+ewsPath, "")), "Basic"))
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			build := func() *world {
				w := newWorld(t)
				way(w)
				w.web("autodiscover.evil.example", exchange("https://autodiscover.evil.example"+ewsPath, ""))
				return w
			}
			w := build()
			_, err := w.find(w.finder(), w.account())
			told := kind(t, provider.ErrUnsafe, err)
			require.True(t, slices.ContainsFunc(told.Confirm, func(p autodiscover.Pending) bool { return p.Host == "autodiscover.evil.example" }), "%+v", told.Confirm)
			require.Contains(t, err.Error(), "autodiscover.evil.example")

			// Somebody says no, and is asked once.
			w = build()
			f, asked := w.finder(), map[string]int{}
			f.Confirm = func(_ context.Context, host, why string) bool {
				require.NotEmpty(t, why)
				asked[host]++
				return false
			}
			_, err = w.find(f, w.account())
			kind(t, provider.ErrUnsafe, err)
			require.Equal(t, 1, asked["autodiscover.evil.example"])

			// Somebody says yes: it was the hoster's after all.
			w = build()
			f = w.finder()
			f.Confirm = func(context.Context, string, string) bool { return true }
			result, err := w.find(f, w.account(), "evil.example")
			require.NoError(t, err)
			require.Equal(t, "https://autodiscover.evil.example"+ewsPath, result.URL)

			w = build()
			f = w.finder()
			f.Allowed = []string{"evil.example"}
			_, err = w.find(f, w.account(), "evil.example")
			require.NoError(t, err)
		})
	}
}

// HTTP-01, HTTP-02, HTTP-03: where a redirect may never lead.
func TestHTTP01RedirectsThatAreNotFollowed(t *testing.T) {
	for _, to := range []string{
		"http://northwind.example" + xml, "http://autodiscover.northwind.example" + xml, "http://169.254.169.254/latest/meta-data/", "https://169.254.169.254/",
		"https://127.0.0.1/", "https://[::1]/", "https://0x7f.1/", "https://2130706433/", "ftp://northwind.example/", "https://anna:x@northwind.example/", "https://northwind.example@evil.example/",
		"https://northwind.example:0/", "https://northwind.example:99999/", "javascript:alert(1)", "https:" + xml, "//", "https://", "https://outl\u043e\u043ek.northwind.example/", "https://xn--outlk-6ve.northwind.example/" + strings.Repeat("x", 3000),
		"https://evil.example\\@northwind.example/", "https://evil.example%2f.northwind.example/", "\x00",
	} {
		w := newWorld(t)
		w.http("autodiscover.northwind.example", sends(http.StatusFound, to))
		w.web("northwind.example", guarded(sends(http.StatusFound, to), "Basic"))
		_, err := w.find(w.finder(), w.account())
		require.Error(t, err, to)
		require.Contains(t, []provider.Kind{provider.ErrUnsafe, provider.ErrNotFound, provider.ErrProtocol, provider.ErrUnavailable}, provider.KindOf(err), to)
		for _, target := range w.proxy.Targets() {
			require.True(t, strings.HasPrefix(target, "127.0.1.") && (strings.HasSuffix(target, ":443") || strings.HasSuffix(target, ":80")), "%s: dialled %s", to, target)
		}
	}
}

func TestAD04Loops(t *testing.T) {
	t.Run("addresses in a circle", func(t *testing.T) {
		w := newWorld(t)
		n := 0
		w.web("northwind.example", func(rw http.ResponseWriter, r *http.Request) {
			n++
			says(svc, user("RedirectAddress", map[bool]string{true: "bea@northwind.example", false: anna}[n%2 == 1]))(rw, r)
		})
		_, err := w.find(w.finder(), w.account())
		require.Error(t, err)
		require.LessOrEqual(t, n, 3)
	})
	t.Run("ever other addresses", func(t *testing.T) {
		w := newWorld(t)
		n := 0
		w.web("northwind.example", func(rw http.ResponseWriter, r *http.Request) {
			n++
			says(svc, user("RedirectAddress", fmt.Sprintf("anna%d@northwind.example", n)))(rw, r)
		})
		_, err := w.find(w.finder(), w.account())
		require.Error(t, err)
		require.Equal(t, 4, n, "its own address and three others")
	})
	t.Run("a thousand URLs", func(t *testing.T) {
		w := newWorld(t)
		n := 0
		w.web("northwind.example", func(rw http.ResponseWriter, r *http.Request) {
			n++
			sends(http.StatusFound, fmt.Sprintf("https://northwind.example/%d.svc", n))(rw, r)
		})
		_, err := w.find(w.finder(), w.account())
		kind(t, provider.ErrProtocol, err)
		require.LessOrEqual(t, n, 11)
	})
	t.Run("to itself", func(t *testing.T) {
		w := newWorld(t)
		w.web("northwind.example", func(rw http.ResponseWriter, r *http.Request) { sends(http.StatusFound, r.URL.Path)(rw, r) })
		w.http("autodiscover.northwind.example", sends(http.StatusFound, "https://northwind.example"+xml))
		_, err := w.find(w.finder(), w.account())
		require.Error(t, err)
		require.LessOrEqual(t, len(w.requests()), 4)
	})
	t.Run("between two, by http and SRV too", func(t *testing.T) {
		w := newWorld(t)
		w.web("northwind.example", sends(http.StatusFound, "https://autodiscover.northwind.example"+svc))
		w.web("autodiscover.northwind.example", sends(http.StatusFound, "https://northwind.example"+svc))
		w.http("autodiscover.northwind.example", sends(http.StatusFound, "https://northwind.example"+xml))
		w.record("northwind.example", 0, 0, "autodiscover.northwind.example.", 443)
		_, err := w.find(w.finder(), w.account())
		require.Error(t, err)
		require.LessOrEqual(t, len(w.requests()), 10)
	})
}

func TestAD05SRVRecords(t *testing.T) {
	t.Run("inner hosts", func(t *testing.T) {
		w := newWorld(t)
		w.record("northwind.example", 0, 0, "10.0.0.5.", 8443)
		w.record("northwind.example", 0, 0, "localhost.", 443)
		w.record("northwind.example", 0, 0, "::1", 443)
		w.record("northwind.example", 0, 0, "inner.northwind.example.", 8443)
		w.record("northwind.example", 0, 0, ".", 0)
		w.a["inner.northwind.example"], w.a["localhost"] = "10.0.0.5", "127.0.0.1"
		f := w.finder()
		f.Confirm = func(context.Context, string, string) bool { return true }
		_, err := w.find(f, w.account())
		require.Error(t, err)
		require.Empty(t, w.proxy.Targets())
	})
	t.Run("ten thousand", func(t *testing.T) {
		w := newWorld(t)
		for i := range 10_000 {
			w.record("northwind.example", uint16(i%7), uint16(i), fmt.Sprintf("s%d.northwind.example.", i), 443)
		}
		_, err := w.find(w.finder(), w.account())
		kind(t, provider.ErrNotFound, err)
		tried := map[string]bool{}
		for _, name := range w.asked {
			if strings.HasPrefix(name, "s") {
				tried[strings.TrimSuffix(name, ".")] = true
			}
		}
		require.Len(t, tried, 4)
	})
}

func TestAD06Locations(t *testing.T) {
	for _, location := range []string{
		"http://mail.northwind.example" + ewsPath, "file:///etc/passwd", "https://localhost/", "https://127.0.0.1/EWS/Exchange.asmx", "https://[::1]/", "https://10.0.0.5/", "/EWS/Exchange.asmx",
		"mail.northwind.example", "https://anna@mail.northwind.example/", "https://mail.northwind.example/?x=1", "https://mail.northwind.example/#x", "https:mail.northwind.example", "https://",
		"https://mail.northwind.example/" + strings.Repeat("x", 3000), "https://inner.northwind.example/", "https://mail/", "https://mail.internal/", "https://m\u0430il.northwind.example/",
	} {
		for name, text := range map[string]string{svc: settings(location, ""), xml: pox("<Action>settings</Action>" + protocol("EXPR", "<EwsUrl>"+location+"</EwsUrl>"))} {
			w := newWorld(t)
			w.a["inner.northwind.example"], w.a["localhost"], w.a["mail"], w.a["mail.internal"] = "10.0.0.5", "127.0.0.1", "10.0.0.5", "10.0.0.6"
			w.mailServer()
			w.web("northwind.example", guarded(says(name, text), "Basic"))
			f := w.finder()
			f.Confirm = func(_ context.Context, host, _ string) bool {
				_, err := netip.ParseAddr(host)
				require.Error(t, err, "nobody is asked to confirm an inner address")
				return true
			}
			_, err := w.find(f, w.account())
			kind(t, provider.ErrUnsafe, err)
			for _, target := range w.proxy.Targets() {
				require.True(t, strings.HasPrefix(target, "127.0.1."), "%s: dialled %s", location, target)
			}
		}
	}
	t.Run("1 MB", func(t *testing.T) {
		w := newWorld(t)
		w.web("northwind.example", guarded(says(svc, settings("https://mail.northwind.example/"+strings.Repeat("x", 1<<20), "")), "Basic"))
		_, err := w.find(w.finder(), w.account())
		require.Error(t, err)
	})
	t.Run("names that look like the domain's", func(t *testing.T) {
		for host, own := range map[string]bool{
			"MAIL.NorthWind.Example": true, "mail.northwind.example.": true, "mail.northwind.example.evil.example": false, "notnorthwind.example": false, "northwind.example.evil.example": false,
		} {
			w := newWorld(t)
			w.web(strings.ToLower(strings.TrimSuffix(host, ".")), says("", ""))
			w.web("autodiscover.northwind.example", exchange("https://"+host+ewsPath, ""))
			_, err := w.find(w.finder(), w.account())
			require.Equal(t, own, err == nil, "%s: %v", host, err)
		}
	})
	t.Run("http where profile and policy allow it", func(t *testing.T) {
		w := newWorld(t)
		w.http("mail.northwind.example", says("", ""))
		w.web("autodiscover.northwind.example", exchange("http://mail.northwind.example"+ewsPath, ""))
		a := w.account()
		a.Policy.Deployment, a.Policy.AllowPlaintext, a.Policy.AllowBasicWithoutTLS = profile.SelfHosted, true, true
		_, err := w.find(w.finder(), a)
		kind(t, provider.ErrUnsafe, err)
		a.Endpoint.TLS = profile.Plaintext
		result, err := w.find(w.finder(), a)
		require.NoError(t, err)
		require.Equal(t, "http://mail.northwind.example"+ewsPath, result.URL)
	})
}

func TestAD07EveryNameLeadsToOneAttacker(t *testing.T) {
	w := newWorld(t)
	w.web("evil.example", exchange("https://evil.example"+ewsPath, ""), "*.evil.example", "evil.example")
	w.any = w.a["evil.example"]
	w.record("northwind.example", 0, 0, "mail.northwind.example.", 443)
	_, err := w.find(w.finder(), w.account())
	kind(t, provider.ErrUnsafe, err)
	require.Empty(t, w.requests(), "nobody came as far as to ask")
}

func TestAD08JSON(t *testing.T) {
	for _, text := range []string{
		`{"Protocol":"ActiveSync","Url":"https://outlook.office365.com/Microsoft-Server-ActiveSync"}`, `{"Url":"` + online + `"}`,
		`{"Protocol":"EWS","Url":"` + online + `","ErrorCode":"ProtocolNotSupported","ErrorMessage":"see https://evil.example/"}`,
		`{"ErrorCode":"ProtocolNotSupported","ErrorMessage":"see https://evil.example/","Protocol":"EWS","Url":"https://evil.example/"}`,
		`{"Protocol":"EWS"}`, `{"Protocol":"EWS","Url":null}`, `{"Protocol":"EWS","Url":["` + online + `"]}`, `[]`, `"EWS"`, ``, `<html>`, strings.Repeat("[", 100_000), `{"Protocol":"EWS","Url":"` + strings.Repeat("x", 1<<20) + `"}`,
	} {
		w := newWorld(t)
		w.web("outlook.office365.com", says("/autodiscover/autodiscover.json", text))
		_, err := w.find(w.finder(), w.onlineAccount(), "outlook.office365.com")
		require.Error(t, err)
		told := kind(t, provider.KindOf(err), err)
		require.Contains(t, []provider.Kind{provider.ErrProtocol, provider.ErrTooLarge, provider.ErrUnsupported}, provider.KindOf(told.Steps[0].Err), "%.80s: %v", text, told.Steps[0].Err)
		require.Empty(t, told.Confirm)
	}
	w := newWorld(t)
	w.web("outlook.office365.com", func(rw http.ResponseWriter, r *http.Request) {
		rw.WriteHeader(http.StatusNotFound)
		io.WriteString(rw, `{"ErrorCode":"UserNotFound","ErrorMessage":"The given user isn't found."}`)
	})
	_, err := w.find(w.finder(), w.onlineAccount(), "outlook.office365.com")
	kind(t, provider.ErrNotFound, err)
	require.ErrorContains(t, err, "UserNotFound")
}

// HTTP-09 and bodies that no honest server sends, each as an answer to SOAP and to POX.
func TestHTTP09HostileBodies(t *testing.T) {
	deep := strings.Repeat("<x>", 100_000)
	for _, text := range []string{
		"", "<", "<html><body>Sign in</body></html>", `<!DOCTYPE x [<!ENTITY a "b">]>` + settings(mail, ""), `<!DOCTYPE x SYSTEM "https://evil.example/x.dtd">` + pox("<Action>settings</Action>"+protocol("EXPR", "<EwsUrl>"+mail+"</EwsUrl>")),
		settings(mail, "") + settings(mail, ""), pox(protocol("EXPR", "<EwsUrl>"+mail+"</EwsUrl>")) + "<x/>", deep, settings(mail, "")[:500], pox("<Action>settings</Action>" + deep),
		strings.Replace(settings(mail, ""), "exchange/2010", "exchange/2020", -1), strings.Replace(pox(protocol("EXPR", "<EwsUrl>"+mail+"</EwsUrl>")), "responseschema/2006", "requestschema/2006", -1),
		settings(mail, "")[:700] + strings.Repeat(" ", 1<<20), strings.Repeat("\x00", 1000), "\xff\xfe<\x00", "{}",
		strings.Replace(settings(mail, ""), "</UserResponse>", "</UserResponse><UserResponse><ErrorCode>NoError</ErrorCode></UserResponse>", 1),
		pox("<Action>redirectAddr</Action>"), pox("<Action>redirectUrl</Action>"), pox("<Action>format</Action>" + protocol("EXPR", "<EwsUrl>"+mail+"</EwsUrl>")), user("RedirectAddress", "nobody"), user("RedirectUrl", ""), user("", ""), user("RedirectAddress", "a@b@c@"),
	} {
		w := newWorld(t)
		w.mailServer()
		w.web("northwind.example", guarded(func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, text) }, "Basic"))
		_, err := w.find(w.finder(), w.account())
		require.Error(t, err, "%.80s", text)
		require.NotEmpty(t, provider.KindOf(err), "%v", err)
	}
}

// A server that was shown the password puts it into every word that it has.
func TestP6TheTraceRepeatsNoSecret(t *testing.T) {
	for _, answer := range []http.HandlerFunc{
		says(svc, strings.Replace(user("InvalidUser", ""), "it says so", password, 1)),
		says(xml, strings.Replace(poxError("500"), "it says so", password, 1)), says(xml, poxError(password)),
		sends(http.StatusFound, "https://northwind.example/"+password+".svc"), sends(http.StatusFound, "https://evil.example/"+password+".svc"),
		says(svc, settings("https://evil.example/"+password, "")), says(svc, settings("http://northwind.example/"+password, "")),
	} {
		w := newWorld(t)
		w.web("northwind.example", guarded(answer, "Basic"))
		_, err := w.find(w.finder(), w.account()) // which looks for it
		var told *autodiscover.Error
		require.ErrorAs(t, err, &told)
		require.NotContains(t, fmt.Sprintf("%s %+v %s", told.Trace(), told.Confirm, err), password)
	}
	w := newWorld(t)
	w.web("outlook.office365.com", guarded(says(svc, strings.Replace(user("InvalidUser", ""), "it says so", token, 1)), "Bearer"))
	_, err := w.find(w.finder(), w.onlineAccount(), "outlook.office365.com")
	told := kind(t, provider.ErrNotFound, err)
	require.Equal(t, 1, w.shownTo("outlook.office365.com"))
	require.NotContains(t, told.Trace(), token)
}

// A password is refused twice at most, by however many servers (an account may be locked).
func TestARefusedSignInIsNotRepeatedEverywhere(t *testing.T) {
	never := guarded(http.NotFound, "Basic")
	w := newWorld(t)
	for _, name := range []string{"northwind.example", "autodiscover.northwind.example", "a.northwind.example", "b.northwind.example", "c.northwind.example"} {
		w.web(name, never)
	}
	w.http("autodiscover.northwind.example", sends(http.StatusFound, "https://c.northwind.example"+xml))
	w.record("northwind.example", 0, 0, "a.northwind.example.", 443)
	w.record("northwind.example", 1, 0, "b.northwind.example.", 443)
	a := w.account()
	a.Mailbox.Password = secret.New("wrong")
	f := w.finder()
	_, err := w.find(f, a)
	kind(t, provider.ErrAuth, err)
	require.Equal(t, 2, w.shownAll())
	_, err = f.Find(t.Context(), a)
	kind(t, provider.ErrAuth, err)
	require.Equal(t, 2, w.shownAll(), "nor by the mailbox's other side, which opens now")
	_, err = f.Find(t.Context(), w.account())
	require.NotEqual(t, provider.ErrAuth, provider.KindOf(err), "another password is another matter")
	require.Greater(t, w.shownAll(), 2)
}

// P3, P5: where nobody answers at all, it ends in its time and leaves nothing behind.
func TestP5BlackHoles(t *testing.T) {
	w := newWorld(t)
	release := make(chan struct{})
	silent := func(http.ResponseWriter, *http.Request) { <-release }
	w.web("northwind.example", silent)
	w.web("autodiscover.northwind.example", silent)
	w.http("autodiscover.northwind.example", silent)
	before := runtime.NumGoroutine()
	f := w.finder()
	f.Timeout = time.Second
	_, err := w.find(f, w.account())
	kind(t, provider.ErrUnavailable, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	time.AfterFunc(50*time.Millisecond, func() { cancel(gone) })
	f = w.finder()
	_, err = f.Find(ctx, w.account())
	require.Equal(t, gone, err)
	close(release)
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+4 }, time.Minute, 10*time.Millisecond, "servers' own connections aside")
}

// HTTP-18 and servers in trouble.
func TestHTTP18Waits(t *testing.T) {
	for after, want := range map[string]time.Duration{"30": 30 * time.Second, "99999999999999999999": time.Hour, "1000000000": time.Hour, "-5": time.Second, "": time.Second} {
		w := newWorld(t)
		w.web("autodiscover.northwind.example", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", after)
			rw.WriteHeader(http.StatusTooManyRequests)
		})
		_, err := w.find(w.finder(), w.account())
		kind(t, provider.ErrThrottled, err)
		var e *provider.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, want, e.RetryAfter, after)
	}
	for _, status := range []int{500, 502, 503, 504} {
		w := newWorld(t)
		w.web("autodiscover.northwind.example", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(status) })
		_, err := w.find(w.finder(), w.account())
		kind(t, provider.ErrUnavailable, err)
	}
}

// SSRF: the policy holds for every host, also for the domain's own.
func TestX3ThePolicyHolds(t *testing.T) {
	w := newWorld(t)
	w.any = "10.0.0.5"
	a := w.account()
	a.Policy.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.1.0/24")}
	w.record("northwind.example", 0, 0, "inner.northwind.example.", 443)
	_, err := w.find(w.finder(), a)
	kind(t, provider.ErrUnsafe, err)
	require.Empty(t, w.proxy.Targets())
}

func TestOddAddresses(t *testing.T) {
	for _, address := range []string{"", "anna", "@northwind.example", "anna@", "anna@localhost", "anna@127.0.0.1", "anna@[::1]", "anna@north wind.example", "anna@northwind.example/x", "anna@evil.example#@", "anna@n\u043erthwind.example", "anna@xn--nrthwind-zzzz\x00", "<anna@northwind.example>", strings.Repeat("a", 400) + "@northwind.example"} {
		w := newWorld(t)
		a := w.account()
		a.Mailbox.Address = address
		_, err := w.finder().Find(t.Context(), a)
		require.Equal(t, provider.ErrUnsafe, provider.KindOf(err), "%q: %v", address, err)
		require.Empty(t, w.asked)
	}
	w := newWorld(t)
	w.mailServer()
	w.web("northwind.example", exchange(mail, ""))
	a := w.account()
	a.Mailbox.Address = "anna&b\u00e9@NorthWind.EXAMPLE."
	result, err := w.find(w.finder(), a)
	require.NoError(t, err)
	require.Equal(t, mail, result.URL)
}

func TestProfilesThatCannotSignIn(t *testing.T) {
	w := newWorld(t)
	a := w.account()
	a.Endpoint.Credentials = profile.Anonymous
	_, err := w.finder().Find(t.Context(), a)
	require.Equal(t, provider.ErrUnsupported, provider.KindOf(err))
	a = w.onlineAccount()
	a.Tokens = nil
	_, err = w.finder().Find(t.Context(), a)
	require.Equal(t, provider.ErrUnsupported, provider.KindOf(err))
	require.Empty(t, w.asked)
}
