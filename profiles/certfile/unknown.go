package certfile

import (
	"bytes"
	"regexp"
)

// looks are the files that people hand in for a certificate, by what they begin with.
var looks = []struct {
	magic    string
	fr, en   string // what it is
	do, doEN string // what to do
}{
	{"PK\x03\x04", "un document Word, Excel ou OpenDocument, ou une archive ZIP",
		"a Word, Excel or OpenDocument file, or a ZIP archive",
		"ouvrez-le et donnez le fichier du certificat qu'il tient",
		"open it and give the file of the certificate that is in it"},
	{"\xd0\xcf\x11\xe0", "un document Office ancien", "an old Office document", "donnez le fichier du certificat",
		"give the file of the certificate"},
	{"%PDF", "un PDF", "a PDF", "donnez le fichier du certificat", "give the file of the certificate"},
	{"\x89PNG", "une image", "an image", "donnez le fichier du certificat", "give the file of the certificate"},
	{"\xff\xd8\xff", "une image", "an image", "donnez le fichier du certificat", "give the file of the certificate"},
	{"\x1f\x8b", "un fichier compressé (gzip)", "a compressed file (gzip)", "décompressez-le d'abord",
		"decompress it first"},
	{"7z\xbc\xaf", "une archive 7z", "a 7z archive", "ouvrez-la d'abord", "open it first"},
	{"Rar!", "une archive RAR", "a RAR archive", "ouvrez-la d'abord", "open it first"},
	{"\xfe\xed\xfe\xed", "un magasin Java (JKS)", "a Java key store (JKS)",
		"convertissez-le : keytool -importkeystore -srckeystore A -destkeystore A.p12 -deststoretype PKCS12",
		"convert it: keytool -importkeystore -srckeystore A -destkeystore A.p12 -deststoretype PKCS12"},
	{"\xce\xce\xce\xce", "un magasin Java (JCEKS)", "a Java key store (JCEKS)",
		"convertissez-le : keytool -importkeystore -srckeystore A -srcstoretype JCEKS -destkeystore A.p12 " +
			"-deststoretype PKCS12",
		"convert it: keytool -importkeystore -srckeystore A -srcstoretype JCEKS -destkeystore A.p12 " +
			"-deststoretype PKCS12"},
	{"SQLite format 3", "une base SQLite, comme le magasin de Firefox (cert9.db)",
		"an SQLite database, such as Firefox's store (cert9.db)",
		"exportez-en le certificat (certutil -L -n NOM -a, ou pk12util -o)",
		"export the certificate from it (certutil -L -n NAME -a, or pk12util -o)"},
	{"ssh-", "une clé publique SSH", "an SSH public key", "SSH n'a pas de certificat X.509 ; donnez celui-ci",
		"SSH has no X.509 certificate; give that one"},
	{"ecdsa-sha2-", "une clé publique SSH", "an SSH public key", "SSH n'a pas de certificat X.509 ; donnez celui-ci",
		"SSH has no X.509 certificate; give that one"},
	{"PuTTY-User-Key-File", "une clé de PuTTY", "a PuTTY key", "donnez le fichier du certificat",
		"give the file of the certificate"},
	{"-----BEGIN PGP", "un objet OpenPGP", "an OpenPGP object",
		"OpenPGP n'a pas de certificat X.509 ; donnez celui-ci", "OpenPGP has no X.509 certificate; give that one"},
	{"\x1e\xf1\xb5\xb0", "une clé privée de Microsoft (.pvk)", "a private key of Microsoft (.pvk)",
		"donnez le fichier du certificat", "give the file of the certificate"},
	{"MZ", "un programme Windows", "a Windows program", "donnez le fichier du certificat",
		"give the file of the certificate"},
	{"\x7fELF", "un programme", "a program", "donnez le fichier du certificat", "give the file of the certificate"},
}

var (
	htmlPage     = regexp.MustCompile(`(?i)^\s*(?:<!doctype html|<html|<head|<body)`)
	xmlDocument  = regexp.MustCompile(`^\s*<`)
	jsonDocument = regexp.MustCompile(`^\s*[\[{]`)
	opensslText  = regexp.MustCompile(`(?m)^\s*(?:Certificate:|Data:|Serial Number:|Issuer:|Subject:|Bag Attributes|subject=|issuer=)`)
)

// unknown is the error for bytes that are nothing of what is read. It begins with what people most
// often meant, and says what the bytes look like.
func (r *reader) unknown(data []byte) error {
	not := func(fr, en, do, doEN string) error {
		return fault("file-unknown", "pas un certificat : c'est "+fr+" ; "+do, "not a certificate: it is "+en+"; "+doEN)
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\ufeff")), blanks)
	for _, l := range looks {
		if bytes.HasPrefix(text, []byte(l.magic)) {
			return not(l.fr, l.en, l.do, l.doEN)
		}
	}
	head := text[:min(len(text), 4096)]
	switch {
	case htmlPage.Match(head):
		return not("une page HTML, souvent la page de connexion ou d'erreur d'un site",
			"an HTML page, often the login or error page of a site",
			"téléchargez le certificat de nouveau, par son lien direct",
			"download the certificate again, by its direct link")
	case xmlDocument.Match(head):
		return not("un XML sans certificat (X509Certificate)",
			"an XML document without a certificate (X509Certificate)",
			"donnez celui qui est signé, ou le fichier du certificat",
			"give the signed one, or the file of the certificate")
	case jsonDocument.Match(head):
		return not("du JSON sans certificat (x5c)", "JSON without a certificate (x5c)",
			"donnez celui qui en a un, ou le fichier du certificat",
			"give one that has it, or the file of the certificate")
	case opensslText.Match(head):
		return not("la description d'un certificat en texte, sans le certificat",
			"the description of a certificate as text, without the certificate",
			"donnez le fichier d'où elle vient, ou openssl x509 sans -noout",
			"give the file that it comes from, or use openssl x509 without -noout")
	}
	return fault("file-unknown",
		"pas un certificat, ni une CRL, une réponse OCSP, un PKCS#7, un PKCS#12 ou une clé : donnez un fichier "+
			".pem, .crt, .cer, .p7b ou .p12",
		"not a certificate, nor a CRL, an OCSP response, a PKCS#7, a PKCS#12 or a key: give a .pem, .crt, .cer, "+
			".p7b or .p12 file")
}
