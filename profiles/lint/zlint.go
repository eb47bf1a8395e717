package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3/lint"
	_ "github.com/zmap/zlint/v3/lints/rfc"

	"github.com/igc-lab/igc/internal/i18n"
)

// rfcs are the sources of the lints that bind a private PKI. Those of the CA/Browser Forum and of
// the browsers' root programmes do not; those of ETSI check qcStatements, which the IGC-Santé has
// none of. What is not imported above costs neither space nor time at the start of every command.
var rfcs = []lint.LintSource{lint.RFC3279, lint.RFC5280, lint.RFC5480, lint.RFC5891, lint.RFC8813}

var rfcLints = sync.OnceValue(func() []*lint.CertificateLint {
	var all []*lint.CertificateLint
	for _, source := range rfcs {
		all = append(all, lint.GlobalRegistry().CertificateLints().BySource(source)...)
	}
	slices.SortFunc(all, func(a, b *lint.CertificateLint) int { return strings.Compare(a.Name, b.Name) })
	return all
})

// deviation is a lint that certificates break on purpose: what it finds is a notice, with the
// reason.
type deviation struct {
	lint      string
	appliesTo func(*x509.Certificate) bool
	fr, en    string
}

// deviations are all that are known. None is the real profile's: no lint of [rfcs] finds anything
// in a certificate of the IGC-Santé (a test holds every one of the reference to that). These two
// are what the lab's fast keys cost.
var deviations = []deviation{
	{"e_ecdsa_allowed_ku", overEC, "le profil est celui d'une clé RSA, et --key p256 met une clé EC à sa place",
		"the profile is that of an RSA key, and --key p256 puts an EC key in its place"},
	{"n_ecdsa_ee_invalid_ku", overEC, "le profil est celui d'une clé RSA, et --key p256 met une clé EC à sa place",
		"the profile is that of an RSA key, and --key p256 puts an EC key in its place"},
}

func overEC(c *x509.Certificate) bool { return c.PublicKeyAlgorithm == x509.ECDSA }

var statusLevels = map[lint.LintStatus]Level{
	lint.Notice: Notice, lint.Warn: Warning, lint.Error: Error, lint.Fatal: Error,
}

// parameters are what zcrypto's errors say of its own structures, addresses in memory among it:
// never twice the same.
var parameters = regexp.MustCompile(` ?\{optional:[^}]*\}`)

// rfc checks a certificate by zlint's lints. They speak English only. Whatever zlint or its parser
// does with strange bytes ends here, as a finding.
func rfc(der []byte) (found []Finding) {
	defer func() {
		if r := recover(); r != nil {
			found = append(found, Finding{Error, "zlint_panic", i18n.Text{FR: "zlint lit le certificat",
				EN: "zlint reads the certificate"},
				i18n.Same(clean(fmt.Sprint(r))), fixReissue, "RFC 5280"})
		}
	}()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		why := clean(parameters.ReplaceAllString(err.Error(), ""))
		return []Finding{{Error, "zlint_parse", i18n.Text{FR: "L'analyseur de zlint lit le certificat",
			EN: "zlint's parser reads the certificate"},
			i18n.Same(why), fixReissue, "RFC 5280"}}
	}
	for _, l := range rfcLints() {
		result := l.Execute(c, lint.Configuration{})
		level, broken := statusLevels[result.Status]
		if !broken {
			continue
		}
		seen := i18n.Text{FR: "contraire", EN: "otherwise"}
		if result.Details != "" {
			seen = i18n.Same(clean(result.Details))
		}
		f := Finding{level, l.Name, i18n.Same(strings.TrimSuffix(l.Description, ".")), seen, fixRFC(l.Citation),
			l.Citation}
		known := func(d deviation) bool { return d.lint == l.Name && d.appliesTo(c) }
		if i := slices.IndexFunc(deviations, known); i >= 0 {
			f.Level = Notice
			f.Seen.FR += " (écart connu : " + deviations[i].fr + ")"
			f.Seen.EN += " (known deviation: " + deviations[i].en + ")"
			f.Fix = fixFaithful
		}
		found = append(found, f)
	}
	return found
}
