package console

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	vcard "github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/card/folder"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/services/carddesk"
)

// issued is a card of the lab, or a certificate without one, with its files where they are at hand.
type issued struct {
	Name    string
	IsCard  bool
	Records []*ca.Record // in the order of the product
	Product *profiles.Product
	State   state
	Files   *folder.Card // nil when the lab's folder does not have them
}

// findIssued finds what an address names: the number of a card, or a serial number.
func (c *Console) findIssued(ctx context.Context, name string) (*issued, error) {
	one := &issued{Name: name}
	missing := store.Errorf(store.NotFound, "the lab issued no card and no certificate %s: igc list shows those of "+
		"the lab", name)
	var err error
	if len(name) == 10 && strings.Trim(name, "0123456789") == "" {
		one.IsCard = true
		one.Records, err = c.Lab.List(ctx, ca.Filter{Card: name, EndEntities: true})
	} else {
		one.Records, err = c.bySerial(ctx, name)
	}
	if err != nil {
		return nil, err
	}
	if len(one.Records) == 0 {
		return nil, missing
	}
	slices.SortStableFunc(one.Records, func(a, b *ca.Record) int { return place(a) - place(b) })
	id, _, _ := strings.Cut(one.Records[0].Profile, "/")
	if one.Product, err = profiles.FindProduct(id); err != nil {
		return nil, missing
	}
	now := c.Now()
	if one.State = certificateState(one.Records[0], now); one.IsCard {
		one.State = cardState(one.Records, now)
	}
	if files, err := folder.Read(filepath.Join(c.Lab.Home, "cards", name)); err == nil {
		one.Files = files
	}
	return one, nil
}

// bySerial finds the certificate of a whole serial number, whichever authority has it.
func (c *Console) bySerial(ctx context.Context, text string) ([]*ca.Record, error) {
	serial, err := hex.DecodeString(text)
	if err != nil || len(serial) == 0 || len(serial) > 20 {
		return nil, nil
	}
	for _, a := range profiles.Authorities() {
		r, err := c.Lab.Lookup(ctx, a, serial)
		if kind := store.KindOf(err); kind == store.NotFound || kind == store.Invalid {
			continue
		}
		if err != nil || r.IsAuthority() {
			return nil, err
		}
		return []*ca.Record{r}, nil
	}
	return nil, nil
}

// Holder is whom it is of.
func (i *issued) Holder() profiles.Holder { return i.Records[0].Holder }

// command is what names it on a command line.
func (i *issued) target() string {
	if i.IsCard {
		return "--card " + i.Name
	}
	return i.Name
}

// PKCS12 are the files with its keys.
func (i *issued) PKCS12() (names []string) {
	if i.Files != nil {
		for _, c := range i.Files.Certificates {
			if c.PKCS12 != "" {
				names = append(names, c.PKCS12)
			}
		}
	}
	return names
}

// Usable tells whether a certificate of it is not revoked for good; OnHold whether one is on hold.
func (i *issued) Usable() bool {
	return slices.ContainsFunc(i.Records, func(r *ca.Record) bool { return r.Status != ca.Revoked })
}

func (i *issued) OnHold() bool {
	return slices.ContainsFunc(i.Records, func(r *ca.Record) bool { return r.Status == ca.OnHold })
}

// Pick is how a browser's list of certificates names the one to present.
func (i *issued) Pick() string {
	c, err := i.Records[0].Certificate()
	if err != nil {
		return ""
	}
	serial := i.Records[0].Serial
	return c.Subject.CommonName + " (…" + serial[max(0, len(serial)-6):] + ")"
}

// Commands are the command lines that do what the actions of its page do.
func (i *issued) Commands() (list []labelled) {
	add := func(fr, en, command string) { list = append(list, labelled{i18n.Text{FR: fr, EN: en}, command}) }
	if i.IsCard && i.Files != nil {
		add("Insérer", "Insert", "igc card insert "+i.Name)
	}
	add("Renouveler", "Renew", "igc renew "+i.Name)
	switch {
	case i.OnHold():
		add("Lever la suspension", "Lift the suspension", "igc unhold "+i.target())
	case i.Usable():
		add("Suspendre", "Suspend", "igc revoke "+i.target()+" --reason certificateHold")
	}
	if i.Usable() {
		add("Révoquer", "Revoke", "igc revoke "+i.target()+" --reason keyCompromise")
	}
	return list
}

// labelled is a value with its label.
type labelled struct {
	Label i18n.Text
	Value string
}

// The parts of a card's page, by what its address says.
const (
	identityPart     = "identite"
	certificatesPart = "certificats"
	revocationPart   = "revocation"
	historyPart      = "historique"
)

// cardView is what the page of a card is made from.
type cardView struct {
	view
	*issued
	Part         string
	Parts        []choice
	Reader       int // in which it is; 0 for none
	Successor    carddesk.Replacement
	Test         string
	Facts        []labelled
	Certificates []certificate
	Revocation   []revocationView
	History      history
}

// ProductName is what it is.
func (v cardView) ProductName() string {
	return v.Say(i18n.Text{FR: v.issued.Product.FR, EN: v.issued.Product.EN})
}

// Modelled tells whether no real certificate attests its profile.
func (v cardView) Modelled() bool {
	return slices.ContainsFunc(v.issued.Product.Certificates,
		func(c *profiles.Profile) bool { return c.Status == profiles.Modelled })
}

