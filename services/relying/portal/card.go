package portal

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/igc-lab/igc/internal/web"
)

// Login by card without Pro Santé Connect is what a service does that asks for the certificate
// itself. The browser is sent to a fresh host name of the portal's own port, at which the handshake
// asks for one. What comes back in the address is a proof, encrypted, for the browser that began.

// cardProof names the session of a card that was accepted.
type cardProof struct {
	State string // of the login
	Key   string // of the session
}

// beginCard sends the browser to the name at which the portal asks for a card.
func (p *Portal) beginCard(w http.ResponseWriter, r *http.Request) error {
	l, err := p.begin(w, r, true)
	if err != nil {
		return err
	}
	u, err := url.Parse(p.URL)
	if err != nil {
		return err
	}
	redirect(w, withLang(r, "https://"+web.FreshName()+":"+web.Port(u.Host)+"/carte?state="+l.State))
	return nil
}

// presented checks the card of a connection, as the strict page of TestSSL does: chain, dates,
// revocation, profile. Then it is that of a person.
func (p *Portal) presented(w http.ResponseWriter, r *http.Request) error {
	if !web.IsCardName(r.TLS.ServerName) { // no certificate was asked for
		return problemNotFound
	}
	report, err := p.Verifier.Check(r.Context(), r.TLS)
	if err != nil {
		return err
	}
	if !report.OK {
		p.cardPage(w, r, report)
		return nil
	}
	if report.Card == nil || !strings.HasSuffix(report.Card.Profile, "/authentication") {
		return problemNotACard
	}
	n := &session{}
	n.got.card = report
	if report.Screen != nil {
		n.got.name = strings.TrimSpace(report.Screen.Prenom + " " + report.Screen.Nom)
		n.got.id = report.Screen.Identifiant
	}
	sealed, err := p.sealer.seal("carte", cardProof{r.URL.Query().Get("state"), p.sessions.add(n)})
	if err != nil {
		return err
	}
	redirect(w, withLang(r, p.URL+"/carte/retour?preuve="+sealed))
	return nil
}

// takeCard gives the session of a card to the browser that asked for it, once.
func (p *Portal) takeCard(w http.ResponseWriter, r *http.Request) error {
	var proof cardProof
	if !p.sealer.open("carte", r.URL.Query().Get("preuve"), &proof) {
		return problemNoLogin
	}
	l, wrong := p.underWay(w, r, true, proof.State)
	if wrong != nil {
		return wrong
	}
	p.admit(w, r, proof.Key, l)
	return nil
}
