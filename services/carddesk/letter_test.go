package carddesk

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/peer"
)

var issued = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func letterOf(holder string) Letter {
	return Letter{Card: "2800811368", Product: "Carte de professionnel de santé", Holder: holder,
		Organisation: "CABINET D'ŒUVRE", Identifier: "899700209812", Issued: issued, PIN: "0042",
		UnblockingCode: "00123456", Tries: 3, UnblockingTries: 10}
}

// pdftotext reads the letter back: names with accents, of two scripts' apostrophes, long ones, and
// both codes; the bytes are the same each time.
func TestPDF(t *testing.T) {
	peer.Need(t, "pdftotext")
	long := strings.Repeat("DE LA TRÈS-LONGUE-PARTICULE ", 12) + "ÉPONYME"
	for holder, want := range map[string]string{
		"ALAIN DODO":                   "ALAIN DODO",
		"Hélène LEFÈVRE-ÇELIK":         "Hélène LEFÈVRE-ÇELIK",
		"Jeanne D'ARC":                 "Jeanne D'ARC",
		"Jeanne D’ARC":                 "Jeanne D’ARC",
		"Œdipe L'HÔPITAL-ÿ":            "Œdipe L'HÔPITAL-ÿ",
		"e\u0301le\u0300ne DECOMPOSEE": "élène DECOMPOSEE",
		"ŽOFIE ŠIMKOVÁ":                "ŽOFIE ŠIMKOVÁ",
		"O\\(BRIEN) \\":                "O\\(BRIEN) \\",
		"Ünal <b>&amp; ß€":             "Ünal <b>&amp; ß€",
		long:                           long,
	} {
		l := letterOf(holder)
		pdf, err := l.PDF()
		if err != nil {
			t.Errorf("%q: %v", holder, err)
			continue
		}
		again, err := l.PDF()
		if err != nil || !bytes.Equal(pdf, again) {
			t.Errorf("%q: other bytes the second time: %v", holder, err)
		}
		file := filepath.Join(t.TempDir(), "letter.pdf")
		if err := os.WriteFile(file, pdf, 0o600); err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(peer.Run(t, "pdftotext", "-enc", "UTF-8", "-layout", file, "-")), " ")
		for _, part := range []string{want, "CABINET D'ŒUVRE", "0042", "0012 3456", "22 novembre 2026",
			"Après 10 codes de déblocage faux", "modélisé", "n° 2800811368"} {
			if !strings.Contains(text, strings.Join(strings.Fields(part), " ")) {
				t.Errorf("no %q in %s", part, text)
			}
		}
	}
}

// A name beyond the fonts of a PDF is refused by its character, and the page has it.
func TestPDFRefuses(t *testing.T) {
	for holder, character := range map[string]string{"ŁUKASZ": "U+0141", "Γιώργος": "U+0393", "李": "U+674E",
		"ÇAĞLA": "U+011E", "A\u200bB": "U+200B", "A\u202eB": "U+202E", "A\nB": "U+000A", "E\u0301\u0328": "U+0118",
		"A\u0081": "U+0081"} {
		l := letterOf(holder)
		_, err := l.PDF()
		if store.KindOf(err) != store.Invalid || !strings.Contains(err.Error(), character) ||
			!strings.Contains(i18n.TextOf(err).FR, "--html") {
			t.Errorf("%q: %v", holder, err)
		}
		if strings.Contains(fmt.Sprint(err), l.PIN) {
			t.Errorf("the PIN is in %v", err)
		}
		if !bytes.Contains(l.HTML(), []byte(holder)) {
			t.Errorf("the page has no %q", holder)
		}
	}
}

// The page is French, escapes what it shows, loads nothing and has no script.
func TestHTML(t *testing.T) {
	l := letterOf(`<script>alert("x")</script> D'ÉON`)
	page := string(l.HTML())
	for _, want := range []string{`<html lang="fr">`, "&lt;script&gt;", "D&#39;ÉON",
		"<td>0042</td>", "<td>0012 3456</td>", "@media print", "22 novembre 2026", "modélisé", "default-src 'none'"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %s", want, page)
		}
	}
	for _, never := range []string{"<script", "http://", "https://", "<no value>", "ZgotmplZ"} {
		if strings.Contains(page, never) {
			t.Errorf("%q in %s", never, page)
		}
	}
	l.Issued = time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	if !strings.Contains(l.Text(), "1er août 2026") {
		t.Error(l.Text())
	}
}

