package browsers

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/bolt"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/services/ecps"
)

// phoneLab is an e-CPS service with one person and its messages.
type phoneLab struct {
	*ecps.Service
	mu   sync.Mutex
	sent []string
}

const phonePerson = "899700209812"

func (*phoneLab) Contact(_ context.Context, id string) (ecps.Contact, error) {
	if id != phonePerson {
		return ecps.Contact{}, store.Errorf(store.NotFound, "no %s %q", "person", id)
	}
	return ecps.Contact{ID: id, GivenName: "ALAIN", FamilyName: "DODO0020981", Mail: "alain@medecin.example.fr",
		Phone: "06 12 34 56 78"}, nil
}

func (l *phoneLab) Mail(_ context.Context, _, _, text string) error {
	return l.SMS(context.Background(), "", text)
}

func (l *phoneLab) SMS(_ context.Context, _, text string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, text)
	return nil
}

func (l *phoneLab) last(pattern string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return regexp.MustCompile(pattern).FindString(l.sent[len(l.sent)-1])
}

func sealWith(purpose string) cipher.AEAD {
	key := sha256.Sum256([]byte("test " + purpose))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return aead
}

func (*phoneLab) Seal(purpose string, plain []byte) ([]byte, error) {
	return sealWith(purpose).Seal(nil, nil, plain, nil), nil
}

func (*phoneLab) Unseal(purpose string, sealed []byte) ([]byte, error) {
	return sealWith(purpose).Open(nil, nil, sealed, nil)
}

// TestPhone goes through the screens of the e-CPS at the width of a phone: an activation without a
// card and one with it, and logins. Requests appear by themselves.
func TestPhone(t *testing.T) {
	peer.Need(t, "chromium")
	axe := axeCore(t)
	records := bolt.Open(filepath.Join(t.TempDir(), "igc.db"), bolt.Options{})
	if err := records.Lock(time.Minute); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { records.Unlock() })
	l := &phoneLab{}
	var base string
	l.Service = ecps.New(ecps.Options{Documents: store.DocumentsOf(records, "test"), People: l, Messages: l, Seal: l,
		URL: func() string { return base }})
	server := httptest.NewServer(l.Handler())
	t.Cleanup(server.Close)
	base = strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/telephone/"

	v := startChromium(t, chromedp.Env("HOME="+t.TempDir()))
	do(v, chromedp.EmulateViewport(phone.width, phone.height, phone.options...))
	shot := func(name, heading string) {
		t.Helper()
		labtest.Until(t, heading, func() bool {
			const text = `document.querySelector("main")?.innerText ?? ""`
			shown, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](text)) // it fails while a page is left
			return err == nil && strings.Contains(shown, heading)
		})
		v.photograph("40-phone-"+name, phone)
		v.accessible(axe)
	}
	click := func(selector string) { t.Helper(); do(v, chromedp.Click(chromedp.CSS(selector))) }
	type_ := func(selector, text string) {
		t.Helper()
		do(v, chromedp.SendKeys(chromedp.CSS(selector), text))
	}

	do(v, chromedp.Navigate(base))
	shot("01-none", "Aucune e-CPS")
	click(`a.button`)
	shot("02-new", "Sans carte")
	click(`a.button.second`)
	shot("03-terms", "Conditions d'utilisation")
	click(`a.button`)
	shot("04-identifier", "mode d'activation")
	type_(`#identifiant`, phonePerson)
	click(`form button`)
	shot("05-contacts", "coordonnées")
	click(`form button`)
	shot("06-mail", "Un courriel est parti")
	do(v, chromedp.Navigate(l.last(`http://\S+`)))
	shot("07-link", "Démarrer l'activation")
	click(`form button`)
	shot("08-sms", "Un SMS est parti")
	type_(`#code`, l.last(`\d{6}`))
	click(`form button`)
	shot("09-pin", "Créez votre code PIN")
	type_(`#pin`, "1234")
	type_(`#encore`, "1234")
	click(`form button`)
	shot("10-active", "Votre e-CPS est active")
	click(`a.button`)
	shot("11-card", "Aucune demande en attente")

	ask := func() *ecps.Request {
		t.Helper()
		r, err := l.Ask(t.Context(), ecps.Asked{Person: phonePerson, ClientID: "lgc",
			ClientName: "Mon logiciel de cabinet"})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := ask()
	shot("12-request", "Vous n'êtes pas à l'origine") // by itself
	v.photograph("40-phone-12-request", desktop, dark)
	do(v, chromedp.EmulateViewport(phone.width, phone.height, phone.options...))
	click(`button[value=accepter]`)
	shot("13-pin", "Saisissez votre code PIN")
	type_(`input.digits`, "4321")
	click(`button[value=pin]`)
	shot("13-wrong", "essais restants")
	type_(`input.digits`, "1234")
	click(`button[value=pin]`)
	shot("14-numbers", "Sélectionnez le bon code")
	click(`button[value="` + r.Number + `"]`)
	shot("15-approved", "Authentification validée")
	if now, err := l.Get(t.Context(), r.ID); err != nil || now.State != ecps.StateApproved {
		t.Errorf("%+v, %v", now, err)
	}
	r = ask()
	shot("16-another", "Vous n'êtes pas à l'origine")
	if err := l.Cancel(t.Context(), r.ID); err != nil { // as "Quitter l'authentification" does
		t.Fatal(err)
	}
	shot("17-cancelled", "Authentification quittée sur le PC")
	click(`details summary`)
	shot("18-history", "Mon logiciel de cabinet")

	a, err := l.BeginWithCard(t.Context(), phonePerson)
	if err != nil {
		t.Fatal(err)
	}
	do(v, chromedp.Navigate(base+"scanner"))
	shot("19-scan", "Contenu du QR code")
	type_(`#contenu-qr`, a.QR)
	click(`form button`)
	shot("20-code", "Saisissez ce code sur le PC")
	code := do(v, chromedp.Evaluate[string](`document.querySelector("#code").textContent`))
	if err := l.ConfirmCode(t.Context(), a.ID, code); err != nil {
		t.Fatal(err)
	}
	shot("21-pin", "Créez votre code PIN") // by itself
	do(v, chromedp.Navigate(base+"?lang=en"))
	shot("22-list", "The phones of the lab")
}
