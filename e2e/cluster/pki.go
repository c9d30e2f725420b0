package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"time"
)

// Identities, each with its files NAME.crt and NAME.key.
const (
	admin      = "admin"
	frontProxy = "front-proxy"
	kwokUser   = "kwok"
	tokenKey   = "service-account.key"
)

// certificate says for whom a certificate is issued.
type certificate struct {
	file         string
	user         string
	organization []string
	names        []string
	addresses    []net.IP
}

// writeIdentities makes the two authorities, every certificate, the key that
// signs ServiceAccount tokens, and a kubeconfig for each client.
func writeIdentities(state state, server string) error {
	cluster, err := newAuthority(state, "ca")
	if err != nil {
		return err
	}
	proxies, err := newAuthority(state, "front-proxy-ca")
	if err != nil {
		return err
	}
	if err := proxies.issue(certificate{file: frontProxy, user: frontProxy}); err != nil {
		return err
	}
	for _, wanted := range clusterCertificates() {
		if err := cluster.issue(wanted); err != nil {
			return err
		}
	}
	for _, client := range []string{admin, "kube-controller-manager", "kube-scheduler", kubeletUser, kubeProxyUser, kwokUser} {
		if err := writeKubeconfig(state, client, server); err != nil {
			return err
		}
	}
	return writeTokenKey(state)
}

func clusterCertificates() []certificate {
	loopback := net.IPv4(127, 0, 0, 1)
	masters := []string{"system:masters"}
	return []certificate{
		{
			file:      "kube-apiserver",
			user:      "kube-apiserver",
			names:     []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
			addresses: []net.IP{loopback, net.IPv4(10, 96, 0, 1), net.ParseIP(nodeAddress)},
		},
		{file: admin, user: admin, organization: masters},
		{file: "kube-controller-manager", user: "system:kube-controller-manager"},
		{file: "kube-scheduler", user: "system:kube-scheduler"},
		{file: kubeletUser, user: "system:node:" + nodeName, organization: []string{"system:nodes"}},
		{file: kubeProxyUser, user: "system:kube-proxy"},
		{file: kwokUser, user: kwokUser, organization: masters, names: []string{"localhost"}, addresses: []net.IP{loopback}},
	}
}

// authority signs certificates.
type authority struct {
	state       state
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(state state, name string) (authority, error) {
	key, err := newKey()
	if err != nil {
		return authority{}, err
	}
	template := validNow(name)
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return authority{}, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return authority{}, err
	}
	return authority{state, parsed, key}, writePair(state, name, der, key)
}

// issue writes a certificate that is good for a client and for a server.
func (a authority) issue(wanted certificate) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	template := validNow(wanted.user)
	template.Subject.Organization = wanted.organization
	template.DNSNames = wanted.names
	template.IPAddresses = wanted.addresses
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		return err
	}
	return writePair(a.state, wanted.file, der, key)
}

// validNow is a template with the hour before and the year to come.
func validNow(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(1, 0, 0),
	}
}

func newKey() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func writePair(state state, name string, der []byte, key *ecdsa.PrivateKey) error {
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(state.path(name+".crt"), "CERTIFICATE", der); err != nil {
		return err
	}
	return writePEM(state.path(name+".key"), "PRIVATE KEY", secret)
}

// writeTokenKey uses the older encoding: out of the newer one kube-apiserver
// does not read the public half.
func writeTokenKey(state state) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(state.path(tokenKey), "EC PRIVATE KEY", secret)
}

func writePEM(path, kind string, content []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600)
}
