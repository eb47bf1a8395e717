package profiles

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"

	"github.com/igc-lab/igc/internal/i18n"
)

// namesHosts tells whether the product's certificates name hosts in their subjectAltName.
func (p *Product) namesHosts() bool {
	return slices.ContainsFunc(p.Certificates, func(c *Profile) bool { return c.usage.SAN == "dns" })
}

// ipAddress reads an IP address, also one in brackets.
func ipAddress(text string) (netip.Addr, bool) {
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") {
		text = inner[:len(inner)-1]
	}
	a, err := netip.ParseAddr(text)
	return a.Unmap(), err == nil && a.Zone() == ""
}

// toASCII makes A-labels of a name's labels, as browsers do before they ask for it.
var toASCII = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.StrictDomainName(true),
	idna.VerifyDNSLength(true))

// hostName reads the name of a server as its certificate has it: a host name, with A-labels, or an
// IP address. field is what the text was given as.
func hostName(field, text string) (string, error) {
	shown := abbreviate(text)
	text = strings.TrimFunc(text, invisible)
	if a, ok := ipAddress(text); ok {
		return a.String(), nil
	}
	if host, ok := hostOfURL(text); ok {
		return text, wrong(field, "%q est une adresse web, pas un nom d'hôte : donnez %q",
			"%q is a URL, not a host name: give %q", shown, host)
	}
	host := strings.TrimSuffix(text, ".")
	switch {
	case strings.ContainsAny(text, ",;|") || strings.ContainsFunc(text, unicode.IsSpace):
		return text, wrong(field, "%q contient plusieurs noms ou une espace : donnez un nom, et chaque autre par --dns",
			"%q holds several names or a space: give one name, and each other by --dns", shown)
	case strings.Contains(text, "@"):
		return text, wrong(field, "%q est une adresse électronique, pas un nom d'hôte",
			"%q is an e-mail address, not a host name", shown)
	case host != text && checkHost(host) == nil:
		return text, wrong(field, "%q finit par un point : donnez %q", "%q ends with a dot: give %q", shown, host)
	}
	prefix, name := "", text
	if rest, ok := strings.CutPrefix(text, "*."); ok {
		prefix, name = "*.", rest
	}
	if strings.Contains(name, "*") || prefix != "" && !strings.Contains(name, ".") {
		return text, wrong(field,
			"%q : une étoile tient la place de la première partie d'un nom, et deux parties la suivent : *.hopital.fr",
			"%q: a star stands for the first part of a name, and two parts follow it: *.hopital.fr", shown)
	}
	if isASCII(name) && !strings.Contains(strings.ToLower(name), "xn--") {
		if err := checkHost(name); err != nil {
			return text, wrong(field, "%q n'est pas un nom d'hôte (DNS) : %s", "%q is not a DNS name: %s", shown, err)
		}
		return text, nil
	}
	ascii, err := toASCII.ToASCII(name)
	if err != nil || checkHost(ascii) != nil {
		return text, wrong(field, "%q n'est pas un nom d'hôte (DNS), même en forme xn--",
			"%q is not a DNS name, not even in its xn-- form", shown)
	}
	return prefix + ascii, nil
}

// hostOfURL finds the host name in a URL, or in a name with a port or a path.
func hostOfURL(text string) (host string, ok bool) {
	if strings.ContainsFunc(text, unicode.IsSpace) || !strings.ContainsAny(text, ":/?#") {
		return "", false
	}
	if !strings.Contains(text, "//") {
		text = "//" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return "", false
	}
	host = strings.TrimSuffix(u.Hostname(), ".")
	if _, ip := ipAddress(host); !ip && checkHost(host) != nil && isASCII(host) {
		return "", false
	}
	return host, true
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}

// checkHost says what is wrong with a host name of ASCII letters.
func checkHost(name string) error {
	if len(name) > 253 {
		return wrongHost("il dépasse 253 caractères", "it is longer than 253 characters")
	}
	labels := strings.Split(name, ".")
	for _, l := range labels {
		switch {
		case l == "":
			return wrongHost("une partie est vide", "a part is empty")
		case len(l) > 63:
			return wrongHost("une partie dépasse 63 caractères", "a part is longer than 63 characters")
		case strings.Trim(strings.ToLower(l), "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
			return wrongHost("il n'a que des lettres, des chiffres, des tirets et des points",
				"it has letters, digits, hyphens and dots only")
		case l[0] == '-' || l[len(l)-1] == '-':
			return wrongHost("une partie commence ou finit par un tiret", "a part begins or ends with a hyphen")
		}
	}
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		return wrongHost("il finit par un nombre sans être une adresse IP",
			"it ends with a number and is not an IP address")
	}
	return nil
}

func wrongHost(fr, en string) error { return i18n.NewError("host-name", i18n.Text{FR: fr, EN: en}) }

// emailAddress reads an e-mail address as certificates have it: without a scheme or a display name,
// its domain in A-labels.
func emailAddress(text string) (string, error) {
	shown := abbreviate(text)
	text = strings.TrimFunc(text, invisible)
	bare := text
	if i := strings.LastIndexByte(text, '<'); i >= 0 && strings.HasSuffix(text, ">") {
		bare = text[i+1 : len(text)-1]
	}
	if len(bare) > len("mailto:") && strings.EqualFold(bare[:len("mailto:")], "mailto:") {
		bare, _, _ = strings.Cut(bare[len("mailto:"):], "?")
	}
	address, ok := plainAddress(bare)
	switch {
	case ok && bare == text:
		return address, nil
	case ok:
		return text, wrong("email", "%q : donnez l'adresse seule, %s", "%q: give the address alone, %s", shown, address)
	case strings.ContainsAny(bare, ",;") || strings.Count(bare, "@") > 1:
		return text, wrong("email", "%q contient plusieurs adresses : donnez-en une",
			"%q holds several addresses: give one", shown)
	case strings.HasSuffix(bare, "."):
		return text, wrong("email", "%q finit par un point : ce n'est pas une adresse électronique",
			"%q ends with a dot: it is not an e-mail address", shown)
	}
	return text, wrong("email", "%q n'est pas une adresse électronique, telle que prenom.nom@hopital.fr",
		"%q is not an e-mail address, such as prenom.nom@hopital.fr", shown)
}

// plainAddress takes a dot-atom and a domain of two labels or more (RFC 5321 §4.1.2).
func plainAddress(text string) (string, bool) {
	local, domain, ok := strings.Cut(text, "@")
	const atext = "!#$%&'*+/=?^_`{|}~-"
	for _, atom := range strings.Split(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool {
			return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) &&
				!strings.ContainsRune(atext, r)
		}) {
			return "", false
		}
	}
	if !ok || len(local) > 64 || !strings.Contains(domain, ".") {
		return "", false
	}
	if !isASCII(domain) {
		ascii, err := toASCII.ToASCII(domain)
		if err != nil {
			return "", false
		}
		domain = ascii
	}
	return local + "@" + domain, checkHost(domain) == nil
}

// IsDNSName tells whether a text is a host name that a certificate can have.
func IsDNSName(name string) bool { return checkHost(strings.TrimPrefix(name, "*.")) == nil }
