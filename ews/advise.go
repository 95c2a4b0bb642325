package ews

import (
	"context"

	"github.com/go-serversync/serversync/profile"
)

// Advise says what a person should know of a server that works: codes ews-retired, for Exchange
// Online, and exchange-unsupported, for servers that Microsoft mends no more. It asks the server
// again only if it has not said yet which it is.
func (s *session) Advise(ctx context.Context) (all profile.Issues, err error) {
	c := s.client
	if c.server() == "" {
		if err := s.Check(ctx); err != nil {
			return nil, err
		}
	}
	version := c.server()
	if c.online() {
		message := retired
		if version != "" {
			message += "; this server says that it is Exchange " + version
		}
		return append(all, profile.Issue{Code: "ews-retired", Level: profile.Warning, Field: "Kind", Message: message, Remedy: remedyRetired}), nil
	}
	if name := outOfSupport(version); name != "" {
		all = append(all, profile.Issue{Code: "exchange-unsupported", Level: profile.Info, Field: "Exchange",
			Message: "the server is " + name + " (" + version + "), for which Microsoft makes no security updates any more",
			Remedy:  "move to Exchange Server Subscription Edition"})
	}
	return all, nil
}
