package s2stest

import (
	"net/url"
	"slices"
	"strings"
)

// takeEntra checks a token of Entra ID.
func (e *Exchange) takeEntra(token string, claims map[string]any) (exchangeBearer, exchangeRefusal) {
	var who exchangeBearer
	moment := func(name string) int64 {
		n, _ := claims[name].(float64)
		return int64(min(max(n, 0), 1<<53))
	}
	issuer := exchangeText(claims, "iss")
	if e.Verify == nil {
		return who, refusedIssuer(issuer)
	}
	if why := e.live(moment("nbf"), moment("exp")); why != "" {
		return who, why
	}
	claims, err := e.Verify(token)
	if err != nil {
		return who, refusedSignature
	}
	if why := e.audience(exchangeText(claims, "aud")); why != "" {
		return who, why
	}
	if e.Tenant != "" && !strings.EqualFold(exchangeText(claims, "tid"), e.Tenant) {
		return who, refusedIssuer(issuer)
	}
	if who.permissions = strings.Fields(exchangeText(claims, "scp")); len(who.permissions) > 0 {
		return e.user(who, claims)
	}
	roles, _ := claims["roles"].([]any)
	for _, r := range roles {
		if name, ok := r.(string); ok {
			who.permissions = append(who.permissions, name)
		}
	}
	application := exchangeText(claims, "appid")
	if application == "" {
		application = exchangeText(claims, "azp")
	}
	who.principal, _ = exchangeOf(e.Principals, application)
	return who, ""
}

// user takes a token of Entra ID that names who has signed in.
func (e *Exchange) user(who exchangeBearer, claims map[string]any) (exchangeBearer, exchangeRefusal) {
	users := e.named(exchangeText(claims, "upn"), exchangeText(claims, "smtp"))
	switch len(users) {
	case 0:
		return who, refusedNoUser
	case 1:
		who.address = users[0]
		return who, ""
	}
	return who, refusedTwoUsers
}

// audience checks what a token of Entra ID is for.
func (e *Exchange) audience(aud string) exchangeRefusal {
	plain := strings.TrimSuffix(aud, "/")
	if plain == exchangeItself || slices.ContainsFunc(e.Audiences, func(a string) bool { return strings.EqualFold(strings.TrimSuffix(a, "/"), plain) }) {
		return ""
	}
	for _, host := range e.Hosts {
		if strings.EqualFold(plain, "https://"+host) {
			return ""
		}
	}
	if at, err := url.Parse(aud); err == nil && at.Host != "" && len(e.Hosts) > 0 {
		return refusedHost("https://"+e.host(), at.Scheme+"://"+at.Host)
	}
	return refusedAudience
}
