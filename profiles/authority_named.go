package profiles

import "bytes"

// AuthorityNamed is the authority whose subject is that name (the DER of an RDNSequence).
func AuthorityNamed(rawSubject []byte) (Authority, bool) {
	for _, a := range Authorities() {
		if der, err := a.Name().Marshal(); err == nil && bytes.Equal(der, rawSubject) {
			return a, true
		}
	}
	return Authority{}, false
}
