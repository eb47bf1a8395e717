package profiles

import "strings"

// URLs are the addresses that certificates name (reference §1.3). None ends in a slash.
type URLs struct {
	Publication string `yaml:"publication" json:"publication"` // CRLs, authorities' certificates, policy: http
	OCSP        string `yaml:"ocsp" json:"ocsp"`               // one for all authorities
	Directory   string `yaml:"directory" json:"directory"`     // CRLs and delta CRLs: ldap
}

// RealURLs are those of the real IGC-Santé's certificates. They serve comparisons with real
// certificates: a certificate that names them cannot be checked against the lab.
var RealURLs = URLs{
	Publication: "http://igc-sante.esante.gouv.fr",
	OCSP:        "http://ocsp.esante.gouv.fr",
	Directory:   "ldap://annuaire-igc.esante.gouv.fr",
}

// Paths of the publication point, unescaped: a server listens on them, [URLs] escapes them.
const (
	PolicyPath = "/PC TEST"
	ChainPath  = "/AC TEST/Chaine_de_certification-IGC-Sante-TEST.p7b"

	// ChainDERPath is that of the chain in DER: the real one is in PEM, which some programs do not
	// read.
	ChainDERPath = "/AC TEST/Chaine_de_certification-IGC-Sante-TEST.p7c"
)

// CRLPath is where the authority's CRL is published.
func (a Authority) CRLPath() string { return "/CRL/" + a.File() + ".crl" }

// DeltaCRLPath is where the issuing authority's delta CRL is published over HTTP. The real one is
// announced in the directory only; a lab has it here too, since many clients speak no LDAP.
func (a Authority) DeltaCRLPath() string { return "/CRL/" + a.File() + "-delta.crl" }

// CertificatePath is where the authority's certificate is published.
func (a Authority) CertificatePath() string { return "/AC TEST/" + a.File() + ".cer" }

// CRL is the HTTP address of the authority's CRL.
func (u URLs) CRL(a Authority) string { return u.Publication + escape(a.CRLPath()) }

// DeltaCRL is the HTTP address of the issuing authority's delta CRL.
func (u URLs) DeltaCRL(a Authority) string { return u.Publication + escape(a.DeltaCRLPath()) }

// Certificate is the HTTP address of the authority's certificate.
func (u URLs) Certificate(a Authority) string { return u.Publication + escape(a.CertificatePath()) }

// Chain is the address of all authorities' certificates in one PKCS#7.
func (u URLs) Chain() string { return u.Publication + escape(ChainPath) }

// ChainDER is the address of the same in DER.
func (u URLs) ChainDER() string { return u.Publication + escape(ChainDERPath) }

// Policy is the address of the certificate policy, the CPS qualifier of every certificate.
func (u URLs) Policy() string { return u.Publication + escape(PolicyPath) }

// DirectoryName is the DN of the authority's entry in the directory. The case and depth of a root's
// and of an issuing authority's differ, as in the real certificates (reference §1.2).
func (a Authority) DirectoryName() string {
	if a.IsRoot() {
		return "CN=" + a.CommonName() + ",OU=IGC-SANTE TEST,OU=0002 187512751,O=ASIP-SANTE,C=FR"
	}
	return "cn=" + a.CommonName() + ",ou=" + a.Root().CommonName() + ",ou=IGC-SANTE TEST,ou=0002 187512751,o=ASIP-SANTE,c=FR"
}

// DirectoryCRL is the LDAP address of the authority's CRL.
func (u URLs) DirectoryCRL(a Authority) string {
	class := "objectClass=pkiCA"
	if a.IsRoot() {
		class = "objectclass=pkiCa"
	}
	return u.Directory + escape("/"+a.DirectoryName()) + "?certificaterevocationlist;binary?base?" + class
}

// DirectoryDeltaCRL is the LDAP address of the issuing authority's delta CRL.
func (u URLs) DirectoryDeltaCRL(a Authority) string {
	return u.Directory + escape("/"+a.DirectoryName()) + "?deltarevocationlist;binary?base?objectClass=pkiCA"
}

// escape does what the real URLs do, and no more: a space becomes %20.
func escape(s string) string { return strings.ReplaceAll(s, " ", "%20") }
