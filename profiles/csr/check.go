package csr

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"

	"github.com/igc-lab/igc/internal/i18n"
)

// Check checks the key of the request and the proof of its possession, the request's own signature.
// notes say what is unusual and taken all the same.
func (r *Request) Check() (notes []i18n.Text, err error) {
	if err := CheckKey(r.PublicKey); err != nil {
		return nil, err
	}
	switch r.SignatureAlgorithm {
	case x509.UnknownSignatureAlgorithm:
		return nil, i18n.NewError("csr-signature-unknown", i18n.Text{
			FR: "la demande est signée par un algorithme inconnu, la preuve de possession ne se vérifie pas : " +
				"refaites-la en SHA-256 (openssl req -new -sha256)",
			EN: "the request is signed with an unknown algorithm, the proof of possession cannot be checked: make " +
				"it anew with SHA-256 (openssl req -new -sha256)"})
	case x509.MD2WithRSA, x509.MD5WithRSA:
		return nil, i18n.NewError("csr-signature-md5", i18n.Text{
			FR: "la demande est signée en %s, qui ne prouve plus rien : refaites-la en SHA-256 (openssl req -new " +
				"-sha256)",
			EN: "the request is signed with %s, which proves nothing any more: make it anew with SHA-256 (openssl " +
				"req -new -sha256)"}, r.SignatureAlgorithm)
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1:
		// A collision would be of two requests by the holder of one key: nobody gains by it.
		notes = append(notes, i18n.Text{
			FR: "la demande est signée en SHA-1 : c'est accepté pour la seule preuve de possession, le certificat " +
				"est signé en SHA-256",
			EN: "the request is signed with SHA-1: this is taken for the proof of possession alone, the certificate " +
				"is signed with SHA-256"})
	}
	if err := r.proof.CheckSignature(); err != nil {
		return nil, i18n.NewError("csr-proof", i18n.Text{
			FR: "la signature de la demande ne se vérifie pas avec sa clé publique (%s) : elle a été modifiée, ou " +
				"la clé n'est pas celle du demandeur",
			EN: "the signature of the request does not verify with its public key (%s): it was changed, or the key " +
				"is not the requester's"}, err)
	}
	return notes, nil
}

// Bounds of RSA keys: the least that the IGC-Santé takes, and the most that clients of it handle.
const (
	minRSA = 2048
	maxRSA = 8192
)

// CheckKey says whether the lab certifies a public key: RSA of 2048 to 8192 bits, P-256 or P-384,
// and none that is known to be weak.
func CheckKey(public any) error {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return checkRSA(key)
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() || key.Curve == elliptic.P384() {
			return nil
		}
		return refuseKind(key.Curve.Params().Name)
	case nil:
		return refuseKind("?")
	}
	return refuseKind(KeyName(public))
}

func refuseKind(name string) error {
	return i18n.NewError("csr-key-kind", i18n.Text{
		FR: "clé %s : il faut RSA de 2048 bits au moins, P-256 ou P-384",
		EN: "%s key: RSA of 2048 bits at least, P-256 or P-384 are taken"}, name)
}

func checkRSA(key *rsa.PublicKey) error {
	bits := key.N.BitLen()
	switch {
	case bits < minRSA:
		return i18n.NewError("csr-key-short", i18n.Text{FR: "clé RSA de %d bits : il en faut 2048 au moins",
			EN: "RSA key of %d bits: 2048 at least are wanted"}, bits)
	case bits > maxRSA:
		return i18n.NewError("csr-key-long", i18n.Text{FR: "clé RSA de %d bits : plus de 8192 ne se lisent pas " +
			"partout, prenez 2048, 3072 ou 4096",
			EN: "RSA key of %d bits: not every program reads more than 8192, take 2048, 3072 or 4096"}, bits)
	case key.E < 65537 || key.E%2 == 0:
		return i18n.NewError("csr-key-exponent", i18n.Text{
			FR: "clé RSA d'exposant %d : il en faut un impair et d'au moins 65537 (les petits ouvrent des attaques " +
				"connues)",
			EN: "RSA key with the exponent %d: an odd one of 65537 or more is wanted (small ones open known " +
				"attacks)"}, key.E)
	}
	if why := weak(key.N); why != nil {
		return i18n.NewError("csr-key-weak", i18n.Text{FR: "clé RSA faible, sa clé privée se calcule : %s ; " +
			"faites-en une autre",
			EN: "weak RSA key, its private key can be computed: %s; make another"}, *why)
	}
	return nil
}

// ParsePublicKey reads a public key from PEM or DER: SubjectPublicKeyInfo, or the older RSA form
// (PKCS#1). The key of a certificate is read too. It returns the SubjectPublicKeyInfo.
func ParsePublicKey(data []byte) (spki []byte, public any, err error) {
	der := data
	if m := block.FindStringSubmatch(string(data)); m != nil {
		if der, err = decode64(m[2]); err != nil {
			return nil, nil, err
		}
	}
	if public, err = x509.ParsePKIXPublicKey(der); err != nil {
		var key *rsa.PublicKey
		if key, err = x509.ParsePKCS1PublicKey(der); err == nil {
			public = key
		} else if cert, failed := x509.ParseCertificate(der); failed == nil {
			public, err = cert.PublicKey, nil
		}
	}
	if err != nil {
		return nil, nil, i18n.NewError("public-key-unreadable", i18n.Text{
			FR: "ce n'est pas une clé publique (PEM PUBLIC KEY, ou DER) que le laboratoire sait lire : openssl pkey " +
				"-pubout en écrit une",
			EN: "this is not a public key (PEM PUBLIC KEY, or DER) that the lab can read: openssl pkey -pubout " +
				"writes one"})
	}
	if err := CheckKey(public); err != nil {
		return nil, nil, err
	}
	spki, err = x509.MarshalPKIXPublicKey(public)
	return spki, public, err
}
