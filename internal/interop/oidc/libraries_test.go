package oidc

import (
	"os"
	"os/exec"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// otherPackages are what npm fetches for TestOtherLibraries.
var otherPackages = []string{"keycloak-connect@26.1.1", "@auth/core@0.41.3", "express@4.22.3", "express-session@1.19.0"}

// Two libraries that do not read the wallet's discovery document: Keycloak's adapter knows the
// endpoints, and Auth.js takes the document at the standard path.
func TestOtherLibraries(t *testing.T) {
	modules := peer.NodeModules(t, otherPackages...)
	s := newSite(t)
	issuer := s.adapt.Replace("https://localhost:8451/auth/realms/esante-wallet")
	for _, back := range []string{"/who?auth_callback=1", "/end?auth_callback=1", "/auth/callback/psc"} {
		s.lab.Must("psc", "client", "set", "mon-lgc", "--redirect", s.address(back))
	}
	s.lab.Must("psc", "client", "set", "mon-lgc", "--post-logout", s.address("/"))
	serve := func(t *testing.T, name string) func() {
		script := modules + "/" + name
		labtest.Write(t, script, []byte(labtest.Read(t, "testdata/"+name)))
		cmd := exec.CommandContext(t.Context(), "node", script)
		cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+s.file("igc-root.pem"), "ISSUER="+issuer,
			"SECRET="+s.secret, "PORT="+s.port, "AUTHORIZATION="+s.adapt.Replace("https://localhost:8452/auth"))
		_, stop := s.start(t, cmd)
		return stop
	}
	t.Run("keycloak-connect", func(t *testing.T) {
		defer serve(t, "keycloak-connect.mjs")()
		v := newVisitor(t, s.root, person)
		wantAll(t, "the page", v.login(s.address("/who")).body, person+" MOBILE active")
		if p := v.get(s.address("/logout")); p.url.String() != s.address("/") || p.body != "home" {
			t.Errorf("after the logout: %s %s", p.url, p.body)
		}
		wantAll(t, "a logout by refresh token", v.login(s.address("/end")).body, "204 not active")
		wantAll(t, "the calls", s.lab.Must("psc", "requests"), "PSC-AUTHORIZATION-ENDPOINT")
	})
	t.Run("Auth.js", func(t *testing.T) {
		defer serve(t, "auth.mjs")()
		for _, discovery := range []string{"helpful", "real"} {
			s.lab.Must("psc", "set", "standard_discovery="+discovery)
			p := newVisitor(t, s.root, person).login(s.address("/"))
			wantAll(t, "the session with standard_discovery="+discovery, p.body, person+" 10^1.2.250.1.213.1.1.5.5")
		}
	})
}
