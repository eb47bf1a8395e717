package crash

import (
	"crypto/x509"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/labtest"
)

// With a server, igc publish goes through it: what it serves is the list made anew.
func TestPublishBesideServer(t *testing.T) {
	l := labtest.New(t, "--key", "p256", "--gamme", "FO")
	s := l.Serve()
	number := func(file string) uint64 {
		t.Helper()
		return listIn(t, file, nil).Number.Uint64()
	}
	file, www := filepath.Join(t.TempDir(), "crl"), filepath.Join(t.TempDir(), "www")
	point := s.URLs["publication"] + "CRL/ACI-FO-PP-TEST.crl"
	labtest.Fetch(t, point, file)
	before := number(file)
	l.Must("publish")
	labtest.Fetch(t, point, file)
	if after := number(file); after != before+1 {
		t.Errorf("CRL number %d, then %d", before, after)
	}
	revoked := l.Issue("--fixture", "alain").Certificates[0].Serial
	l.Must("revoke", revoked, "--reason", "superseded")
	l.Must("publish", www)
	if entries := listIn(t, filepath.Join(www, "CRL", "ACI-FO-PP-TEST.crl"), nil).RevokedCertificateEntries; len(entries) != 1 {
		t.Errorf("%d entries of the one revoked", len(entries))
	}
}

// listIn reads a CRL from a file, and wants it whole and signed by the issuer, if one is given.
func listIn(t testing.TB, file string, issuer *x509.Certificate) *x509.RevocationList {
	t.Helper()
	der, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return wholeList(t, der, issuer)
}

func wholeList(t testing.TB, der []byte, issuer *x509.Certificate) *x509.RevocationList {
	t.Helper()
	list, err := x509.ParseRevocationList(der)
	if err == nil && issuer != nil {
		err = list.CheckSignatureFrom(issuer)
	}
	if err != nil {
		t.Fatalf("a list of %d bytes: %v", len(der), err)
	}
	return list
}

// kill -9 of igc publish DIR at random moments: who reads the folder finds each file there, whole,
// and never an older one.
func TestKillPublish(t *testing.T) {
	kills := killsWanted(t, 24)
	l := labtest.New(t, "--key", "p256", "--gamme", "FO")
	parent := t.TempDir()
	www := filepath.Join(parent, "www")
	l.Must("publish", www)
	der, err := os.ReadFile(filepath.Join(www, "AC TEST", "ACI-FO-PP-TEST.cer"))
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	var reader sync.WaitGroup
	stop, reads := make(chan struct{}), 0
	var last uint64
	reader.Go(func() {
		for {
			for _, name := range []string{"CRL/ACI-FO-PP-TEST.crl", "CRL/ACI-FO-PP-TEST-delta.crl", "AC TEST/ACR-FO-TEST.cer", "PC TEST/index.html", ".igc-publication"} {
				data, err := os.ReadFile(filepath.Join(www, name))
				if err != nil || len(data) == 0 {
					t.Errorf("%s: %d bytes, %v", name, len(data), err)
					return
				}
				if name != "CRL/ACI-FO-PP-TEST.crl" {
					continue
				}
				list, err := x509.ParseRevocationList(data)
				if err == nil {
					err = list.CheckSignatureFrom(issuer)
				}
				if err != nil || list.Number.Uint64() < last {
					t.Errorf("list number %s after %d: %v", list.Number, last, err)
					return
				}
				last = list.Number.Uint64()
			}
			reads++
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	start := time.Now()
	l.Must("publish", www)
	took, killed := time.Since(start), 0
	for i := 0; killed < kills; i++ {
		if i%4 == 0 {
			l.Must("publish")
		}
		if _, died := killAfter(t, l.Command("publish", www), time.Duration(rand.Int64N(int64(took)))); died {
			killed++
		}
	}
	l.Must("publish")
	l.Must("publish", www)
	close(stop)
	reader.Wait()
	newest := listIn(t, filepath.Join(l.Home, "publication", "CRL", "ACI-FO-PP-TEST.crl"), issuer).Number
	if got := listIn(t, filepath.Join(www, "CRL", "ACI-FO-PP-TEST.crl"), issuer).Number; got.Cmp(newest) != 0 {
		t.Errorf("the folder has list %s of %s", got, newest)
	}
	left, err := os.ReadDir(parent)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d kills, %d reads of the tree, CRL number %s, %d unfinished trees beside", killed, reads, newest, len(left)-1)
	if last < 2 || reads < kills {
		t.Errorf("list number %d after %d reads: the test saw nothing", last, reads)
	}
	// what was left behind goes, once nobody can be at it any more
	long := time.Now().Add(-2 * time.Hour)
	for _, e := range left {
		if e.Name() != "www" {
			if err := os.Chtimes(filepath.Join(parent, e.Name()), long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	l.Must("publish", www)
	if left, _ = os.ReadDir(parent); len(left) != 1 {
		t.Errorf("left beside: %v", left)
	}
}

// Several processes that publish and revoke at once, without a server: the file is whole and its
// number never goes down, and in the end it holds every revocation.
func TestPublishAtOnce(t *testing.T) {
	l := labtest.New(t, "--key", "p256", "--gamme", "FO")
	var cards []labtest.Card
	for range 4 {
		cards = append(cards, l.Issue("--fixture", "alain"))
	}
	l.Must("publish")
	file := filepath.Join(l.Home, "publication", "CRL", "ACI-FO-PP-TEST.crl")
	var wg sync.WaitGroup
	for _, c := range cards {
		wg.Go(func() { l.Must("revoke", "--card", c.CardNumber, "--reason", "superseded") })
		wg.Go(func() { l.Must("publish") })
	}
	ended := make(chan struct{})
	go func() { wg.Wait(); close(ended) }()
	last := uint64(0)
	for busy := true; busy; {
		select {
		case <-ended:
			busy = false
		case <-time.After(time.Millisecond):
		}
		n := listIn(t, file, nil).Number.Uint64()
		if n < last {
			t.Fatalf("CRL number %d after %d", n, last)
		}
		last = n
	}
	l.Must("publish")
	if entries := listIn(t, file, nil).RevokedCertificateEntries; len(entries) != 2*len(cards) {
		t.Errorf("%d entries of %d", len(entries), 2*len(cards))
	}
}
