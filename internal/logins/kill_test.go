package logins

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/lab"
)

// outcome is what the relying party knows of a call.
type outcome int

const (
	open     outcome = iota // not called yet
	accepted                // it was answered with tokens
	cut                     // the server died before it answered
	refused                 // it was answered with an error
)

// handle is a code, a refresh token or an auth_req_id that was acknowledged.
type handle struct {
	value string
	outcome
	from *handle // the code that a refresh token came from
}

// demoPortal is the client that igc serve registers itself.
const demoPortal = "portail-demo"

// ledger is what relying parties, browsers and the command line were told: whatever happens to the
// server, it holds.
type ledger struct {
	*testing.T
	mu       sync.Mutex
	begun    int             // logins and CIBA requests, whether they were acknowledged or not
	sessions map[string]bool // acknowledged
	codes    []*handle
	ciba     []*handle
	fresh    []*handle // refresh tokens that are good, each of its own grant
	dubious  []*handle // whose use was cut
	browsers []*person // with a session
	clients  map[string]registered
	devices  map[string]string // by person; "" when the last activation was not acknowledged
	tried    map[string]bool   // clients and persons of commands that were not acknowledged
	seen     map[string]int    // figures
}

func (l *ledger) count(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[what]++
}

// drawFrom takes a random element out of a list, nil when it is empty.
func drawFrom[T any](l *ledger, list *[]*T) *T {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(*list) == 0 {
		return nil
	}
	i := rand.IntN(len(*list))
	taken := (*list)[i]
	*list = slices.Delete(*list, i, i+1)
	return taken
}

func add[T any](l *ledger, list *[]*T, one *T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*list = append(*list, one)
}

// session notes a session that was acknowledged.
func (l *ledger) session(sid string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if sid == "" {
		l.Error("a session without an ID")
	}
	l.sessions[sid] = true
}

// tokens notes the answer to a code or a CIBA request, and returns false when the server is dead.
// first tells that the call is the first with it, so that only tokens are right.
func (l *ledger) tokens(h *handle, a *answer, err error, first bool) bool {
	l.Helper()
	switch {
	case err != nil:
		h.outcome = cut
		return false
	case a.status == 200 && a.RefreshToken != "":
		if h.outcome == accepted || h.outcome == refused {
			l.Errorf("%s was accepted after it had been answered", h.value)
		}
		h.outcome = accepted
		l.session(a.SessionState)
		add(l, &l.fresh, &handle{value: a.RefreshToken, from: h})
	case a.status != 400 || a.Error != "invalid_grant":
		l.Errorf("%s is answered %s", h.value, a)
		fallthrough
	case first:
		l.Errorf("%s was acknowledged, and is refused: %s", h.value, a)
		fallthrough
	default:
		h.outcome = refused
	}
	return true
}

// work logs in, refreshes and asks by CIBA until the server dies.
func (l *ledger) work(ctx context.Context, p *provider) {
	b := p.browser()
	defer b.close()
	for {
		switch n := rand.IntN(10); {
		case n < 5:
			l.count("logins")
			l.mu.Lock()
			l.begun++
			l.mu.Unlock()
			fresh := p.browser()
			got, err := fresh.login(ctx)
			if err != nil {
				fresh.close()
				if errors.Is(err, errNoLogin) {
					l.Error(err)
				}
				return
			}
			if !l.redeem(ctx, b, got) {
				return
			}
			add(l, &l.browsers, fresh)
		case n < 6:
			known := drawFrom(l, &l.browsers)
			if known == nil {
				continue
			}
			l.count("single sign-on")
			got, _, err := known.begin(ctx, "prompt", "none")
			add(l, &l.browsers, known)
			if err != nil || !l.redeem(ctx, b, got) {
				return
			}
		case n < 8:
			h := drawFrom(l, &l.fresh)
			if h == nil {
				continue
			}
			l.count("refreshes")
			if !l.refresh(ctx, b, h, true) {
				return
			}
		default:
			l.count("CIBA")
			l.mu.Lock()
			l.begun++
			l.mu.Unlock()
			a, err := b.call(ctx, "/ext/ciba/auth", "scope", "openid scope_all", "acr_values", "eidas1",
				"login_hint", doctor, "binding_message", "42")
			if err != nil {
				return
			}
			if a.AuthReqID == "" {
				l.Errorf("CIBA: %s", a)
				return
			}
			h := &handle{value: a.AuthReqID}
			add(l, &l.ciba, h)
			if rand.IntN(4) == 0 {
				continue // the client polls later
			}
			a, err = b.call(ctx, "/token", "grant_type", grantCIBA, "auth_req_id", h.value)
			if !l.tokens(h, a, err, true) {
				return
			}
		}
	}
}

