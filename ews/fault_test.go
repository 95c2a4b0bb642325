package ews

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// EWS-07 and HTTP-18: whatever number a server writes, the wait is between a second and an
// hour; what is no number is no wait.
func TestEWS07Waits(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"5000": 5 * time.Second, "-1": time.Second, "0": time.Second, "9223372036854775807": time.Hour, "99999999999999999999": time.Hour,
		"abc": 0, "": 0, "NaN": 0, "1e999": time.Hour, "-1e999": time.Second, " 2500 ": 2500 * time.Millisecond,
	} {
		require.Equal(t, want, backOff(map[string]string{"BackOffMilliseconds": text}), "%q", text)
	}
	require.Zero(t, backOff(nil))
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		fields []string
		date   string
		want   time.Duration
	}{
		{[]string{"120"}, "", 2 * time.Minute}, {[]string{"-5"}, "", time.Second}, {[]string{"2.128"}, "", 2128 * time.Millisecond},
		{[]string{"1e9"}, "", time.Hour}, {[]string{"99999999999999999999"}, "", time.Hour},
		{[]string{"Wed, 21 Oct 2099 07:28:00 GMT"}, "", time.Hour}, {[]string{"Wed, 21 Oct 2009 07:28:00 GMT"}, "", time.Second},
		{[]string{"Sat, 21 Nov 2026 10:05:00 GMT"}, "", 5 * time.Minute},
		{[]string{"Sat, 21 Nov 2026 09:05:00 GMT"}, "Sat, 21 Nov 2026 09:00:00 GMT", 5 * time.Minute}, // its clock is wrong
		{[]string{""}, "", 0}, {nil, "", 0}, {[]string{"soon"}, "", 0}, {[]string{"10", "30"}, "", 30 * time.Second},
	} {
		h := http.Header{}
		for _, f := range tt.fields {
			h.Add("Retry-After", f)
		}
		if tt.date != "" {
			h.Set("Date", tt.date)
		}
		require.Equal(t, tt.want, retryAfter(h, now), "%q", tt.fields)
	}
}

// EWS-09: a server that is busy says so in a fault with 500, in a message with 200, or by a
// status, and each time it is a wait, of the mailbox or of the account.
func TestEWS09Busy(t *testing.T) {
	shared := []func(*provider.Account){service, impersonating}
	for name, tt := range map[string]struct {
		status int
		body   string
		header map[string]string
		change []func(*provider.Account)
		wait   time.Duration
		shared bool
	}{
		"a fault":                        {500, faultOf("ErrorServerBusy", backOffOf("297749")), nil, shared, 297749 * time.Millisecond, false},
		"a fault with 200":               {200, faultOf("ErrorServerBusy", backOffOf("abc")), nil, shared, 0, false},
		"a fault with 503":               {503, faultOf("ErrorServerBusy", backOffOf("7000")), map[string]string{"Retry-After": "99"}, shared, 7 * time.Second, false},
		"a message":                      {200, faulted("ErrorServerBusy", backOffOf("0")), nil, shared, time.Second, false},
		"only the header says how long":  {500, faultOf("ErrorServerBusy", ""), map[string]string{"Retry-After": "30"}, shared, 30 * time.Second, false},
		"connections, impersonating":     {200, faulted("ErrorExceededConnectionCount", backOffOf("0")), nil, shared, time.Second, false},
		"connections, as a delegate":     {200, faulted("ErrorExceededConnectionCount", backOffOf("0")), nil, []func(*provider.Account){service}, time.Second, true},
		"connections, one's own":         {200, faulted("ErrorExceededConnectionCount", backOffOf("0")), nil, nil, time.Second, false},
		"429":                            {429, "", map[string]string{"Retry-After": "12"}, shared, 12 * time.Second, true},
		"429, one's own account":         {429, "", nil, nil, 0, false},
		"503":                            {503, "<html/>", map[string]string{"Retry-After": "12"}, shared, 12 * time.Second, true},
		"the page for errors":            {302, "", map[string]string{"Location": "/ews/genericerrorpage.htm?aspxerrorpath=/EWS/Exchange.asmx"}, nil, 0, false},
		"the application":                {500, "<html><h1>Server Error in '/EWS' Application.</h1></html>", nil, nil, 0, false},
		"an error within that is a wait": {500, faultOf("ErrorInternalServerError", `<t:MessageXml><t:Value Name="InnerErrorResponseCode">ErrorServerBusy</t:Value></t:MessageXml>`), nil, nil, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
				for k, v := range tt.header {
					w.Header().Set(k, v)
				}
				if strings.HasPrefix(tt.body, "<html") {
					w.Header().Set("Content-Type", "text/html")
					w.WriteHeader(tt.status)
					w.Write([]byte(tt.body))
					return
				}
				give(w, tt.status, tt.body)
			})
			e := s.fails(t, provider.ErrThrottled, tt.change...)
			require.Equal(t, tt.wait, e.RetryAfter)
			require.Equal(t, tt.shared, e.Shared)
			require.Len(t, s.all(), 1, "the driver repeats nothing")
		})
	}
}