func (c *Console) cardPage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	one, err := c.findIssued(ctx, r.PathValue("name"))
	if err != nil {
		return err
	}
	v := cardView{view: c.view(w, r, i18n.Same(one.Holder().DisplayName())), issued: one, Test: c.testLink(),
		Part: r.URL.Query().Get("vue")}
	v.Parts = []choice{{identityPart, i18n.Text{FR: "Identité", EN: "Identity"}, false},
		{certificatesPart, i18n.Text{FR: "Certificats", EN: "Certificates"}, false},
		{revocationPart, i18n.Text{FR: "Révocation", EN: "Revocation"}, false},
		{historyPart, i18n.Text{FR: "Historique", EN: "History"}, false}}
	if !slices.ContainsFunc(v.Parts, func(p choice) bool { return p.Value == v.Part }) {
		v.Part = identityPart
	}
	for i := range v.Parts {
		v.Parts[i].Current = v.Parts[i].Value == v.Part
	}
	v.Title = web.Visible(one.Holder().DisplayName()) + ", " + v.Say(one.State.Text)
	if one.IsCard {
		if v.Successor, err = c.CardDesk("").Successor(ctx, one.Name); err != nil {
			return err
		}
		v.Reader = c.readerOf(one.Name)
	}
	switch v.Part {
	case identityPart:
		v.Facts = factsOf(one)
	case certificatesPart:
		now := c.Now()
		for _, record := range one.Records {
			v.Certificates = append(v.Certificates, certificate{record, profileName(record.Profile),
				certificateState(record, now)})
		}
	case revocationPart:
		v.Revocation = c.asClientsSee(ctx, one.Records)
	case historyPart:
		if v.History, err = c.historyOf(ctx, one, r.URL.Query().Get("avant")); err != nil {
			return err
		}
	}
	c.pages.Render(w, http.StatusOK, "card.html", v.Lang, v)
	return nil
}

// factsOf are what a card says of its holder.
func factsOf(i *issued) (facts []labelled) {
	h := i.Holder()
	add := func(fr, en, value string) {
		if value != "" {
			facts = append(facts, labelled{i18n.Text{FR: fr, EN: en}, value})
		}
	}
	coded := func(table, code string) string {
		if label, ok := profiles.Label(table, code); ok {
			return code + ", " + label
		}
		return code
	}
	add("Prénom", "Given name", h.GivenName)
	add("Nom", "Surname", h.Surname)
	add("Pseudonyme", "Pseudonym", h.Pseudonym)
	add("Identifiant", "Identifier", h.IdNat)
	add("Profession", "Profession", coded(i.Product.Profession, h.Profession))
	for _, s := range h.Specialities {
		add("Spécialité", "Speciality", coded("R01", s))
	}
	add("Raison sociale", "Organisation", h.Organisation)
	add("Structure", "Structure", h.Structure)
	add("Département", "Department", h.Department)
	add("Service ou hôte", "Service or host", h.Service)
	add("Autres hôtes", "Other hosts", strings.Join(h.DNSNames, ", "))
	add("Adresse électronique", "E-mail address", h.Email)
	return facts
}

// readerOf is the virtual reader that a card is in, 0 when it is in none.
func (c *Console) readerOf(number string) int {
	inserted, err := vcard.NewReaders(c.Lab.Home).Inserted()
	if err != nil {
		return 0
	}
	for _, in := range inserted {
		if one, err := vcard.Read(in.Dir); err == nil && one.Number == number {
			return in.Reader
		}
	}
	return 0
}

// errKeys refuses a private key to somebody who has not proved to be the owner of the lab.
var errKeys = store.Errorf(store.Invalid, "private keys (.p12) are given to the owner of this lab only, on this "+
	"machine: open the console by the link that igc serve prints, which igc catalogue /console/ prints again")

// cardFile serves a file of a card: its certificates and their chain to everybody, its keys to the
// owner of the lab.
func (c *Console) cardFile(w http.ResponseWriter, r *http.Request) error {
	one, err := c.findIssued(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	name := r.PathValue("file")
	var public []string
	if one.Files != nil {
		public = append(public, "chain.pem")
		for _, cert := range one.Files.Certificates {
			public = append(public, cert.Certificate)
		}
	}
	return c.serveFile(w, r, filepath.Join(c.Lab.Home, "cards"), one.Name, name, one.PKCS12(), public)
}

// serveFile serves a file of a folder, if it is among its keys or its public files.
func (c *Console) serveFile(w http.ResponseWriter, r *http.Request, parent, dir, name string, keys,
	public []string) error {
	missing := store.Errorf(store.NotFound, "there is no file %s of %s in the lab's folder", name, dir)
	kind := "application/x-pem-file"
	switch {
	case slices.Contains(keys, name):
		if !c.Keys.Here(r) || !c.Keys.Owner(r) || !web.SameOrigin(r) {
			return errKeys
		}
		kind = "application/x-pkcs12"
	case !slices.Contains(public, name):
		return missing
	}
	root, err := os.OpenRoot(parent) // card.json is a file that someone may have written
	if err != nil {
		return missing
	}
	defer root.Close()
	f, err := root.Open(filepath.Join(dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return missing
	}
	if err != nil {
		return err
	}
	defer f.Close()
	web.NoStore(w)
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+dir+"-"+name+`"`)
	http.ServeContent(w, r, "", time.Time{}, f)
	return nil
}