// redeem notes the code that a browser came back with, and mostly trades it.
func (l *ledger) redeem(ctx context.Context, b *person, got *page) bool {
	l.Helper()
	code := got.to.Get("code")
	if code == "" {
		l.Errorf("no code: %d %v %s", got.status, got.to, got.body)
		return false
	}
	l.session(got.to.Get("session_state"))
	h := &handle{value: code}
	add(l, &l.codes, h)
	if rand.IntN(8) == 0 {
		return true
	}
	a, err := b.redeem(ctx, code)
	return l.tokens(h, a, err, true)
}

// refresh uses a refresh token. certain tells that it was not used before.
func (l *ledger) refresh(ctx context.Context, b *person, h *handle, certain bool) bool {
	l.Helper()
	a, err := b.refresh(ctx, h.value)
	switch {
	case err != nil:
		h.outcome = cut
		add(l, &l.dubious, h)
		return false
	case a.status == 200:
		h.outcome = accepted
		add(l, &l.fresh, &handle{value: a.RefreshToken, from: h.from})
	case certain:
		l.Errorf("a refresh token was acknowledged, and is refused: %s", a)
	default:
		l.count("refresh cut after the write")
		h.outcome = refused
	}
	return true
}

// ended checks that the refresh tokens of a code that was used twice are no longer good.
func (l *ledger) ended(ctx context.Context, b *person, code *handle) {
	l.Helper()
	for _, list := range []*[]*handle{&l.fresh, &l.dubious} {
		for _, h := range *list {
			if h.from != code {
				continue
			}
			if a, err := b.refresh(ctx, h.value); err != nil || a.status != 400 {
				l.Errorf("a refresh token of a code that was used twice: %v, %v", a, err)
			}
		}
		*list = slices.DeleteFunc(*list, func(h *handle) bool { return h.from == code })
	}
}

// run is work of the command line: it is acknowledged when the command succeeds.
func (l *ledger) run(lab *labtest.Lab, i int, persons []string) {
	name, id := "client-"+strconv.Itoa(i), persons[i%len(persons)]
	for _, args := range [][]string{{"psc", "client", "add", name, "--redirect", redirect, "--json"}, {"ecps",
		"activate", id, "--pin", "1234", "--json"}} {
		out, errOut, err := lab.Run(args...)
		var exit *exec.ExitError
		l.mu.Lock()
		switch {
		case err == nil && args[0] == "psc":
			var c registered
			unmarshal(l, out, &c)
			l.clients[c.ID] = c
		case err == nil:
			var d struct{ ID string }
			unmarshal(l, out, &d)
			l.devices[id] = d.ID
		case errors.As(err, &exit) && exit.ExitCode() == 8: // the server did not answer: it may be done or not
			l.tried[name], l.tried[id] = true, true
			if args[0] == "ecps" {
				l.devices[id] = ""
			}
		default:
			l.Errorf("igc %q beside a server that dies: %v: %s", args, err, errOut)
		}
		l.mu.Unlock()
	}
}