// Statuses that come without SOAP, each with what to do about it.
func TestStatuses(t *testing.T) {
	for status, kind := range map[int]provider.Kind{
		400: provider.ErrProtocol, 403: provider.ErrUnsupported, 404: provider.ErrUnsupported, 405: provider.ErrProtocol, 407: provider.ErrUnavailable,
		408: provider.ErrUnavailable, 413: provider.ErrTooLarge, 429: provider.ErrThrottled, 449: provider.ErrUnavailable, 456: provider.ErrAuth,
		500: provider.ErrUnavailable, 501: provider.ErrUnavailable, 502: provider.ErrUnavailable, 503: provider.ErrThrottled, 504: provider.ErrUnavailable,
	} {
		s := newScript(t, func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(status) })
		e := s.fails(t, kind)
		require.Equal(t, fmt.Sprint("HTTP ", status), e.Code)
	}
	s := newScript(t, func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(404) })
	s.fails(t, provider.ErrUnavailable, autodiscovering) // it is looked for again
	s = newScript(t, func(w http.ResponseWriter, _ *http.Request, _ string) { give(w, 403, faultOf("ErrorAccessDenied", "")) })
	require.Equal(t, "ErrorAccessDenied", s.fails(t, provider.ErrUnsupported).Code, "what SOAP says goes before the status")
	s = newScript(t, func(w http.ResponseWriter, _ *http.Request, _ string) { give(w, 503, folderList()) })
	s.fails(t, provider.ErrThrottled) // an answer is none with this status
	s = newScript(t, func(w http.ResponseWriter, _ *http.Request, _ string) { give(w, 500, folderList()) })
	_, err := s.openWith(t, s.driver(), s.account())
	require.NoError(t, err, "500 is read first")
}

// Exchange Online's 403 is told as what it is since October 2026.
func TestExchangeOnlineRetires(t *testing.T) {
	s := newScript(t, func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(403) })
	e := s.fails(t, provider.ErrUnsupported, online, application(new(tokens)))
	for _, words := range []string{"October 2026", "1 April 2027", "Graph"} {
		require.Contains(t, e.Error()+e.Remedy, words)
	}
	require.Equal(t, "ews_blocked", e.Code)
	require.True(t, definite(e), "nothing was sent")
	soap := newScript(t, func(w http.ResponseWriter, _ *http.Request, _ string) { give(w, 403, faultOf("ErrorAccessDenied", "")) })
	e = soap.fails(t, provider.ErrUnsupported, online, application(new(tokens)))
	require.Contains(t, e.Remedy, "Graph", "and as a fault")
	e = s.fails(t, provider.ErrUnsupported)
	require.NotContains(t, e.Error()+e.Remedy, "Graph", "a server on premises goes on")
	require.Equal(t, "HTTP 403", e.Code)

	s = newScript(t, well)
	p, err := s.openWith(t, s.driver(), s.account(online, application(new(tokens))))
	require.NoError(t, err)
	var adviser provider.Adviser = p
	issues, err := adviser.Advise(t.Context())
	require.NoError(t, err)
	require.Len(t, issues, 1)
	require.Equal(t, profile.Warning, issues[0].Level)
	require.Contains(t, issues[0].Message, "15.1.2507.6")
	require.Contains(t, issues[0].Remedy, "Graph")
	p, err = s.openWith(t, s.driver(), s.account())
	require.NoError(t, err)
	issues, err = p.Advise(t.Context())
	require.NoError(t, err)
	require.Equal(t, "exchange-unsupported", issues[0].Code)
	require.Contains(t, issues[0].Message, "Exchange 2016")
	for version, name := range map[string]string{"15.2.2562.17": "", "15.2.1544.4": "Exchange 2019", "15.0.847.32": "Exchange 2013", "14.3.123.4": "Exchange 2010", "15.20.8000.1": "", "": "", "junk": ""} {
		require.Equal(t, name, outOfSupport(version), version)
	}
}

// The hosts of Exchange Online, the sovereign clouds' among them.
func TestOnlineHosts(t *testing.T) {
	s := newScript(t, well)
	for location, want := range map[string]bool{
		"https://outlook.office365.com/EWS/Exchange.asmx": true, "https://OUTLOOK.office365.com./EWS/Exchange.asmx": true, "https://outlook.office365.us/EWS/Exchange.asmx": true,
		"https://webmail.apps.mil/EWS/Exchange.asmx": true, "https://partner.outlook.cn/EWS/Exchange.asmx": true,
		"https://office365.com.example.test/EWS/Exchange.asmx": false, "https://notoffice365.com/EWS/Exchange.asmx": false, "https://mail.example.test/EWS/Exchange.asmx": false,
	} {
		c, err := s.driver().connect(t.Context(), s.account(func(a *provider.Account) { a.Endpoint.URL = location }))
		require.NoError(t, err)
		require.Equal(t, want, c.online(), location)
		c.close()
	}
}

