package access

import (
	"context"
	"strings"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/profiles"
)

// Who is somebody who can hold a role: a person, or an organisation by its AUTH_CLI certificate.
type Who struct {
	ID           string // [Caller.ID]
	Name         string // as a certificate of theirs says; empty when nothing was issued to them yet
	Structure    string // Struct_IdNat that the certificate names; may be empty
	Organisation bool
}

// whoIs is the holder of a certificate of that profile; ok is false when it is of nobody who can
// hold a role, such as a server.
func whoIs(profile string, h profiles.Holder) (w Who, ok bool) {
	product, role, _ := strings.Cut(profile, "/")
	switch p, err := profiles.FindProduct(product); {
	case err != nil:
		return w, false
	case h.IdNat != "" && !isOrganisation(h.IdNat):
		return Who{ID: h.IdNat, Name: h.DisplayName(), Structure: h.Structure}, true
	case isClient(p, role):
		return Who{ID: h.Structure + "/" + h.Service, Name: h.Organisation, Structure: h.Structure, Organisation: true},
			h.Structure != "" && h.Service != ""
	}
	return w, false
}

// isClient tells whether a certificate is an organisation's AUTH_CLI.
func isClient(p *profiles.Product, role string) bool {
	profile, err := p.Profile(role)
	return err == nil && role == "client" && profile.Authenticates() && p.Names("CN")
}

// isOrganisation tells whether an identifier has the form of an organisation's, Struct_IdNat and
// CN. No person has such a one: the types of tables G07 and G08 go with numbers of other lengths.
func isOrganisation(id string) bool {
	structure, name, ok := strings.Cut(id, "/")
	return ok && name != "" && profiles.IsStructure(structure)
}

// ParseStructure reads a Struct_IdNat, with what people put between its characters. A number
// without its type digit is taken when only one type has such numbers.
func ParseStructure(text string) (string, error) {
	number := profiles.NormalizeIdNat(text)
	if profiles.IsStructure(number) {
		return number, nil
	}
	var fits []string
	for _, kind := range profiles.StructureKinds {
		if id, err := kind.ID(number); err == nil {
			fits = append(fits, id)
		}
	}
	switch len(fits) {
	case 1:
		return fits[0], nil
	case 0:
		return "", store.Errorf(store.Invalid, "%q is not a Struct_IdNat: write its type (0 cabinet ADELI, 1 "+
			"FINESS, 2 SIREN, "+
			"3 SIRET, 4 cabinet RPPS) and its number, such as 10B0057881", shorten(text))
	}
	return "", store.Errorf(store.Invalid, "%q may be %s: write its type digit before it", shorten(text),
		strings.Join(fits, " or "))
}

// Resolve finds whom a text means: a PS_IdNat, a RPPS number with or without its 8, the number of a
// card, a serial number, the name of a holder or of a fixture; of an organisation, its
// Struct_IdNat, a slash and the CN of its certificate, or the serial number of that. Whoever has an
// identifier can be given a role before anything is issued to them. Several people are an error
// that lists them.
func (r *Registry) Resolve(ctx context.Context, text string) (Who, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Who{}, store.Errorf(store.Invalid, "whom? give an identifier such as 899700209812, the number of a "+
			"card, "+
			"or for a certificate 10B0039129/dossier-patient")
	}
	if id, isOrg := identifier(text); id != "" {
		return r.issuedTo(ctx, id, isOrg)
	}
	named, err := ca.Resolve(ctx, r.Service, text)
	records := named.Records
	if kind := store.KindOf(err); err != nil && kind != store.Invalid && kind != store.NotFound {
		return Who{}, err
	}
	if err != nil { // nothing, or several cards, which may be of one person
		records, listErr := r.Service.List(ctx, ca.Filter{Named: text, EndEntities: true, Newest: true,
			Limit: mostNamed})
		if listErr != nil {
			return Who{}, listErr
		}
		switch found := holders(records); {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return Who{}, several(text, found)
		}
		if number := profiles.NormalizeIdNat(text); len(number) == 10 && !strings.Contains(number, "/") &&
			profiles.CheckIdNat(number) == nil {
			return r.issuedTo(ctx, number, false) // an ADELI number of digits
		}
		if f, ferr := fixtures.Find(text); ferr == nil {
			if who, ok := whoIs(f.Product+"/client", f.Holder); ok {
				return r.issuedTo(ctx, who.ID, who.Organisation)
			}
		}
		return Who{}, err
	}
	switch found := holders(records); len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Who{}, store.Errorf(store.Invalid, "%q is neither a person's nor an AUTH_CLI certificate: roles are "+
			"held by "+
			"cards and by AUTH_CLI certificates", shorten(text))
	default:
		return Who{}, several(text, found)
	}
}

// mostNamed is how many certificates are looked at when a name means several.
const mostNamed = 200

// identifier is the identifier that a text is, empty when it is something else.
func identifier(text string) (id string, organisation bool) {
	number := profiles.NormalizeIdNat(text)
	if structure, name, ok := strings.Cut(text, "/"); ok {
		// the CN of a certificate keeps its spaces and its case
		if s, err := ParseStructure(structure); err == nil && strings.TrimSpace(name) != "" {
			return s + "/" + strings.TrimSpace(name), true
		}
	}
	if rpps, err := profiles.IdNatFromRPPS(number); err == nil && len(number) >= 11 {
		return rpps, false
	}
	if adeli, err := profiles.IdNatFromADELI(number); err == nil && adeli == number && strings.ContainsAny(number,
		"AB") {
		return number, false // without a letter it may be the number of a card
	}
	if isStaff(number) {
		return number, false
	}
	return "", false
}

// isStaff tells whether an identifier is that of someone known by the register of a structure.
func isStaff(id string) bool {
	head, register, ok := strings.Cut(id, "/")
	if !ok || head == "" {
		return false
	}
	for _, kind := range profiles.StructureKinds {
		if structure, err := kind.ID(head[1:]); err == nil {
			if made, err := profiles.StaffIdNat(structure, register); err == nil && made == id {
				return true
			}
		}
	}
	return false
}

// issuedTo is the holder of an identifier, with what their newest certificate says.
func (r *Registry) issuedTo(ctx context.Context, id string, organisation bool) (Who, error) {
	w := Who{ID: id, Organisation: organisation}
	number := id
	if organisation {
		w.Structure, _, _ = strings.Cut(id, "/")
		number = w.Structure
	}
	records, err := r.Service.List(ctx, ca.Filter{Identifier: number})
	if err != nil {
		return w, err
	}
	newest := -1
	for i, record := range records {
		if found, ok := whoIs(record.Profile, record.Holder); ok && found.ID == id &&
			(newest < 0 || !record.IssuedAt.Before(records[newest].IssuedAt)) {
			newest, w = i, found
		}
	}
	return w, nil
}

// holders are the holders of some certificates, once each.
func holders(records []*ca.Record) (found []Who) {
	seen := map[string]bool{}
	for _, record := range records {
		if who, ok := whoIs(record.Profile, record.Holder); ok && !seen[who.ID] {
			seen[who.ID] = true
			found = append(found, who)
		}
	}
	return found
}

func several(text string, found []Who) error {
	var names []string
	for _, who := range found[:min(len(found), 10)] {
		names = append(names, strings.TrimSpace(who.ID+" "+who.Name))
	}
	return store.Errorf(store.Invalid, "%q may be %s: give the identifier", shorten(text), strings.Join(names, ", "))
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