// check asks a server that was started again for what was acknowledged or cut.
func (l *ledger) check(lab *labtest.Lab, p *provider) {
	l.Helper()
	ctx := l.Context()
	b := p.browser()
	defer b.close()
	alive := func(ok bool) {
		l.Helper()
		if !ok {
			l.Fatal("the server that was started again does not answer")
		}
	}
	for _, list := range []struct {
		name    string
		handles []*handle
		ask     func(h *handle) (*answer, error)
	}{
		{"codes", l.codes, func(h *handle) (*answer, error) { return b.redeem(ctx, h.value) }},
		{"CIBA", l.ciba, func(h *handle) (*answer, error) {
			return b.call(ctx, "/token", "grant_type", grantCIBA, "auth_req_id", h.value)
		}},
	} {
		again := 0
		for _, h := range list.handles {
			reuse := func() {
				l.Helper()
				a, err := list.ask(h)
				alive(l.tokens(h, a, err, false))
				if list.name == "codes" {
					l.ended(ctx, b, h)
				}
			}
			switch h.outcome {
			case open:
				l.count(list.name + " kept over a kill")
				a, err := list.ask(h)
				alive(l.tokens(h, a, err, true))
			case cut:
				a, err := list.ask(h)
				alive(l.tokens(h, a, err, false))
				if h.outcome == accepted {
					l.count(list.name + " cut before the write")
				} else {
					l.count(list.name + " cut after the write")
				}
				reuse()
			case accepted:
				if again == 2 {
					continue
				}
				again++
				fallthrough
			case refused:
				if h.outcome == refused && again > 4 {
					continue
				}
				again++
				l.count(list.name + " tried again")
				reuse()
			}
		}
	}
	for h := drawFrom(l, &l.dubious); h != nil; h = drawFrom(l, &l.dubious) {
		alive(l.refresh(ctx, b, h, false))
		if a, err := b.refresh(ctx, h.value); err != nil || a.status != 400 {
			l.Errorf("a refresh token whose use was cut works twice: %v, %v", a, err)
		}
		if h.outcome == accepted { // and the second use has ended what the first gave
			last := len(l.fresh) - 1
			if a, err := b.refresh(ctx, l.fresh[last].value); err != nil || a.status != 400 {
				l.Errorf("the successor of a refresh token that was used twice: %v, %v", a, err)
			}
			l.fresh = l.fresh[:last]
		}
	}
	for _, known := range l.browsers {
		got, _, err := known.begin(ctx, "prompt", "none")
		if err != nil || got.to.Get("code") == "" {
			l.Errorf("a browser that had a session: %v, %v", got, err)
		}
		known.close()
	}
	l.browsers = l.browsers[:min(len(l.browsers), 2)]

	var clients []registered
	unmarshal(l, lab.Must("psc", "client", "list", "--json"), &clients)
	listed := map[string]bool{}
	for _, c := range clients {
		if listed[c.ID] = true; l.clients[c.ID].ID == "" && !l.tried[c.ID] && c.ID != p.client &&
			c.ID != demoPortal {
			l.Errorf("client %s is invented", c.ID)
		}
	}
	for id, c := range l.clients {
		if !listed[id] {
			l.Errorf("client %s is lost", id)
		}
		if rand.IntN(len(l.clients)) < 2 {
			as := *p
			as.client, as.secret = c.ID, c.Secret
			other := as.browser()
			if a, err := other.refresh(ctx, "x"); err != nil || a.Error != "invalid_grant" {
				l.Errorf("client %s with its secret: %v, %v", id, a, err)
			}
			other.close()
		}
	}
	var devices []struct{ ID, Person string }
	unmarshal(l, lab.Must("ecps", "list", "--json"), &devices)
	is := map[string]string{}
	for _, d := range devices {
		is[d.Person] = d.ID
	}
	for id, device := range l.devices {
		if device != "" && is[id] != device {
			l.Errorf("the e-CPS of %s is %q, and not %q", id, is[id], device)
		}
	}
	for id := range is {
		if _, ok := l.devices[id]; !ok && id != doctor {
			l.Errorf("the e-CPS of %s is invented", id)
		}
	}
	lab.Must("audit", "verify")
}