// Exchange Online that refuses what it granted an hour ago is tried again (a mailbox would be
// stopped else); a refusal from the beginning is one.
func TestImpersonationThatFlaps(t *testing.T) {
	denied := false
	s := newScript(t, func(w http.ResponseWriter, r *http.Request, op string) {
		if denied {
			give(w, 500, faultOf("ErrorImpersonateUserDenied", ""))
			return
		}
		well(w, r, op)
	})
	d := s.driver()
	a := s.account(online, application(new(tokens)))
	_, err := s.openWith(t, d, a)
	require.NoError(t, err)
	denied = true
	_, err = s.openWith(t, d, a)
	require.Equal(t, provider.ErrUnavailable, provider.KindOf(err))
	e := s.fails(t, provider.ErrUnsupported, online, application(new(tokens)))
	require.Equal(t, "mailbox_permission", e.Code)
	require.Contains(t, e.Error(), "ErrorImpersonateUserDenied")
	require.Contains(t, e.Remedy, "Application EWS.AccessAsApp", "the scope of an application is not widened by the role for accounts")
}

// The table of response codes has each code once, and no family that takes another kind's code
// unseen.
func TestMeanings(t *testing.T) {
	heard := make(map[string]bool)
	for _, of := range meanings {
		for _, code := range strings.Fields(of.codes) {
			require.False(t, heard[code], "%s is listed twice", code)
			heard[code] = true
			require.True(t, strings.HasPrefix(code, "Error"), code)
		}
	}
	for code, kind := range map[string]provider.Kind{
		"ErrorServerBusy": provider.ErrThrottled, "ErrorMailboxStoreUnavailable": provider.ErrUnavailable, "ErrorInvalidSyncStateData": provider.ErrCursorExpired,
		"ErrorItemNotFound": provider.ErrNotFound, "ErrorMimeContentConversionFailed": provider.ErrBadItem, "ErrorMimeContentInvalid": provider.ErrBadItem,
		"ErrorCalendarOutOfRange": provider.ErrBadItem, "ErrorCalendarOccurrenceIsDeletedFromRecurrence": provider.ErrNotFound,
		"ErrorChangeKeyRequiredForWriteOperations": provider.ErrBadItem, "ErrorMessageSizeExceeded": provider.ErrTooLarge, "ErrorPasswordExpired": provider.ErrAuth,
		"ErrorNonExistentMailbox": provider.ErrUnsupported, "ErrorImpersonateUserDenied": provider.ErrUnsupported, "ErrorOfTomorrow": provider.ErrUnavailable, "": provider.ErrUnavailable,
	} {
		require.Equal(t, kind, meaningOf(code).kind, code)
	}
}

// Faults come in several shapes; a message is judged by its class, and by its code where it has none.
func TestFaultShapes(t *testing.T) {
	read := func(text string) fault {
		r := soap.NewReader(strings.NewReader(text), soap.Limits{})
		e, _ := r.Root()
		return readFault(r, e)
	}
	const ns = ` xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors"`
	require.Equal(t, "ErrorServerBusy", read(`<s:Fault`+ns+`><faultcode>a:ErrorServerBusy</faultcode><faultstring>x</faultstring></s:Fault>`).code)
	require.Equal(t, "ErrorItemNotFound", read(`<s:Fault`+ns+`><faultcode>soap11:Client</faultcode><detail><e:ResponseCode>ErrorItemNotFound</e:ResponseCode><e:Line>1</e:Line></detail></s:Fault>`).code)
	require.Equal(t, "Client", read(`<s:Fault`+ns+`><faultcode>soap11:Client</faultcode></s:Fault>`).code)
	for _, tt := range []struct {
		m    message
		want bool
	}{
		{message{class: "Success", code: "NoError"}, true}, {message{class: "Success"}, true}, {message{class: "Success", code: "ErrorItemNotFound"}, false},
		{message{class: "Error", code: "NoError"}, false}, {message{class: "Warning", code: batchStopped}, false},
		{message{code: "NoError"}, true}, {message{}, false}, {message{class: "undefined", code: "ErrorServerBusy"}, false},
	} {
		require.Equal(t, tt.want, tt.m.succeeded(), "%+v", tt.m)
	}
	err := fault{code: batchStopped}.failure("GetItem")
	require.ErrorIs(t, err, errStopped)
	require.ErrorIs(t, err, provider.ErrUnavailable)
	require.False(t, errors.Is(fault{code: "ErrorInternalServerError"}.failure("GetItem"), errStopped))
}

// X: an application, or an account that acts for others, opens no mailbox by an address with letters that a directory
// would take for other ones.
func TestConfusableAddresses(t *testing.T) {
	s := newScript(t, well)
	for _, address := range []string{"boo\u212a@example.com", "j\u00f6rg@example.com", "\uff42ob@example.com"} {
		named := func(a *provider.Account) { a.Mailbox.Address = address }
		e := s.fails(t, provider.ErrUnsafe, named, application(new(tokens)))
		require.Contains(t, e.Remedy, "ASCII")
	}
}
