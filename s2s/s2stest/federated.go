package s2stest

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// exchangeAudience is whom federated assertions are for.
const exchangeAudience = "api://AzureADTokenExchange"

// federation is where the issuer issues assertions of its own, as a cluster does.
func (i *Issuer) federation() string { return i.URL + "/federation" }

// Federated returns an assertion about a subject, such as system:serviceaccount:crm:sync, as a cluster
// puts into a workload's file. audience "" is api://AzureADTokenExchange, life 0 an hour.
func (i *Issuer) Federated(subject, audience string, life time.Duration) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.now()
	return i.sign(jwt.MapClaims{
		"iss": i.federation(), "sub": subject, "aud": []string{cmp.Or(audience, exchangeAudience)}, "jti": rand.Text(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(cmp.Or(life, time.Hour)).Unix(),
	})
}

// isFederated reports whether an assertion is another issuer's.
func (a *assertion) isFederated() bool { return strings.HasPrefix(a.issuer, "https://") }

// proveFederated judges an assertion of another issuer. It may be used again, for a cluster makes a new
// one each hour only. i.mu is held.
func (i *Issuer) proveFederated(a *assertion, app *application) *refusal {
	const check = " Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
	all := app.Federations
	if len(all) == 0 {
		return refuse(70025, "The client '%s'(%s) has no configured federated identity credentials.", app.ID, app.Name)
	}
	only := func(fits func(Federation) bool) bool {
		all = slices.DeleteFunc(slices.Clone(all), func(f Federation) bool { return !fits(f) })
		return len(all) > 0
	}
	if !only(func(f Federation) bool { return cmp.Or(f.Issuer, i.federation()) == a.issuer }) {
		return refuse(700211, "No matching federated identity record found for presented assertion issuer '%s'."+check, a.issuer)
	}
	if !only(func(f Federation) bool { return f.Subject == a.subject }) {
		return refuse(700213, "No matching federated identity record found for presented assertion subject '%s'."+check, a.subject)
	}
	if !only(func(f Federation) bool { return slices.Contains(a.audience, cmp.Or(f.Audience, exchangeAudience)) }) {
		return refuse(700212, "No matching federated identity record found for presented assertion audience '%s'."+check, strings.Join(a.audience, "', '"))
	}
	if !only(func(f Federation) bool { return slices.ContainsFunc(i.keysOf(f), a.signedBy) }) {
		// By which number Entra says so of another issuer's assertion is not known.
		return unnumbered("federated-signature", "The federated assertion's signature is wrong.")
	}
	if r := i.timely(a); r != nil {
		return r
	}
	i.counts.Federated++
	return nil
}

// keysOf returns the keys of a federation's issuer. i.mu is held.
func (i *Issuer) keysOf(f Federation) []*rsa.PublicKey {
	if f.Key != nil {
		return []*rsa.PublicKey{f.Key}
	}
	var keys []*rsa.PublicKey
	for _, k := range i.keys {
		keys = append(keys, k.Public)
	}
	return keys
}
