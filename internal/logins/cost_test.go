package logins

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/labtest"
)

// processorTime is the time that a process has run on processors: what getrusage would tell it.
func processorTime(t testing.TB, pid int) (sum time.Duration) {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(tasks) == 0 {
		t.Skip("the time of another process is read from /proc")
	}
	for _, task := range tasks {
		data, err := os.ReadFile(task)
		if err != nil {
			continue // a thread that ended meanwhile
		}
		n, err := strconv.ParseInt(strings.Fields(string(data))[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += time.Duration(n)
	}
	return sum
}

// contender is a server whose cost is measured, with a client of it.
type contender struct {
	name string
	pid  int
	p    *provider
	b    *person
}

func newContender(name string, pid int, p *provider) *contender {
	return &contender{name, pid, p, p.browser()}
}

// startBare starts the bare server, whose pages are as long as those of the other, and which keeps
// what it must if it has records.
func startBare(t testing.TB, name string, other *person, records string) *contender {
	t.Helper()
	ctx := t.Context()
	page, _, err := other.begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	userinfo := other.whole(t, nil)
	cmd := exec.Command(must(os.Executable()))
	cmd.Env = append(os.Environ(), fmt.Sprintf(`%s={"Login":%d,"Userinfo":%d,"Records":%q}`, bareServer,
		len(page.body), len(userinfo), records))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	in := bufio.NewReader(out)
	line, err := in.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	root, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.TrimSpace(line)
	p := &provider{issuer: at, wallet: at, client: "app", secret: "secret", roots: x509.NewCertPool()}
	if !p.roots.AppendCertsFromPEM(root) {
		t.Fatal("no certificate")
	}
	return newContender(name, cmd.Process.Pid, p)
}

// whole is a login from the first request to the logout: the login page, the identifier, the answer
// of the phone, the code, userinfo, introspection, refresh, logout. It returns what userinfo said.
func (b *person) whole(t testing.TB, login func(*person) (code string, err error)) string {
	t.Helper()
	ctx := t.Context()
	fresh := *b // a browser without cookies, over the same connections
	fresh.http = b.provider.browser().http
	fresh.http.Transport = b.http.Transport
	if login == nil {
		login = func(b *person) (string, error) {
			got, err := b.login(ctx)
			if err != nil {
				return "", err
			}
			return got.to.Get("code"), nil
		}
	}
	code, err := login(&fresh)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := fresh.redeem(ctx, code)
	if err != nil || tokens.AccessToken == "" {
		t.Fatalf("%v, %v", tokens, err)
	}
	said, err := fresh.bearer(ctx, tokens.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := fresh.call(ctx, "/token/introspect", "token", tokens.AccessToken); err != nil || !a.Active {
		t.Fatalf("%v, %v", a, err)
	}
	again, err := fresh.refresh(ctx, tokens.RefreshToken)
	if err != nil || again.IDToken == "" {
		t.Fatalf("%v, %v", again, err)
	}
	if b.byScript != nil { // what it says beside is not asked for
		again.IDToken = tokens.IDToken
	}
	got, err := fresh.do(ctx, "GET",
		fresh.issuer+"/protocol/openid-connect/logout?"+url.Values{"id_token_hint": {again.IDToken},
			"post_logout_redirect_uri": {redirect}, "state": {"s"}}.Encode(), nil)
	if err == nil && got.to == nil && b.byScript != nil {
		got, err = fresh.do(ctx, "POST", got.at.Scheme+"://"+got.at.Host+"/protocol/openid-connect/logout/confirm",
			url.Values{"xsrf": {hidden.FindStringSubmatch(got.body)[1]}, "logout": {"yes"}})
	}
	if err != nil || got.to == nil {
		t.Fatalf("%+v, %v", got, err)
	}
	return said
}

// bearer returns what userinfo says.
func (b *person) bearer(ctx context.Context, token string) (string, error) {
	a, err := b.userinfo(ctx, token)
	if err == nil && a.status != 200 {
		err = fmt.Errorf("userinfo: %s", a)
	}
	return strings.Repeat("x", a.size), err
}

// BenchmarkLogin measures the processor time that the server spends on a login, on userinfo, on
// introspection and on a poll of a CIBA request that is pending, beside a bare server that answers
// the same requests with the same signatures, beside one that also makes the five durable writes of
// a login, and beside oidc-provider where node is. The rounds take turns, so that a machine that is
// busy is so for all.
func BenchmarkLogin(b *testing.B) {
	l := labtest.New(b, "--key", "p256")
	s := l.Serve()
	p := newProvider(l, s, "--post-logout", redirect)
	l.Must("psc", "set", "ciba_interval=0", "access_ttl=3600", "ciba_ttl=3600")
	ours := newContender("igc", s.Cmd.Process.Pid, p)
	keeping := startBare(b, "keeping", ours.b, filepath.Join(b.TempDir(), "igc.db"))
	all := []*contender{ours, startBare(b, "bare", ours.b, ""), keeping}
	if node := startNode(b, l); node != nil {
		all = append(all, node)
	}
	ctx := b.Context()
	type held struct{ access, id string }
	tokens := map[*contender]held{}
	for _, c := range all {
		for range 20 {
			c.b.whole(b, c.p.byScript)
		}
		if c.p.byScript != nil {
			continue
		}
		got, err := c.b.login(ctx)
		if err != nil {
			b.Fatal(err)
		}
		t, err := c.b.redeem(ctx, got.to.Get("code"))
		if err != nil || t.status != 200 {
			b.Fatalf("%v, %v", t, err)
		}
		h := held{access: t.AccessToken}
		if c == ours {
			l.Must("ecps", "policy", "ignore", "--client", "app")
			a, err := c.b.call(ctx, "/ext/ciba/auth", "scope", "openid scope_all", "acr_values", "eidas1",
				"login_hint", doctor)
			if err != nil || a.AuthReqID == "" {
				b.Fatalf("%v, %v", a, err)
			}
			h.id = a.AuthReqID
			l.Must("ecps", "policy", "approve", "--client", "app")
		}
		tokens[c] = h
	}
	for _, what := range []struct {
		name  string
		times int // in a round
		do    func(*contender) error
	}{
		{"login", 5, func(c *contender) error {
			c.b.whole(b, c.p.byScript)
			return nil
		}},
		{"userinfo", 50, func(c *contender) error {
			_, err := c.b.bearer(ctx, tokens[c].access)
			return err
		}},
		{"introspection", 50, func(c *contender) error {
			a, err := c.b.call(ctx, "/token/introspect", "token", tokens[c].access)
			if err == nil && !a.Active {
				err = errors.New("not active")
			}
			return err
		}},
		{"poll", 50, func(c *contender) error {
			a, err := c.b.call(ctx, "/token", "grant_type", grantCIBA, "auth_req_id", tokens[c].id)
			if err == nil && a.Error != "authorization_pending" {
				err = errors.New(a.String())
			}
			return err
		}},
	} {
		b.Run(what.name, func(b *testing.B) {
			cost := map[*contender]time.Duration{}
			for range b.N {
				for _, c := range all {
					if (c.p.byScript != nil || c == keeping) && what.name != "login" {
						continue
					}
					before := processorTime(b, c.pid)
					for range what.times {
						if err := what.do(c); err != nil {
							b.Fatalf("%s: %v", c.name, err)
						}
					}
					cost[c] += processorTime(b, c.pid) - before
				}
			}
			b.ReportMetric(0, "ns/op") // of all of them and the client: it says nothing
			for c, d := range cost {
				b.ReportMetric(d.Seconds()*1000/float64(b.N*what.times), c.name+"-ms")
				if c != ours {
					b.ReportMetric(float64(cost[ours])/float64(d), "igc:"+c.name)
				}
			}
		})
	}
}
