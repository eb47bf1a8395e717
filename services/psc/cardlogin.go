package psc

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/verify"
)

// CardHandler serves login by card. Its listener asks for a client certificate and accepts any:
// what is wrong with it is explained on a page.
func (p *Provider) CardHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /carte", p.page(p.cardLogin))
	mux.HandleFunc("GET /cps-gestion", p.page(p.cardRequests))
	mux.HandleFunc("POST /cps-gestion", p.page(p.answerByCard))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, p.WalletURL+"/login-page", http.StatusFound)
	})
	mux.HandleFunc("/", p.notFoundPage)
	return web.SecurityHeaders(mux)
}

// holder is who holds the card of a connection. Without one, the report or the problem says why.
func (p *Provider) holder(r *http.Request) (person string, c *card, report *verify.Report, wrong *problem, err error) {
	if report, err = p.Verifier.Check(r.Context(), r.TLS); err != nil {
		return "", nil, nil, nil, err
	}
	if !report.OK {
		return "", nil, report, nil, nil
	}
	leaf := r.TLS.PeerCertificates[0]
	person = leaf.Subject.CommonName
	issuer, ok := report.Issuer()
	if !ok || report.Card == nil || !strings.HasSuffix(report.Card.Profile, "/authentication") {
		return "", nil, report, problemNotACard(), nil
	}
	known, err := p.person(r.Context(), person)
	if err != nil {
		return "", nil, nil, nil, err
	}
	if known == nil {
		return "", nil, report, problemUnknownCard().about(person), nil
	}
	return known.ID, &card{issuer.ID(), profiles.SerialHex(leaf.SerialNumber)}, report, nil, nil
}

// cardLogin sends the browser back to the wallet with the proof of who holds the card.
func (p *Provider) cardLogin(w http.ResponseWriter, r *http.Request, _ *Call, settings *Settings) error {
	l := p.opened(w, r, settings)
	if l == nil {
		return nil
	}
	person, c, report, wrong, err := p.holder(r)
	if err != nil {
		return err
	}
	if c == nil {
		return p.cardPage(w, r, l, report, wrong)
	}
	l.Auth = &proof{Person: person, Mode: modeCard, At: p.Now(), Card: c}
	sealed, err := p.seal(l)
	if err != nil {
		return err
	}
	http.Redirect(w, r, p.WalletURL+"/auth/carte?"+withLang(r, url.Values{"login": {sealed}}).Encode(),
		http.StatusFound)
	return nil
}

// ofPerson lists the CIBA requests that wait for a person's card, by key.
func (p *Provider) ofPerson(r *http.Request, person string) (map[string]*cibaRequest, error) {
	docs, err := p.Documents.ScanDocuments(r.Context(), cibaKind, "")
	if err != nil {
		return nil, err
	}
	list := map[string]*cibaRequest{}
	for _, doc := range docs {
		request, _, err := get[cibaRequest](r.Context(), p.Documents, cibaKind, doc.Key)
		if err != nil {
			return nil, err
		}
		if request != nil && request.Person == person && request.Channel == "CARD" && request.Answer == "" &&
			p.Now().Before(request.Expires) {
			list[doc.Key] = request
		}
	}
	return list, nil
}

// cardRequests shows the requests that wait for the card: what the tool CPS-Gestion is for the real
// service.
func (p *Provider) cardRequests(w http.ResponseWriter, r *http.Request, _ *Call, settings *Settings) error {
	person, c, report, wrong, err := p.holder(r)
	if err != nil {
		return err
	}
	if c == nil {
		return p.cardPage(w, r, nil, report, wrong)
	}
	list, err := p.ofPerson(r, person)
	if err != nil {
		return err
	}
	return p.requestsPage(w, r, person, list)
}

// answerByCard approves or refuses a request as the card's holder.
func (p *Provider) answerByCard(w http.ResponseWriter, r *http.Request, _ *Call, settings *Settings) error {
	if !web.SameOrigin(r) {
		p.problemPage(w, r, http.StatusForbidden, problemOrigin(), nil)
		return nil
	}
	person, c, report, wrong, err := p.holder(r)
	if err != nil {
		return err
	}
	if c == nil {
		return p.cardPage(w, r, nil, report, wrong)
	}
	key := r.PostForm.Get("demande")
	if len(key) == 64 && strings.Trim(key, "0123456789abcdef") == "" {
		request, version, err := get[cibaRequest](r.Context(), p.Documents, cibaKind, key)
		if err != nil {
			return err
		}
		if request != nil && request.Person == person && request.Channel == "CARD" && request.Answer == "" &&
			p.Now().Before(request.Expires) {
			request.Answer, request.At, request.Card = "refused", p.Now(), c
			if r.PostForm.Get("reponse") == "accepter" {
				request.Answer = "approved"
			}
			write, err := put(cibaKind, key, request,
				p.until(settings.Interval+int(request.Expires.Sub(p.Now()).Seconds())), &version)
			if err != nil {
				return err
			}
			if _, err := p.Documents.WriteDocuments(r.Context(), "", write); err != nil {
				return err
			}
		}
	}
	http.Redirect(w, r, "/cps-gestion?"+withLang(r, url.Values{}).Encode(), http.StatusSeeOther)
	return nil
}
