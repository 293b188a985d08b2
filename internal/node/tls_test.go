package node

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
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates of nodes.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// issue puts a certificate for this host, its key and the authorities that are trusted into files.
func (a authority) issue(t *testing.T, dir string, trusted ...authority) TLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "node"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files := TLS{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "ca.pem")}
	all := a.pem
	for _, other := range trusted {
		all = append(all, other.pem...)
	}
	for name, b := range map[string][]byte{
		files.Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		files.Key:         pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}),
		files.Authority:   all,
	} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func (f TLS) env() []string {
	return []string{
		"PERDURE_NETWORKING__TLS_CERTIFICATE=" + f.Certificate, "PERDURE_NETWORKING__TLS_KEY=" + f.Key,
		"PERDURE_NETWORKING__TLS_AUTHORITY=" + f.Authority,
	}
}

// Nodes with certificates of one authority form a cluster and take over new certificates, of another
// authority, while they run. Nodes without, or with those of a stranger, are refused.
func TestCertificates(t *testing.T) {
	t.Parallel()
	first, second := newAuthority(t), newAuthority(t)
	dir := t.TempDir()
	files := first.issue(t, dir)
	c := newCluster(t, 3, files.env()...)
	seeds := strings.ReplaceAll(c.seeds(c.nodes...), "http://", "https://")
	for _, n := range c.nodes {
		n.start(seeds)
	}
	c.awaitSettled(3, c.nodes...)
	c.nodes[0].register(startServices(t))
	l := startLoad(t, "tls", c.nodes[0], c.nodes[1])
	l.more(20)

	// Both authorities are trusted for a while, then only the new one.
	first.issue(t, dir, second)
	second.issue(t, dir, first)
	second.issue(t, dir)
	c.nodes[2].kill()
	l.more(20)
	c.nodes[2].start(seeds)
	c.awaitSettled(3, c.nodes...)
	l.more(20)
	l.stop(c.nodes[2])
	c.awaitSameCount(c.nodes...)
	c.awaitComputedElsewhere(c.nodes...)

	t.Run("without certificates", func(t *testing.T) {
		cfg := testConfig(t)
		cfg.NodeName, cfg.ClusterName = "plain", "test"
		cfg.MetadataClient.Addresses = []string{"http://" + c.nodes[0].fabric}
		wantText(t, refusal(t, cfg), "requires TLS between nodes", "networking.tls-certificate")
	})
	t.Run("of a stranger", func(t *testing.T) {
		cfg := testConfig(t)
		cfg.NodeName, cfg.ClusterName = "stranger", "test"
		cfg.MetadataClient.Addresses = []string{"https://" + c.nodes[0].fabric}
		cfg.Networking.TLS = newAuthority(t).issue(t, t.TempDir())
		wantText(t, refusal(t, cfg), "check that the certificates of both nodes come from one authority")
	})
	t.Run("files that do not fit", func(t *testing.T) {
		cfg := testConfig(t)
		cfg.Networking.TLS = first.issue(t, t.TempDir())
		cfg.Networking.TLS.Key = files.Key
		wantText(t, refusal(t, cfg), "read the certificates of the node")
		cfg.Networking.TLS.Key = ""
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "or none") {
			t.Errorf("half of the files: %v", err)
		}
	})
}

// New files are taken over, and files that cannot be read leave the former ones in use.
func TestCertificatesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t)
	files := a.issue(t, dir)
	var faults int
	c, err := newCertificates(files, func(error) { faults++ })
	if err != nil {
		t.Fatal(err)
	}
	before := c.current()
	if c.current() != before || faults != 0 {
		t.Error("unchanged files were read again")
	}
	later := time.Now().Add(time.Minute)
	a.issue(t, dir)
	for _, name := range []string{files.Certificate, files.Key} {
		if err := os.Chtimes(name, later, later); err != nil {
			t.Fatal(err)
		}
	}
	now := c.current()
	if now == before || faults != 0 {
		t.Errorf("changed files were not read, %d faults", faults)
	}
	if err := os.WriteFile(files.Key, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c.current() != now || faults != 1 {
		t.Errorf("a broken file: %d faults", faults)
	}
}
