package kerberos

import "time"

// SetClock gives a client another clock; nil gives it back the machine's.
func SetClock(c *Client, now func() time.Time) { c.now = now }
