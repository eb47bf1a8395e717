// Package verify checks a certificate that a client presented and reports what it found.
//
// [New] makes a [Verifier] for a lab; [Verifier.Check] takes the TLS connection and returns a
// [Report]: the checks that were made, each with a stable [Code], and the verdict, which is OK or
// the first code of level [Bad]. A check that fails does not end the others: a person sees
// everything that is wrong with a card at once. The report is for whatever serves the card: the
// TESTSSL page shows it, a login takes the verdict and the card, and as JSON it follows
// docs/card.schema.json.
//
// The checks are made in this order, which is that of the report:
//
//	tls        a certificate was presented and can be read (TLS-NOCERT, CERT-UNREADABLE)
//	chain      a path of certificates leads to a root of the lab, in the product's gamme; no authority on it is revoked
//	signature  the issuer's signature, with an algorithm and a key that servers accept
//	dates      the validity, at the verifier's clock; an end within thirty days is a note
//	usage      key usage digitalSignature and purpose clientAuth: a card's signature certificate does not authenticate
//	crl        the issuing authority's CRL
//	ocsp       the issuing authority's OCSP responder
//	profile    the departures from the product of the IGC-Santé; they are notes, since servers do not look at them
//
// The path is verified at a moment when the certificate was valid, and so an expired card still has
// its chain checked. The checks tls, chain and signature decide whether the rest can be made:
// without a certificate there is one check, without an issuing authority of the lab revocation is
// unavailable or not checked.
//
// CRLs and OCSP answers come from the interfaces of [Options], not from the addresses in the
// certificate: a lab asks its own, in the process, and a fault can be played by another
// implementation. The address that the certificate names is in [Source]. CRL and OCSP are both
// asked, and each says what the other said when they differ, since a CRL is older. A CRL of the
// IGC-Santé has no reasons: whether a certificate is on hold is then read from OCSP.
//
// The codes, their meaning in both languages and what to do about each are in codes.yaml; [Checks]
// lists them and [WriteCodes] writes docs/codes.md. Codes are stable, words are not.
//
// [Verifier.Check] returns an error, and no report, when the verifier itself fails: the store
// cannot be read, or the context ends before the checks do. That says nothing about the
// certificate.
//
// The package is independent of HTTP and of any one service.
package verify
