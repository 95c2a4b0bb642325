package s2stest

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// raw asks for a token and returns whatever comes.
func raw(i *Issuer, ctx context.Context, path, secret string) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.URL+path, strings.NewReader(bySecret(secret).Encode()))
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := i.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, string(body), err
}

// Faults that stand for what is between, or for an issuer that is not well (TOK-C).
func TestFaultsInPlaceOfAnAnswer(t *testing.T) {
	i, _ := withApp(t, Options{})
	for name, f := range map[string]struct {
		fault  Fault
		status int
		header string
		value  string
		body   string
	}{
		"throttled":   {Throttled("17"), 429, "Retry-After", "17", "busy"},
		"unavailable": {Unavailable(""), 503, "Retry-After", "", "busy"},
		"crashed":     {Crashed(), 500, "Content-Type", "text/html; charset=utf-8", "<h1>500"},
		"login page":  {LoginPage(), 200, "Content-Type", "text/html; charset=utf-8", "<form"},
		"redirect":    {Redirect("https://elsewhere.example/"), 302, "Location", "https://elsewhere.example/", ""},
		"large":       {Large(3 << 20), 200, "Content-Type", "application/json; charset=utf-8", "xxxx"},
	} {
		i.SetFault(f.fault)
		res, body, err := raw(i, context.Background(), tokenPath, "correct horse")
		require.NoError(t, err, name)
		assert.Equal(t, f.status, res.StatusCode, name)
		assert.Equal(t, f.value, res.Header.Get(f.header), name)
		assert.Contains(t, body, f.body, name)
		if name == "large" {
			assert.Greater(t, len(body), 3<<20)
		}
		assert.Equal(t, []int{1}, i.Faulted())
	}
	assert.Zero(t, i.Counts().Tokens)
}

// TOK-A and TOK-B: answers that are odd, and refusals that repeat what must not be repeated.
func TestFaultsInTheAnswer(t *testing.T) {
	i, c := withApp(t, Options{})
	for _, odd := range []any{-1, 0, "3600", 1e12} {
		i.SetFault(ExpiresIn(odd))
		a := ask(t, i, tokenPath, bySecret("correct horse"))
		assert.EqualValues(t, odd, a.In)
		_, err := i.Verify(a.Token)
		assert.NoError(t, err)
	}
	i.SetFault(ExpiresIn(nil))
	assert.Nil(t, ask(t, i, tokenPath, bySecret("correct horse")).In)
	i.SetFault(NoToken())
	a := ask(t, i, tokenPath, bySecret("correct horse"))
	assert.Empty(t, a.Token)
	assert.Equal(t, "Bearer", a.Type)
	i.SetFault(LongToken(1 << 20))
	assert.Len(t, ask(t, i, tokenPath, bySecret("correct horse")).Token, 1<<20)
	i.SetFault(FoldedToken())
	assert.Contains(t, ask(t, i, tokenPath, bySecret("correct horse")).Token, "\r\n")

	i.SetFault(Echo())
	assert.Contains(t, ask(t, i, tokenPath, bySecret("correct horse")).Text, "'correct horse'")
	form := right(i, c).form(t)
	assert.Contains(t, ask(t, i, tokenPath, form).Text, form.Get("client_assertion"))

	i.SetFault(Refused(7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."))
	refused(t, i, ask(t, i, tokenPath, bySecret("correct horse")), 7000218, 401, "invalid_client")
	busy := Refused(90033, "A transient error has occurred. Please try again.")
	busy.Status, busy.Header = http.StatusServiceUnavailable, http.Header{"Retry-After": {"3"}}
	i.SetFault(busy)
	a = ask(t, i, tokenPath, bySecret("correct horse"))
	refused(t, i, a, 90033, 503, "temporarily_unavailable")
	assert.Equal(t, "3", a.header.Get("Retry-After"))
	i.SetFault(Challenge(`{"access_token":{"capolids":{"essential":true,"values":["x"]}}}`))
	a = ask(t, i, tokenPath, bySecret("correct horse"))
	refused(t, i, a, 53003, 400, "invalid_grant")
	assert.JSONEq(t, `{"access_token":{"capolids":{"essential":true,"values":["x"]}}}`, a.Claims)
}

// A connection is closed before what was asked for is done, or behind it.
func TestLost(t *testing.T) {
	i, _ := withApp(t, Options{})
	for _, after := range []bool{false, true} {
		before := i.Counts().Tokens
		i.SetFault(Fault{Lose: true, After: after})
		_, _, err := raw(i, context.Background(), tokenPath, "correct horse")
		require.Error(t, err)
		assert.Equal(t, after, i.Counts().Tokens == before+1)
	}
	assert.Zero(t, i.Counts().InFlight)
}

// Faults go by place, tenant, application and number.
func TestWhichRequestsFail(t *testing.T) {
	i, _ := withApp(t, Options{})
	const second = "c0ffee00-1111-4222-8333-00000000000c"
	require.NoError(t, i.Register(Application{ID: second, Secrets: []Secret{{Value: "s"}}}))
	require.NoError(t, i.Consent(Fabrikam, app))
	f := Throttled("1")
	f.Tenant, f.Application, f.Skip, f.Times = ContosoDomain, app, 1, 2
	crashed := Crashed()
	crashed.Place = Discovery
	i.SetFault(f, crashed)
	var got []int
	for range 5 {
		for _, path := range []string{tokenPath, "/" + Fabrikam + "/oauth2/v2.0/token"} {
			res, _, err := raw(i, context.Background(), path, "correct horse")
			require.NoError(t, err)
			got = append(got, res.StatusCode)
		}
		form := bySecret("s")
		form.Set("client_id", second)
		assert.Equal(t, http.StatusOK, ask(t, i, tokenPath, form).status)
	}
	assert.Equal(t, []int{200, 200, 429, 200, 429, 200, 200, 200, 200, 200}, got)
	assert.Equal(t, []int{2, 0}, i.Faulted())
	assert.Equal(t, 5, i.RequestsOf(ContosoDomain, app))
	assert.Equal(t, 10, i.RequestsOf("", app))
	res, err := i.Client().Get(i.URL + "/" + Contoso + "/v2.0/.well-known/openid-configuration")
	require.NoError(t, err)
	res.Body.Close()
	assert.Equal(t, http.StatusInternalServerError, res.StatusCode)

	chance := Crashed()
	chance.Chance = 0.5
	i.SetFault(chance)
	for range 40 {
		raw(i, context.Background(), tokenPath, "correct horse")
	}
	n := i.Faulted()[0]
	assert.True(t, n > 5 && n < 35, "%d of 40", n)
}

// Requests that are held are let go when the test says so, when the client has gone, and when the issuer
// is closed.
func TestHeld(t *testing.T) {
	i, _ := withApp(t, Options{})
	free := make(chan struct{})
	i.SetFault(Fault{Until: free})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			res, _, err := raw(i, context.Background(), tokenPath, "correct horse")
			if assert.NoError(t, err) {
				assert.Equal(t, http.StatusOK, res.StatusCode)
			}
		})
	}
	require.Eventually(t, func() bool { return i.Counts().InFlight == 8 }, 30*time.Second, time.Millisecond)
	close(free)
	all.Wait()
	assert.Equal(t, 8, i.Counts().Most)

	i.SetFault(Fault{Hang: true})
	ctx, cancel := context.WithCancel(context.Background())
	all.Go(func() {
		_, _, err := raw(i, ctx, tokenPath, "correct horse")
		assert.ErrorIs(t, err, context.Canceled)
	})
	require.Eventually(t, func() bool { return i.Counts().InFlight == 1 }, 30*time.Second, time.Millisecond)
	cancel()
	all.Wait()
	require.Eventually(t, func() bool { return i.Counts().InFlight == 0 }, 30*time.Second, time.Millisecond)
	all.Go(func() {
		_, _, err := raw(i, context.Background(), tokenPath, "correct horse")
		assert.Error(t, err)
	})
	require.Eventually(t, func() bool { return i.Counts().InFlight == 1 }, 30*time.Second, time.Millisecond)
	i.Close()
	all.Wait()
	require.Eventually(t, func() bool { return i.Counts().InFlight == 0 }, 30*time.Second, time.Millisecond)
}

