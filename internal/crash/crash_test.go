package crash

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/revocation/crl"
)

// Twenty cards issued and twenty revoked at once: all are recorded, no serial number twice, nothing
// is refused. Beside a server, which does it all, and without one, where the commands take turns.
func TestAtOnce(t *testing.T) {
	for _, name := range []string{"with a server", "without a server"} {
		t.Run(name, func(t *testing.T) {
			const n = 20
			l := labtest.New(t, "--key", "p256", "--gamme", "FO")
			if name == "with a server" {
				l.Serve()
			}
			var cards []labtest.Card
			for range n {
				cards = append(cards, l.Issue("--fixture", "alain"))
			}
			var wg sync.WaitGroup
			for i := range n {
				for _, args := range [][]string{{"issue", "--fixture", "max"}, {"revoke", cards[i].Certificates[0].Serial, "--reason", "superseded"}} {
					wg.Go(func() {
						if _, errOut, err := l.Run(args...); err != nil {
							t.Errorf("igc %q: %v: %s", args, err, errOut)
						}
					})
				}
			}
			wg.Wait()
			issued, revoked := 0, 0
			for _, r := range l.List() {
				if strings.HasPrefix(r.Profile, "cps/") {
					issued++
				}
				if r.Revoked != nil {
					revoked++
				}
			}
			if issued != 4*n || revoked != n {
				t.Errorf("%d certificates of cards, %d revoked; want %d and %d", issued, revoked, 4*n, n)
			}
			if folders, _ := filepath.Glob(filepath.Join(l.Home, "cards", "*", "card.json")); len(folders) != 2*n {
				t.Errorf("%d card folders, want %d", len(folders), 2*n)
			}
		})
	}
}

