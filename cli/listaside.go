package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
)

// leftAside is what the table of igc list leaves out unless it is asked for: the test cards of the
// lab's own folder of fixtures, and the certificates of the lab's own servers.
type leftAside struct {
	fixtures map[string]bool // serial numbers; nil when they are wanted
	servers  bool

	tests        map[string]bool // test cards left out so far, by the name that the table would have
	certificates int             // of servers, left out so far
}

// newLeftAside reads what the flags leave out. A card or a holder who is asked for is shown
// whatever it is.
func newLeftAside(c *cli.Context, home string) *leftAside {
	a := &leftAside{}
	if c.Bool("all") || c.String("card") != "" || c.String("holder") != "" {
		return a
	}
	a.servers = true
	if c.Bool("fixtures") {
		return a
	}
	a.fixtures = map[string]bool{}
	// a folder of fixtures that is not whole hides what it names
	cards, _ := filepath.Glob(filepath.Join(home, "fixtures", "*", "card.json"))
	for _, path := range cards {
		var card ca.CardFile
		if data, err := os.ReadFile(path); err == nil && json.Unmarshal(data, &card) == nil {
			for _, certificate := range card.Certificates {
				a.fixtures[certificate.Serial] = true
			}
		}
	}
	return a
}

// begin forgets what was left out.
func (a *leftAside) begin() { a.tests, a.certificates = map[string]bool{}, 0 }

// takes tells whether a certificate is left out, and counts it.
func (a *leftAside) takes(r *ca.Record) bool {
	switch {
	case a.fixtures[r.Serial]:
		a.tests[r.ShortName()] = true
		return true
	case a.servers && ca.OfServer(r):
		a.certificates++
		return true
	}
	return false
}

// String says how much was left out, and by which flag it is shown.
func (a *leftAside) String() string {
	var parts []string
	if n := len(a.tests); n > 0 {
		parts = append(parts, fmt.Sprintf(tr("cartes de test : %d (--fixtures)", "test cards: %d (--fixtures)"), n))
	}
	if a.certificates > 0 {
		parts = append(parts, fmt.Sprintf(tr("certificats des serveurs du labo : %d (--all)",
			"certificates of the lab's own servers: %d (--all)"), a.certificates))
	}
	if len(parts) == 0 {
		return ""
	}
	return tr("laissés de côté : ", "left out: ") + strings.Join(parts, ", ")
}
