package store_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/mynah-coach/mynah/store"
	"github.com/mynah-coach/mynah/store/storetest"
)

// TestSecureServer keeps notes in a server that speaks TLS alone, by a
// certificate of an authority of its own, and admits users with credentials of
// one account.
func TestSecureServer(t *testing.T) {
	dir := t.TempDir()
	authority, certificate := certify(t)
	ca := filepath.Join(dir, "ca.pem")
	write(t, ca, authority)
	url, account := startSecure(t, filepath.Join(dir, "server"), certificate)
	creds, stranger := filepath.Join(dir, "user.creds"), filepath.Join(dir, "stranger.creds")
	write(t, creds, credentials(t, account))
	other, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	write(t, stranger, credentials(t, other))

	t.Run("takes notes from who has credentials", func(t *testing.T) {
		s := open(t, store.Config{URL: url, CA: ca, Credentials: creds, MaxBytes: 64 << 20})
		if err := s.Accept(t.Context(), storetest.Note(1)); err != nil {
			t.Fatal(err)
		}
		task, err := s.Claim(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Finish(t.Context(), task); err != nil {
			t.Error(err)
		}
		shelf, err := s.Shelf(t.Context(), "any", 0)
		if err != nil {
			t.Fatal(err)
		}
		storetest.Shelf(t, shelf)
	})
	for name, c := range map[string]struct {
		conf store.Config
		says string
	}{
		"no credentials":            {store.Config{URL: url, CA: ca}, "authorization"},
		"another account's":         {store.Config{URL: url, CA: ca, Credentials: stranger}, "authorization"},
		"an authority not trusted":  {store.Config{URL: url, Credentials: creds}, "certificate"},
		"a missing credential file": {store.Config{URL: url, CA: ca, Credentials: filepath.Join(dir, "none")}, "no such file"},
	} {
		t.Run("is not opened with "+name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			c.conf.Log = slog.New(slog.DiscardHandler)
			_, err := store.Open(ctx, c.conf)
			if err == nil || !strings.Contains(strings.ToLower(err.Error()), c.says) {
				t.Fatalf("open: %v, want an error that says %q", err, c.says)
			}
			if strings.Contains(err.Error(), "SEED") || strings.Contains(err.Error(), "eyJ") {
				t.Errorf("the error shows the credentials: %v", err)
			}
		})
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// certify makes an authority, as PEM, and a certificate of it for 127.0.0.1.
func certify(t *testing.T) (authority []byte, certificate tls.Certificate) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	sign := func(template, parent *x509.Certificate, of, by *ecdsa.PrivateKey) *x509.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, template, parent, of.Public(), by)
		must(err)
		c, err := x509.ParseCertificate(der)
		must(err)
		return c
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	ca := sign(template, template, caKey, caKey)
	leaf := sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "a server"},
		NotBefore: template.NotBefore, NotAfter: template.NotAfter,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca, key, caKey)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}), tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}
}

// startSecure starts a server and returns its URL and the key of the account
// that it has.
func startSecure(t *testing.T, dir string, certificate tls.Certificate) (url string, account nkeys.KeyPair) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	public := func(k nkeys.KeyPair, err error) (nkeys.KeyPair, string) {
		t.Helper()
		must(err)
		p, err := k.PublicKey()
		must(err)
		return k, p
	}
	operator, operatorID := public(nkeys.CreateOperator())
	account, accountID := public(nkeys.CreateAccount())
	_, systemID := public(nkeys.CreateAccount())

	claims := jwt.NewOperatorClaims(operatorID)
	claims.SystemAccount = systemID
	signed, err := claims.Encode(operator)
	must(err)
	trusted, err := jwt.DecodeOperatorClaims(signed)
	must(err)
	accounts := &server.MemAccResolver{}
	for id, limits := range map[string]jwt.JetStreamLimits{
		accountID: {DiskStorage: 1 << 30, MemoryStorage: 16 << 20, Streams: -1, Consumer: -1},
		systemID:  {},
	} {
		c := jwt.NewAccountClaims(id)
		c.Limits.JetStreamLimits = limits
		signed, err := c.Encode(operator)
		must(err)
		must(accounts.Store(id, signed))
	}
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: dir, JetStreamMaxStore: 1 << 30, JetStreamMaxMemory: 16 << 20,
		TLS: true, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13}, TLSTimeout: 5,
		TrustedOperators: []*jwt.OperatorClaims{trusted}, SystemAccount: systemID, AccountResolver: accounts,
	})
	must(err)
	srv.Start()
	t.Cleanup(func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	})
	if !srv.ReadyForConnections(30 * time.Second) {
		t.Fatal("the server did not start")
	}
	return strings.Replace(srv.ClientURL(), "nats://", "tls://", 1), account
}

// credentials are those of a new user of an account.
func credentials(t *testing.T, account nkeys.KeyPair) []byte {
	t.Helper()
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	id, err := user.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := jwt.NewUserClaims(id).Encode(account)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	creds, err := jwt.FormatUserConfig(signed, seed)
	if err != nil {
		t.Fatal(err)
	}
	return creds
}
