package lab

import (
	"time"
	_ "time/tzdata" // the real authorities live by the clock of Paris, on a machine that may have no zones

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
)

// CRLConfig is what igc.yaml says of CRLs.
type CRLConfig struct {
	Form    ca.CRLForm   `yaml:"form"`
	AtOnce  bool         `yaml:"at_once"` // a change of status is published at the next request, not at the next date
	Expired string       `yaml:"expired"` // listed or removed: the certificates that expired
	IDP     bool         `yaml:"idp"`     // rich lists: a critical issuingDistributionPoint, which NSS refuses in a full CRL
	Cache   CacheControl `yaml:"http_cache"`
	Issuing Schedule     `yaml:"issuing"`
	Roots   Schedule     `yaml:"roots"`
	Delta   Schedule     `yaml:"delta"`
}

// Schedule says when a list is made anew though nothing changed, and until when it may be relied
// on. The validity less the rhythm is the time in which a missed list harms nobody.
type Schedule struct {
	Every    Interval      `yaml:"every"`
	Validity time.Duration `yaml:"validity"`
}

// Interval is daily (at midnight in Paris), monthly (on the first, at midnight UTC) or a duration
// such as 6h: the dates of the real CRLs (reference §1.4) or others.
type Interval string

// CacheControl is what HTTP caches may do with a CRL.
type CacheControl string

// The values of http_cache.
const (
	UntilNextUpdate CacheControl = "until-next-update" // a cache may keep a CRL until its nextUpdate
	Revalidate      CacheControl = "revalidate"        // a cache must ask each time whether the CRL has changed
)

var paris = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err) // the zones are in the binary
	}
	return zone
}()

// Next is the first date of the rhythm after a list was made.
func (r Interval) Next(made time.Time) time.Time {
	switch r {
	case "daily":
		y, m, d := made.In(paris).Date()
		return time.Date(y, m, d+1, 0, 0, 0, 0, paris).UTC()
	case "monthly":
		y, m, _ := made.UTC().Date()
		return time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC)
	}
	d, _ := time.ParseDuration(string(r))
	return made.Add(d)
}

// defaultCRLs are the dates and the form of the real CRLs, which certificates leave when they have
// expired (reference §11.7). Nothing is known of the real delta CRLs' dates.
func defaultCRLs() CRLConfig {
	return CRLConfig{Form: ca.FaithfulCRL, AtOnce: true, Expired: "removed", Cache: UntilNextUpdate,
		Issuing: Schedule{"daily", 6 * 24 * time.Hour}, Roots: Schedule{"monthly", 45 * 24 * time.Hour}, Delta: Schedule{"daily", 2 * 24 * time.Hour}}
}

func (c CRLConfig) check() error {
	if c.Form != ca.FaithfulCRL && c.Form != ca.RichCRL {
		return i18n.Errorf("crl: form %q is neither %s nor %s", c.Form, ca.FaithfulCRL, ca.RichCRL)
	}
	if c.Expired != "listed" && c.Expired != "removed" {
		return i18n.Errorf("crl: expired %q is neither listed nor removed", c.Expired)
	}
	if c.Cache != UntilNextUpdate && c.Cache != Revalidate {
		return i18n.Errorf("crl: http_cache %q is neither %s nor %s", c.Cache, UntilNextUpdate, Revalidate)
	}
	for name, s := range map[string]Schedule{"issuing": c.Issuing, "roots": c.Roots, "delta": c.Delta} {
		longest := 31 * 24 * time.Hour
		switch s.Every {
		case "monthly":
		case "daily":
			longest = 25 * time.Hour // of summer time's end
		default:
			var err error
			if longest, err = time.ParseDuration(string(s.Every)); err != nil || longest < time.Minute {
				return i18n.Errorf("crl: %s: every %q is neither daily, monthly nor a duration of a minute or more, such as 6h",
					name, s.Every)
			}
		}
		if s.Validity < longest {
			return i18n.Errorf("crl: %s: a list valid for %s would end before the next one, %s",
				name, s.Validity, s.Every)
		}
	}
	return nil
}
