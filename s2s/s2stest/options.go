package s2stest

import (
	"cmp"
	"crypto/rsa"
	"crypto/x509"
	"time"
)

// The tenants of an Issuer whose Options name none.
const (
	Contoso        = "a1b2c3d4-0000-4000-8000-00000c0a7050"
	ContosoDomain  = "contoso.example"
	Fabrikam       = "a1b2c3d4-0000-4000-8000-0000fab21ca0"
	FabrikamDomain = "fabrikam.example"
)

// ContosoServer is an Exchange Server that Contoso has in hybrid modern authentication: its address is
// one more audience of Exchange Online's in that tenant.
const ContosoServer = "https://mail.contoso.example"

// The usual resources, by their application ids, which are the same in every tenant.
const (
	ExchangeOnline = "00000002-0000-0ff1-ce00-000000000000"
	Graph          = "00000003-0000-0000-c000-000000000000"
)

// Options says what issuer is wanted. The zero Options is one with the tenants Contoso and Fabrikam,
// Exchange Online and Graph in both of them, and no application.
type Options struct {
	Tenants      []Tenant
	Resources    []Resource // Default: UsualResources()
	Applications []Application
	Identities   []Identity // managed ones

	// Life is how long a token is good. Default: a random time between 60 and 90 minutes for each.
	Life time.Duration

	// Skew is how far a client's clock may be off. Default: 5 min.
	Skew time.Duration

	// Replays lets an assertion prove its application more than once, until it ends. Entra ID is known
	// to do so. The issuer refuses it by default, as RFC 7523 (section 3) allows, so that a test finds
	// out who does not make each one anew. A retry by who lost an answer then needs a new one too.
	Replays bool

	// Hosts are further names that it answers to, such as login.microsoftonline.com: what it says of
	// itself then has the name that it was asked by. [Issuer.Client] finds it by each of them.
	Hosts []string

	// Now tells the time. Default: time.Now.
	Now func() time.Time

	// Key signs tokens until RotateKeys. Default: one of its own. To make one takes most of the time that
	// it takes to make an issuer.
	Key *rsa.PrivateKey

	Faults []Fault // as by SetFault
	Seed   uint64  // of the chance in faults
}

// A Tenant is an organization's directory.
type Tenant struct {
	ID      string   // a GUID
	Domains []string // that are verified
	Name    string   // as refusals name it. Default: the first domain

	// Servers are addresses such as https://mail.contoso.example that hybrid modern authentication adds
	// to Exchange Online's audiences.
	Servers []string
}

// A Resource is what tokens are for.
type Resource struct {
	ID        string   // its application id, a GUID
	Name      string   // for people
	Audiences []string // its addresses
	Roles     []string // that applications may be granted. Default: any
}

// An Application is a registration in its home tenant.
type Application struct {
	ID          string // its client id, a GUID
	Name        string
	Tenant      string // its home, by id or domain. Default: the first tenant
	Multitenant bool   // other tenants may consent to it

	Certificates []*x509.Certificate // registered ones, which prove it by their thumbprints
	Trusts       []Trust
	Secrets      []Secret
	Federations  []Federation

	NoPrincipal bool // it has no service principal at home either, until Consent makes one
}

// A Trust makes certificates prove an application by their subject's name and who issued them. The
// assertion has to bring the chain (x5c).
type Trust struct {
	Name      string            // the common name, or one of the DNS names
	Authority *x509.Certificate // who has issued it, directly or not
}

// A Secret proves an application until it expires; never, if Expires is zero.
type Secret struct {
	Value   string
	Expires time.Time
}

// A Federation makes assertions of another issuer prove an application, as those of a Kubernetes
// cluster do.
type Federation struct {
	Issuer   string         // Default: the Issuer itself, see [Issuer.Federated]
	Subject  string         // whom the assertion is about, letter by letter
	Audience string         // Default: api://AzureADTokenExchange
	Key      *rsa.PublicKey // the other issuer's. Default: the Issuer's own
}

// An Identity is a managed identity: an application that proves itself by where it runs.
type Identity struct {
	ClientID string // a GUID
	Tenant   string // by id or domain. Default: the first tenant
	Resource string // its resource id, such as /subscriptions/…
	System   bool   // it is the one that is meant where none is named
}

// UsualResources returns Exchange Online and Graph, with the addresses of every cloud.
func UsualResources() []Resource {
	return []Resource{
		{ID: ExchangeOnline, Name: "Office 365 Exchange Online", Audiences: []string{
			"https://outlook.office365.com", "https://outlook.office.com", "https://ps.outlook.com",
			"https://outlook.office365.us", "https://outlook-dod.office365.us", "https://webmail.apps.mil", "https://partner.outlook.cn",
		}, Roles: []string{
			"full_access_as_app", "IMAP.AccessAsApp", "POP.AccessAsApp", "SMTP.SendAsApp", "Exchange.ManageAsApp",
			"Mail.Read", "Mail.ReadWrite", "Mail.Send", "Calendars.ReadWrite.All", "Contacts.ReadWrite", "Tasks.ReadWrite", "MailboxSettings.Read",
		}},
		{ID: Graph, Name: "Microsoft Graph", Audiences: []string{
			"https://graph.microsoft.com", "https://graph.microsoft.us", "https://dod-graph.microsoft.us", "https://microsoftgraph.chinacloudapi.cn",
		}},
	}
}

func (o Options) withDefaults() Options {
	if o.Tenants == nil {
		o.Tenants = []Tenant{
			{ID: Contoso, Domains: []string{ContosoDomain}, Name: "Contoso", Servers: []string{ContosoServer}},
			{ID: Fabrikam, Domains: []string{FabrikamDomain}, Name: "Fabrikam"},
		}
	}
	if o.Resources == nil {
		o.Resources = UsualResources()
	}
	o.Skew = cmp.Or(o.Skew, 5*time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}