// Nothing that prints a letter into a log prints its codes.
func TestLettersAreNotLogged(t *testing.T) {
	l := letterOf("ALAIN")
	codes := issuedCodes{l.Card, l.PIN, l.UnblockingCode}
	for _, verb := range []string{"%v", "%+v", "%s", "%#v"} {
		text := fmt.Sprintf(verb+verb, l, &l)
		if verb != "%#v" {
			text += fmt.Sprintf(verb, codes)
		}
		if strings.Contains(text, l.PIN) || strings.Contains(text, l.UnblockingCode) {
			t.Errorf("%s: %s", verb, text)
		}
	}
}

// A letter says the codes of the issue: those that the card was issued with, also after they were
// changed, and none that it was not issued with. No try is used.
func TestLetter(t *testing.T) {
	d := newDesk(t)
	for name, test := range map[string]struct {
		issue     func(*ca.CardOrder)
		use       func(*testing.T, *Card)
		pin       string
		want      string // PIN and unblocking code
		outdated  Outdated
		err, errF string
	}{
		"default": {want: "1234 12345678"},
		"given":   {pin: " 12 34", want: "1234 12345678"},
		"own PIN": {issue: func(o *ca.CardOrder) { o.PIN = "998877" }, pin: "998877", want: "998877 12345678"},
		"own PIN not given": {issue: func(o *ca.CardOrder) { o.PIN = "9988" }, err: "give it with --pin",
			errF: "donnez-le par --pin"},
		"wrong PIN": {pin: "4321", err: "was not issued with that PIN", errF: "n'a pas été émise avec ce code"},
		"own code":  {issue: func(o *ca.CardOrder) { o.UnblockingCode = "87654321" }, want: "1234 87654321"},
		"opened": {use: func(t *testing.T, c *Card) {
			if _, err := c.Folder.Open("1234"); err != nil {
				t.Fatal(err)
			}
		}, want: "1234 12345678"},
		"PIN changed": {use: func(t *testing.T, c *Card) {
			if err := c.Folder.ChangePIN("1234", "5678"); err != nil {
				t.Fatal(err)
			}
		}, want: "1234 12345678", outdated: Outdated{PIN: true}},
		"the changed PIN given": {use: func(t *testing.T, c *Card) {
			if err := c.Folder.ChangePIN("1234", "5678"); err != nil {
				t.Fatal(err)
			}
		}, pin: "5678", err: "was not issued with that PIN", errF: "n'a pas été émise avec ce code"},
		"unblocked": {use: func(t *testing.T, c *Card) {
			if _, err := c.Folder.Open("1234"); err != nil {
				t.Fatal(err)
			}
			if err := c.Folder.Unblock("12345678", "2222"); err != nil {
				t.Fatal(err)
			}
		}, want: "1234 12345678", outdated: Outdated{PIN: true}},
		"code file changed": {use: func(t *testing.T, c *Card) {
			if _, err := c.Folder.Open("1234"); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(c.Folder.Dir, "unblocking-code"), []byte("11112222\n"),
				0o600); err != nil {
				t.Fatal(err)
			}
		}, want: "1234 11112222", outdated: Outdated{UnblockingCode: true}},
		"code file damaged": {use: func(t *testing.T, c *Card) {
			if err := os.WriteFile(filepath.Join(c.Folder.Dir, "unblocking-code"), []byte("1111"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, err: "not eight digits", errF: "huit chiffres"},
	} {
		t.Run(name, func(t *testing.T) {
			c := d.issue("alain", test.issue)
			if test.use != nil {
				test.use(t, c)
			}
			before, err := c.Folder.Status()
			if err != nil {
				t.Fatal(err)
			}
			l, outdated, err := d.Letter(c.Folder, test.pin)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) ||
					!strings.Contains(i18n.TextOf(err).FR, test.errF) {
					t.Errorf("%v (%s)", err, i18n.TextOf(err).FR)
				}
			} else if err != nil || l.PIN+" "+l.UnblockingCode != test.want || outdated != test.outdated {
				t.Errorf("%s %s, %+v: %v", l.PIN, l.UnblockingCode, outdated, err)
			}
			after, err := c.Folder.Status()
			if err != nil || after.TriesLeft != before.TriesLeft || after.UnblockingsLeft != before.UnblockingsLeft {
				t.Errorf("tries: %+v, then %+v: %v", before, after, err)
			}
		})
	}
}
