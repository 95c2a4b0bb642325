package signin

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
)

// channelBinding returns what is the same at both ends of a connection, and its name:
// tls-exporter (RFC 9266) for TLS 1.3, else tls-server-end-point (RFC 5929, section 4).
// The name is "" where there is none.
func channelBinding(state *tls.ConnectionState) (name string, data []byte) {
	if state == nil || !state.HandshakeComplete {
		return "", nil
	}
	if state.Version >= tls.VersionTLS13 {
		data, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
		if err != nil {
			return "", nil
		}
		return "tls-exporter", data
	}
	if len(state.PeerCertificates) == 0 {
		return "", nil
	}
	cert := state.PeerCertificates[0]
	hash := hashOf(cert.SignatureAlgorithm)
	if hash == 0 {
		return "", nil
	}
	h := hash.New()
	h.Write(cert.Raw)
	return "tls-server-end-point", h.Sum(nil)
}

// hashOf returns the hash function of a certificate's signature; SHA-256 where it
// is an older one, and 0 where there is none.
func hashOf(a x509.SignatureAlgorithm) crypto.Hash {
	switch a {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1,
		x509.SHA256WithRSA, x509.SHA256WithRSAPSS, x509.ECDSAWithSHA256:
		return crypto.SHA256
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		return crypto.SHA384
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		return crypto.SHA512
	}
	return 0
}