// Its clock may be off: then it says another Date and judges times by it (TOK-4).
func TestClock(t *testing.T) {
	i, c := withApp(t, Options{})
	honest := right(i, c)
	i.SetClock(time.Hour)
	a := ask(t, i, tokenPath, honest.form(t))
	refused(t, i, a, 700024, 401, "invalid_client")
	date, err := http.ParseTime(a.header.Get("Date"))
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now().Add(time.Hour), date, time.Minute)
	a = ask(t, i, tokenPath, right(i, c).form(t)) // by the issuer's time
	require.Equal(t, http.StatusOK, a.status, a.Text)
	_, err = i.Verify(a.Token)
	require.NoError(t, err)
	i.SetClock(3 * time.Hour)
	_, err = i.Verify(a.Token)
	require.EqualError(t, err, "s2stest: the token has expired")
	i.SetClock(-time.Hour)
	_, err = i.Verify(a.Token)
	require.EqualError(t, err, "s2stest: the token is not good yet")
}

// In memory it runs in virtual time: slow answers cost none, and tokens end when they say so.
func TestVirtualTime(t *testing.T) {
	if fips() {
		t.Skip("Go's entropy source measures time, which stands still in a bubble")
	}
	synctest.Test(t, func(t *testing.T) {
		i, err := NewInMemory(Options{Life: time.Hour, Applications: []Application{{ID: app, Secrets: []Secret{{Value: "correct horse"}}}}})
		require.NoError(t, err)
		defer i.Close()
		i.SetFault(Fault{Delay: 20 * time.Minute})
		began := time.Now()
		a := ask(t, i, tokenPath, bySecret("correct horse"))
		require.Equal(t, http.StatusOK, a.status)
		assert.Equal(t, 20*time.Minute, time.Since(began))
		assert.EqualValues(t, 3599, a.In)
		time.Sleep(59 * time.Minute)
		_, err = i.Verify(a.Token)
		require.NoError(t, err)
		time.Sleep(time.Minute)
		_, err = i.Verify(a.Token)
		require.Error(t, err)

		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, _, err = raw(i, ctx, tokenPath, "correct horse")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		i.SetFault(Fault{Lose: true})
		_, _, err = raw(i, context.Background(), tokenPath, "correct horse")
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	})
}
