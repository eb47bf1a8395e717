package psc

import (
	_ "embed"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/services/ecps"
)

// problem is what ends a page of a login, or stands above its form: what happened, and what to do.
// problems.yaml lists them all.
type problem struct {
	Code  string    `yaml:"code"`
	Title i18n.Text `yaml:"title"`
	Text  i18n.Text `yaml:"text"`
	Do    i18n.Text `yaml:"do"`
}

//go:embed problems.yaml
var problemsFile []byte

var problems = sync.OnceValue(func() (list []*problem) {
	if err := yaml.Unmarshal(problemsFile, &list); err != nil {
		panic(err) // it is embedded
	}
	return list
})

// coded gives the problem of that code. A test ends on each of them.
func coded(code string) func() *problem {
	return func() *problem {
		for _, p := range problems() {
			if p.Code == code {
				return p
			}
		}
		panic("problems.yaml lacks " + code)
	}
}

var (
	problemTooOld       = coded("LOGIN-TOO-OLD")
	problemSpent        = coded("LOGIN-SPENT")
	problemInternal     = coded("LOGIN-INTERNAL")
	problemAway         = coded("LOGIN-AWAY")
	problemOrigin       = coded("LOGIN-ORIGIN")
	problemForm         = coded("LOGIN-FORM")
	problemExpired      = coded("LOGIN-TIMEOUT")
	problemNotFound     = coded("LOGIN-NOT-FOUND")
	problemNoIdentifier = coded("LOGIN-NO-IDENTIFIER")
	problemIdentifier   = coded("LOGIN-IDENTIFIER")
	problemNo8          = coded("PSC-NO-8")
	problemUnknown      = coded("PSC-HINT-UNKNOWN")
	problemNoECPS       = coded("ECPS-NONE")
	problemECPSExpired  = coded("ECPS-EXPIRED")
	problemBlocked      = coded("ECPS-BLOCKED")
	problemUnknownCard  = coded("CARD-UNKNOWN")
	problemRevoked      = coded("CARD-REVOKED")
	problemNotACard     = coded("CARD-NOT-A-PERSON")
)

// about is the problem with a person's identifier where its texts name one.
func (p *problem) about(id string) *problem {
	named := strings.NewReplacer("IDENTIFIANT", id, "IDENTIFIER", id)
	put := func(t i18n.Text) i18n.Text { return i18n.Text{FR: named.Replace(t.FR), EN: named.Replace(t.EN)} }
	return &problem{p.Code, p.Title, put(p.Text), put(p.Do)}
}

// problemOfECPS is why a person's phone cannot be asked; nil when that is not because of their
// e-CPS.
func problemOfECPS(code ecps.Code, id string) *problem {
	switch code {
	case ecps.NoECPS:
		return problemNoECPS().about(id)
	case ecps.Expired:
		return problemECPSExpired().about(id)
	case ecps.Blocked:
		return problemBlocked().about(id)
	}
	return nil
}
