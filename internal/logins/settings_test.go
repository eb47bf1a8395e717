package logins

import (
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
)

// What a command changed holds for the next call, though the server keeps settings and clients in
// memory.
func TestChangesAtOnce(t *testing.T) {
	l := labtest.New(t, "--key", "p256")
	p := newProvider(l, l.Serve())
	ctx := t.Context()
	b := p.browser()
	defer b.close()
	got, err := b.login(ctx)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := b.redeem(ctx, got.to.Get("code"))
	if err != nil || tokens.status != 200 {
		t.Fatalf("%v, %v", tokens, err)
	}
	for range 10 {
		for form, begins := range map[string]string{"uuid": "", "keycloak": "f:"} {
			l.Must("psc", "set", "sub="+form)
			a, err := b.userinfo(ctx, tokens.AccessToken)
			if err != nil || strings.HasPrefix(a.Sub, "f:") != (begins != "") {
				t.Errorf("sub=%s: %q, %v", form, a.Sub, err)
			}
		}
	}
	l.Must("psc", "set", "default")
	for range 5 {
		var c registered
		unmarshal(t, l.Must("psc", "client", "secret", "--json", "app"), &c)
		if a, err := b.call(ctx, "/token/introspect", "token", tokens.AccessToken); err != nil || a.status != 401 {
			t.Errorf("the former secret: %v, %v", a, err)
		}
		p.secret = c.Secret
		if a, err := b.call(ctx, "/token/introspect", "token", tokens.AccessToken); err != nil || !a.Active {
			t.Errorf("the new secret: %v, %v", a, err)
		}
	}
	l.Must("psc", "client", "remove", "app")
	if a, err := b.userinfo(ctx, tokens.AccessToken); err != nil || a.status != 401 {
		t.Errorf("a client that was removed: %v, %v", a, err)
	}
}
