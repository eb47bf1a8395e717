package verify

import (
	"strings"

	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/inspect"
)

// describe lists what the certificate says, and what each of its identifiers is made of.
func describe(c *inspect.Certificate) *Card {
	card := &Card{Product: (*Text)(c.Product), Profile: c.Profile, Status: c.Status,
		Subject: c.Subject, Issuer: c.Issuer, SHA256: c.Fingerprint, Facts: []Fact{}}
	_, card.Role, _ = strings.Cut(c.Profile, "/")
	add := func(key, fr, en, value string, means *Text) {
		if value != "" {
			card.Facts = append(card.Facts, Fact{Key: key, Label: Text{FR: fr, EN: en}, Value: value,
				Means: means})
		}
	}
	h := c.Holder
	add("holder", "Porteur", "Holder", strings.TrimSpace(h.GivenName+" "+h.Surname), nil)
	add("pseudonym", "Pseudonyme", "Pseudonym", h.Pseudonym, &Text{FR: "carte sans nom : ni GN ni SN",
		EN: "card without a name: neither GN nor SN"})
	add("title", "Titre", "Title", h.Title, nil)
	for _, code := range c.Codes {
		value := code.Code
		switch code.ID {
		case "G08":
			value = h.IdNat
		case "G07":
			value = h.Structure
		}
		add(strings.ToLower(code.ID), code.Table.FR+" ("+code.ID+")", code.Table.EN+" ("+code.ID+")", value,
			meaning(code, h))
	}
	for _, warning := range h.Warnings() {
		card.Facts = append(card.Facts, Fact{Key: "remark", Label: Text{FR: "Remarque", EN: "Remark"},
			Value: warning.EN, Words: &warning})
	}
	add("organisation", "Organisation", "Organisation", h.Organisation, nil)
	add("service", "Service", "Service", h.Service, nil)
	add("department", "Département", "Department", h.Department, nil)
	add("card_number", "N° de carte", "Card number", h.CardNumber, nil)
	add("email", "Adresse électronique", "E-mail", h.Email, nil)
	for _, e := range c.Extensions {
		if e.Name == "subjectAltName" {
			add("subject_alt_name", "Autre nom du sujet", "Subject alternative name", e.Text, nil)
		}
	}
	add("key", "Clé", "Key", c.Key.String(), nil)
	add("sha256", "SHA-256", "SHA-256", c.Fingerprint, nil)
	return card
}

// Fact is the value of the first fact of that key, empty when the certificate does not state it.
func (c *Card) Fact(key string) string {
	for _, f := range c.Facts {
		if f.Key == key {
			return f.Value
		}
	}
	return ""
}

// meaning is the label of a code; for an identifier, also the number that follows the digit of its
// type.
func meaning(code inspect.Code, h profiles.Holder) *Text {
	label := code.Label
	if label == "" {
		label = "?"
	}
	var rest string
	switch code.ID {
	case "G08":
		rest = h.IdNat[1:]
	case "G07":
		rest = h.Structure[1:]
	default:
		return &Text{FR: label, EN: label} // the nomenclature is in French
	}
	number, register, ok := strings.Cut(rest, "/")
	fr, en := code.Code+" = "+label+", numéro "+number, code.Code+" = "+label+", number "+number
	if ok {
		fr, en = fr+", registre "+register, en+", register number "+register
	}
	return &Text{FR: fr, EN: en}
}