// records compares the records with what was acknowledged.
func (l *ledger) records(home string) {
	l.Helper()
	client, err := lab.Connect(home, lab.Options{})
	if err != nil {
		l.Fatal(err)
	}
	read := func(kind string) map[string]record {
		l.Helper()
		docs, err := client.ScanDocuments(l.Context(), store.DocumentKind{Name: kind}, "")
		if err != nil {
			l.Fatal(err)
		}
		all := map[string]record{}
		for _, doc := range docs {
			var r record
			if err := json.Unmarshal(doc.Value, &r); err != nil {
				l.Fatal(err)
			}
			all[doc.Key] = r
		}
		return all
	}
	sessions, codes, asked := read("psc.session"), read("psc.code"), read("psc.ciba")
	if len(sessions) > l.begun {
		l.Errorf("%d sessions, and %d logins were begun", len(sessions), l.begun)
	}
	for sid := range l.sessions {
		if _, ok := sessions[sid]; !ok {
			l.Errorf("session %s is lost", sid)
		}
	}
	spent := map[string]int{} // codes, and grants of CIBA requests
	for _, r := range asked {
		spent[r.Grant] = 0
	}
	grants := 0
	for sid, s := range sessions {
		for _, g := range s.Grants {
			grants++
			if g.Code != "" {
				if spent[g.Code]++; codes[g.Code].Grant != g.ID || codes[g.Code].SID != sid {
					l.Errorf("session %s has grant %s of a code that was traded for %q", sid, g.ID, codes[g.Code].Grant)
				}
				continue
			}
			if _, ok := spent[g.ID]; !ok {
				l.Errorf("session %s has grant %s of no code and no CIBA request", sid, g.ID)
			}
			spent[g.ID]++
		}
	}
	for of, n := range spent {
		if of != "" && n > 1 {
			l.Errorf("%d grants for one code or CIBA request %s", n, of)
		}
	}
	for _, h := range l.codes {
		sum := sha256.Sum256([]byte(h.value))
		if is := codes[hex.EncodeToString(sum[:])]; (is.Grant != "") != (h.outcome == accepted ||
			h.outcome == refused) {
			l.Errorf("a code whose outcome is %d was traded for %q", h.outcome, is.Grant)
		}
	}
	l.seen["sessions in the records"], l.seen["sessions acknowledged"], l.seen["grants in the "+
		"records"] = len(sessions), len(l.sessions), grants
}

// record is what the test reads of a document of the provider.
type record struct {
	SID    string
	Grant  string
	Grants []struct{ ID, Code string }
}

// kill -9 of igc serve while people log in, clients refresh and poll, and the command line
// registers clients and activates e-CPS: no code, refresh token or CIBA request is accepted twice,
// and nothing that was acknowledged is lost or invented. IGC_KILLS says how often; make soak does
// it 200 times.
func TestKillLogins(t *testing.T) {
	kills := 20
	if s := os.Getenv("IGC_KILLS"); s != "" {
		var err error
		if kills, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	home := labtest.New(t, "--key", "p256")
	s := home.Serve()
	p := newProvider(home, s)
	home.Must("psc", "set", "code_ttl=7200", "refresh_ttl=86400", "session_ttl=86400", "ciba_ttl=7200",
		"ciba_interval=0")
	var people []struct{ ID string }
	unmarshal(t, home.Must("people", "list", "--json"), &people)
	var persons []string
	for _, one := range people {
		if one.ID != doctor {
			persons = append(persons, one.ID)
		}
	}
	l := &ledger{T: t, sessions: map[string]bool{}, clients: map[string]registered{}, devices: map[string]string{},
		tried: map[string]bool{},
		seen:  map[string]int{}}
	for i := range kills {
		var work sync.WaitGroup
		for range 4 {
			work.Go(func() { l.work(t.Context(), p) })
		}
		work.Go(func() { l.run(home, i, persons) })
		time.Sleep(time.Duration(20+rand.IntN(400)) * time.Millisecond)
		s.Cmd.Process.Kill()
		s.Cmd.Wait()
		work.Wait()
		s = home.Serve()
		l.check(home, p)
		if t.Failed() {
			t.Fatalf("at kill %d", i+1)
		}
	}
	s.Stop(t)
	l.records(home.Home)
	for _, name := range slices.Sorted(maps.Keys(l.seen)) {
		t.Logf("%s: %d", name, l.seen[name])
	}
	if l.seen["logins"] < kills || l.seen["codes tried again"] == 0 {
		t.Error("the test saw too little")
	}
}
