package ewstest

import (
	"bytes"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The digests of RFC 1320, section A.5.
func TestMD4(t *testing.T) {
	withNTLM(t)
	for in, want := range map[string]string{
		"":               "31d6cfe0d16ae931b73c59d7e0c089c0",
		"a":              "bde52cb31de33e46245e05fbdbd6fb24",
		"abc":            "a448017aaf21d8525fc10ae87aa6729d",
		"message digest": "d9130a8164549fe818874806e1c7014b",
		"12345678901234567890123456789012345678901234567890123456789012345678901234567890": "e33b4ddc9c38f2199c3e7b164fcc0536",
	} {
		sum := md4([]byte(in))
		require.Equal(t, want, hex.EncodeToString(sum[:]), in)
	}
}

// The values of MS-NLMP, sections 4.2.4.1.1 and 4.2.4.2.2.
func TestNTLMOfTheSpecification(t *testing.T) {
	withNTLM(t)
	key := ntlmKey("Password", "User", "Domain")
	require.Equal(t, "0c868a403bfd7a93a3001ef22ef02e3f", hex.EncodeToString(key))
	blob, err := hex.DecodeString("01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000")
	require.NoError(t, err)
	challenge, err := hex.DecodeString("0123456789abcdef")
	require.NoError(t, err)
	require.Equal(t, "68cd0ab851e51c96aabc927bebef6a1c", hex.EncodeToString(hmacMD5(key, challenge, blob)))
}

// withNTLM skips a test of NTLM where its digests are not to be had.
func withNTLM(t *testing.T) {
	t.Helper()
	if fips140.Enabled() {
		t.Skip("NTLM needs MD4 and MD5, which FIPS 140 does not approve")
	}
}

var negotiateMessage = append([]byte("NTLMSSP\x00\x01\x00\x00\x00\x07\x82\x08\xa2"), make([]byte, 24)...)

// authenticate answers a challenge. mic and binding are left out if false and nil.
func authenticate(second []byte, domain, user, password string, mic bool, binding []byte) []byte {
	info, _ := ntlmField(second, 40)
	info = bytes.Clone(info[:len(info)-4])
	pair := func(id uint16, v []byte) {
		info = binary.LittleEndian.AppendUint16(info, id)
		info = binary.LittleEndian.AppendUint16(info, uint16(len(v)))
		info = append(info, v...)
	}
	if mic {
		pair(6, []byte{2, 0, 0, 0})
	}
	if binding != nil {
		pair(10, binding)
	}
	pair(0, nil)
	blob := append([]byte{1, 1, 0, 0, 0, 0, 0, 0}, make([]byte, 8)...) // time 0
	blob = append(blob, "12345678"...)
	blob = append(append(append(blob, 0, 0, 0, 0), info...), 0, 0, 0, 0)
	digest := md4(utf16le(password))
	mac := func(key []byte, parts ...[]byte) []byte {
		h := hmac.New(md5.New, key)
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	key := mac(digest[:], utf16le(strings.ToUpper(user)+domain))
	proof := mac(key, second[24:32], blob)
	m := append([]byte("NTLMSSP\x00\x03\x00\x00\x00"), make([]byte, 76)...)
	put := func(at int, v []byte) {
		binary.LittleEndian.PutUint16(m[at:], uint16(len(v)))
		binary.LittleEndian.PutUint16(m[at+2:], uint16(len(v)))
		binary.LittleEndian.PutUint32(m[at+4:], uint32(len(m)))
		m = append(m, v...)
	}
	put(12, nil)
	put(28, utf16le(domain))
	put(36, utf16le(user))
	put(44, utf16le("WS"))
	put(20, append(proof, blob...))
	if mic {
		copy(m[72:], mac(mac(key, proof), negotiateMessage, second, m))
	}
	return m
}

// leg sends a message of the handshake and returns the answer, with what the server said.
func (c *client) leg(scheme string, message []byte) (answered, []byte) {
	c.t.Helper()
	r := c.request(http.MethodPost, c.s.URL(), soapOf(asked, zonesRequest))
	r.Header.Set("Authorization", scheme+" "+base64.StdEncoding.EncodeToString(message))
	a := c.do(r)
	_, said, _ := strings.Cut(a.header.Get("WWW-Authenticate"), scheme+" ")
	b, _ := base64.StdEncoding.DecodeString(said)
	return a, b
}

func (c *client) handshake(scheme, domain, user, password string, mic bool, binding []byte) answered {
	c.t.Helper()
	first, second := c.leg(scheme, negotiateMessage)
	require.Equal(c.t, 401, first.status)
	require.Len(c.t, first.header.Values("WWW-Authenticate"), 1)
	got, _ := c.leg(scheme, authenticate(second, domain, user, password, mic, binding))
	return got
}

// NTLM signs the connection in, and no other one.
func TestNTLMSignsTheConnectionIn(t *testing.T) {
	withNTLM(t)
	s := start(t, Options{Schemes: []string{"Negotiate", "NTLM"}})
	for _, scheme := range []string{"NTLM", "Negotiate"} {
		for _, name := range [][2]string{{"EXAMPLE", "user"}, {"", "user@example.com"}, {"example.com", "User"}, {"", `user`}} {
			c, other := newClient(t, s), newClient(t, s)
			c.header.Del("Authorization")
			other.header.Del("Authorization")
			require.Equal(t, []string{"Negotiate", "NTLM"}, c.zones("").header.Values("WWW-Authenticate"))
			got := c.handshake(scheme, name[0], name[1], "secret", scheme == "NTLM", nil)
			require.Equal(t, 200, got.status, name)
			require.Equal(t, "true", got.header.Get("Persistent-Auth"))
			require.Equal(t, 200, c.zones("").status)
			require.Equal(t, 401, other.zones("").status)
		}
	}
	require.EqualValues(t, 8, s.Counts().SignIns)
}

func TestNTLMRefuses(t *testing.T) {
	withNTLM(t)
	s := start(t, Options{Schemes: []string{"NTLM"}})
	c := newClient(t, s)
	c.header.Del("Authorization")
	require.Equal(t, 401, c.handshake("NTLM", "EXAMPLE", "user", "wrong", false, nil).status)
	require.Equal(t, 401, c.handshake("NTLM", "EXAMPLE", "nobody", "secret", false, nil).status)
	require.Equal(t, 401, c.handshake("NTLM", "OTHER", "user", "secret", false, nil).status)
	_, second := c.leg("NTLM", negotiateMessage)
	third := authenticate(second, "EXAMPLE", "user", "secret", true, nil)
	third[75] ^= 1 // of the code
	got, _ := c.leg("NTLM", third)
	require.Equal(t, 401, got.status)
	for _, nonsense := range [][]byte{nil, []byte("x"), []byte("NTLMSSP\x00\x03\x00\x00\x00"), bytes.Repeat([]byte{0xff}, 100), third[:70]} {
		got, _ = c.leg("NTLM", nonsense)
		require.Equal(t, 401, got.status)
	}
	// A challenge is for one answer, on its own connection.
	_, second = c.leg("NTLM", negotiateMessage)
	good := authenticate(second, "EXAMPLE", "user", "secret", true, nil)
	other := newClient(t, s)
	got, _ = other.leg("NTLM", good)
	require.Equal(t, 401, got.status)
	got, _ = c.leg("NTLM", good)
	require.Equal(t, 200, got.status)
	got, _ = c.leg("NTLM", good)
	require.Equal(t, 401, got.status)
	require.Equal(t, 401, c.zones("").status, "who begins anew is no longer signed in")
	require.Equal(t, 200, c.handshake("NTLM", "EXAMPLE", "user", "secret", false, nil).status)
	s.Refuse()
	require.Equal(t, 401, c.zones("").status)
}

func TestNTLMIsForgotten(t *testing.T) {
	withNTLM(t)
	c := newClient(t, start(t, Options{Forgetful: true}))
	c.header.Del("Authorization")
	got := c.handshake("NTLM", "EXAMPLE", "user", "secret", false, nil)
	require.Equal(t, 200, got.status)
	require.Equal(t, "false", got.header.Get("Persistent-Auth"))
	require.Equal(t, 401, c.zones("").status)
}

// With Extended Protection the message names the certificate of the channel it came by.
func TestNTLMNamesItsChannel(t *testing.T) {
	withNTLM(t)
	s := start(t, Options{Binding: true})
	conn, err := tls.Dial("tcp", s.Addr(), &tls.Config{RootCAs: s.CertPool()})
	require.NoError(t, err)
	digest := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].Raw)
	require.NoError(t, conn.Close())
	data := append([]byte("tls-server-end-point:"), digest[:]...)
	sum := md5.Sum(append(append(make([]byte, 16), byte(len(data)), 0, 0, 0), data...))
	c := newClient(t, s)
	c.header.Del("Authorization")
	require.Equal(t, 401, c.handshake("NTLM", "EXAMPLE", "user", "secret", true, nil).status)
	require.Equal(t, 401, c.handshake("NTLM", "EXAMPLE", "user", "secret", true, make([]byte, 16)).status)
	require.Equal(t, 200, c.handshake("NTLM", "EXAMPLE", "user", "secret", true, sum[:]).status)
}

// A large request is read to its end before it is refused, for the connection is needed again.
func TestNTLMWithLargeRequests(t *testing.T) {
	withNTLM(t)
	c := newClient(t, start(t, Options{}))
	c.header.Del("Authorization")
	for range 3 {
		require.Equal(t, 401, c.post(strings.Repeat("x", 1<<20)).status)
	}
	require.EqualValues(t, 1, c.s.Counts().Connections)
}