// kill -9 of issue, revoke and serve at random moments: what a command said it did stays done, what
// is out is recorded, CRL numbers only grow, and the lab opens again. IGC_KILLS says how often;
// make soak does it 200 times.
func TestKill(t *testing.T) {
	kills := killsWanted(t, 24)
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	t.Logf("%d kills, seed %d", kills, seed)
	l := labtest.New(t, "--key", "p256")
	var revocable []string
	took := map[string]time.Duration{} // how long a command runs: it is killed at a moment within
	measure := func(kind string, args ...string) string {
		start := time.Now()
		text := l.Must(args...)
		took[kind] = time.Since(start)
		return text
	}
	for range 8 {
		revocable = append(revocable, l.Issue("--fixture", "guy", "--card-number", strconv.Itoa(3000000000+len(revocable))).Certificates[0].Serial)
	}
	out, revoked := map[string]bool{}, map[string]bool{} // serial numbers that commands told of
	note(t, out, measure("issue", "issue", "--json", "--fixture", "alain"))
	measure("revoke", "revoke", revocable[0], "--reason", "keyCompromise")
	revoked[revocable[0]], revocable = true, revocable[1:]
	moment := func(kind string) time.Duration { return time.Duration(r.Int64N(int64(took[kind]))) }
	var lastCRL uint64
	killed := map[string]int{}

	landed := func() int { return killed["issue"] + killed["revoke"] + killed["serve"] }
	for i := 0; landed() < kills; i++ { // some commands are done before their time
		switch kind := []string{"issue", "revoke", "serve"}[i%3]; kind {
		case "issue":
			args := []string{"issue", "--json", "--fixture", "alain"}
			if text, died := killAfter(t, l.Command(args...), moment(kind)); died {
				killed[kind]++
			} else {
				note(t, out, text)
			}
		case "revoke":
			if len(revocable) == 0 {
				revocable = append(revocable, l.Issue("--fixture", "guy", "--card-number", strconv.Itoa(3100000000+i)).Certificates[0].Serial)
			}
			serial := revocable[0]
			if _, died := killAfter(t, l.Command("revoke", serial, "--reason", "keyCompromise"), moment(kind)); died {
				killed[kind]++
			} else {
				revoked[serial], revocable = true, revocable[1:]
			}
		case "serve":
			killed[kind]++
			s := l.Serve()
			serial := l.Issue("--fixture", "guy", "--card-number", strconv.Itoa(3200000000+i)).Certificates[0].Serial
			var wg sync.WaitGroup
			var mu sync.Mutex
			for _, args := range [][]string{{"issue", "--json", "--fixture", "alain"}, {"issue", "--json", "--fixture", "max"}, {"revoke", "--json", serial, "--reason", "superseded"}} {
				wg.Go(func() {
					text, errOut, err := l.Run(args...)
					mu.Lock()
					defer mu.Unlock()
					var exit *exec.ExitError
					switch {
					case err == nil && args[0] == "issue":
						note(t, out, text)
					case err == nil:
						revoked[serial] = true
					case errors.As(err, &exit) && exit.ExitCode() == 8: // the server did not answer: it may be done or not
					default:
						t.Errorf("igc %q beside a server that dies: %v: %s", args, err, errOut)
					}
				})
			}
			time.Sleep(time.Duration(r.IntN(60)) * time.Millisecond)
			s.Cmd.Process.Kill()
			s.Cmd.Wait()
			wg.Wait()
		}

		records := l.List() // the lab opens
		l.Must("audit", "verify")
		folders, err := filepath.Glob(filepath.Join(l.Home, "cards", "*", "card.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range folders {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			note(t, out, string(data))
		}
		for serial := range out {
			if records[serial] == nil {
				t.Fatalf("kill %d: certificate %s is out, and not recorded", i, serial)
			}
		}
		for serial := range revoked {
			if records[serial].Revoked == nil {
				t.Fatalf("kill %d: the revocation of %s is lost", i, serial)
			}
		}
		der, err := os.ReadFile(filepath.Join(l.Home, "publication", "CRL", "ACI-FO-PP-TEST.crl"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			t.Fatalf("kill %d: the published CRL is torn: %v", i, err)
		}
		if n := list.Number.Uint64(); n < lastCRL {
			t.Fatalf("kill %d: CRL number %d after %d", i, n, lastCRL)
		} else {
			lastCRL = n
		}
	}
	// what was revoked is on the next list, and a server starts
	s := l.Serve()
	file := filepath.Join(t.TempDir(), "crl")
	labtest.Fetch(t, s.URLs["publication"]+"CRL/ACI-FO-PP-TEST.crl", file)
	der, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, e := range list.RevokedCertificateEntries {
		listed[strings.ToUpper(e.SerialNumber.Text(16))] = true
	}
	for serial := range revoked {
		if !listed[serial] {
			t.Errorf("%s was revoked and is not on the list", serial)
		}
	}
	t.Logf("killed in time: %v; %d certificates out, %d revoked, CRL number %s", killed, len(out), len(revoked), list.Number)
	if len(out) == 0 || len(revoked) == 0 {
		t.Error("nothing was done: the test saw nothing")
	}
}

// kill -9 of the server while it publishes, again and again: who fetches over HTTP, and who reads
// the publication folder, gets whole and rightly signed lists, whose numbers never go down and
// whose deltas fit the full list that is there with them.
func TestKillPublication(t *testing.T) {
	kills := killsWanted(t, 8)
	l := labtest.New(t, "--key", "p256", "--gamme", "FO")
	l.Must("bench", "seed", "--certificates", "50000", "--revoked", "40000") // a list large enough to be written aside
	held := l.Issue("--fixture", "alain").Certificates[0].Serial
	s := l.Serve()
	l.Must("publish")
	file := filepath.Join(t.TempDir(), "issuer")
	labtest.Fetch(t, s.URLs["publication"]+"AC%20TEST/ACI-FO-PP-TEST.cer", file)
	issuer, err := x509.ParseCertificate([]byte(labtest.Read(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var readers sync.WaitGroup
	type reader struct {
		name        string
		get         func(name string) ([]byte, error)
		full, delta facts
		reads       atomic.Int64
		cut, newer  int
	}
	both := []*reader{
		{name: "HTTP", get: func(name string) ([]byte, error) {
			resp, err := http.Get(s.URLs["publication"] + "CRL/" + name)
			if err != nil {
				return nil, err
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return nil, errors.New(resp.Status)
			}
			return io.ReadAll(resp.Body)
		}},
		{name: "files", get: func(name string) ([]byte, error) {
			return os.ReadFile(filepath.Join(l.Home, "publication", "CRL", name))
		}},
	}
	for _, r := range both {
		readers.Go(func() {
			for ctx.Err() == nil {
				// the delta first: the full list that is there after it must be one that it adds to
				delta, err1 := r.get("ACI-FO-PP-TEST-delta.crl")
				full, err2 := r.get("ACI-FO-PP-TEST.crl")
				if err := errors.Join(err1, err2); err != nil {
					if r.cut++; r.name == "files" {
						t.Errorf("files: %v", err)
						return
					}
					time.Sleep(5 * time.Millisecond) // the server is dead
					continue
				}
				f, err1 := readFacts(full, issuer)
				d, err2 := readFacts(delta, issuer)
				if err := errors.Join(err1, err2); err != nil {
					t.Errorf("%s: lists of %d and %d bytes: %v", r.name, len(full), len(delta), err)
					return
				}
				if f.number < r.full.number || d.number < r.delta.number || d.base == 0 || f.base != 0 || d.base > f.number {
					t.Errorf("%s: full list %+v after %+v, delta %+v after %+v", r.name, f, r.full, d, r.delta)
					return
				}
				if r.reads.Add(1); f.number > r.full.number {
					r.newer++
				}
				r.full, r.delta = f, d
			}
		})
	}
	client, err := lab.Connect(l.Home, lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range kills {
		// lists are made one after the other, also for what changed, until the server dies of it
		dying, dead := context.WithCancel(ctx)
		var work sync.WaitGroup
		work.Go(func() {
			for dying.Err() == nil && client.Publish(dying, true, func(ctx context.Context, lab *lab.Lab) error { return crl.NewIssuer(lab, time.Now).Publish(ctx, true) }) == nil {
			}
		})
		work.Go(func() {
			for release := false; dying.Err() == nil; release = !release {
				if _, err := client.SetStatus(dying, ca.StatusChange{Serial: held, Reason: ca.Hold, Release: release}); err != nil {
					return
				}
			}
		})
		for before := both[0].reads.Load(); both[0].reads.Load() == before && !t.Failed(); {
			time.Sleep(time.Millisecond) // a reader gets through, also while lists are made
		}
		time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
		s.Cmd.Process.Kill()
		dead()
		s.Cmd.Wait()
		work.Wait()
		s2 := l.Serve()
		s.Cmd = s2.Cmd
	}
	l.Must("publish")
	stop()
	readers.Wait()
	for _, r := range both {
		t.Logf("%s: %d reads of both lists, %d newer ones, %d reads cut short; last number %d", r.name, r.reads.Load(), r.newer, r.cut, r.full.number)
		if r.reads.Load() < int64(kills) || r.newer < kills/2 {
			t.Errorf("%s: %d reads, %d newer lists: the test saw nothing", r.name, r.reads.Load(), r.newer)
		}
	}
	if now, err := readFacts([]byte(labtest.Read(t, filepath.Join(l.Home, "publication", "CRL", "ACI-FO-PP-TEST.crl"))), issuer); err != nil || now.number < both[0].full.number {
		t.Errorf("at the end: number %d after %d, %v", now.number, both[0].full.number, err)
	}
	l.Must("audit", "verify")
	if torn, _ := filepath.Glob(filepath.Join(l.Home, "publication", "CRL", ".*")); len(torn) > 0 {
		t.Errorf("%d unfinished files are left", len(torn))
	}
}

// facts are what readers compare of a list.
type facts struct{ number, base int64 }

// readFacts reads a list without its entries, and verifies it.
func readFacts(der []byte, issuer *x509.Certificate) (f facts, err error) {
	var list struct {
		TBS struct {
			Raw        asn1.RawContent
			Version    int
			Algorithm  pkix.AlgorithmIdentifier
			Issuer     asn1.RawValue
			This, Next time.Time
			Revoked    []asn1.RawValue  `asn1:"optional"`
			Extensions []pkix.Extension `asn1:"tag:0,explicit"`
		}
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	rest, err := asn1.Unmarshal(der, &list)
	if err == nil && len(rest) > 0 {
		err = errors.New("bytes after the list")
	}
	for _, e := range list.TBS.Extensions {
		switch into := map[string]*int64{"2.5.29.20": &f.number, "2.5.29.27": &f.base}[e.Id.String()]; {
		case into != nil && err == nil:
			_, err = asn1.Unmarshal(e.Value, into)
		}
	}
	if err != nil {
		return f, err
	}
	return f, issuer.CheckSignature(x509.ECDSAWithSHA256, list.TBS.Raw, list.Signature.Bytes)
}

// killsWanted is how often a test is to kill: as IGC_KILLS says or, without it, otherwise.
func killsWanted(t testing.TB, otherwise int) int {
	t.Helper()
	kills := otherwise
	if s := os.Getenv("IGC_KILLS"); s != "" {
		var err error
		if kills, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	return kills
}

// note takes the serial numbers that a card.json, or igc issue --json, tells of.
func note(t testing.TB, out map[string]bool, text string) {
	t.Helper()
	var c labtest.Card
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, cert := range c.Certificates {
		out[cert.Serial] = true
	}
}

// killAfter runs the command and kills it after a while. It returns what the command wrote, and
// whether it died of it.
func killAfter(t testing.TB, cmd *exec.Cmd, after time.Duration) (string, bool) {
	t.Helper()
	var text strings.Builder
	cmd.Stdout = &text
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	timer.Stop()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() != -1 {
		t.Fatalf("%q: %v", cmd.Args, err)
	}
	return text.String(), err != nil
}
