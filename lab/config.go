package lab

import (
	"bytes"
	_ "embed"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/keys"
	"github.com/igc-lab/igc/internal/home"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/yamlfile"
	"github.com/igc-lab/igc/profiles"
)

// Config is what igc.yaml holds.
type Config struct {
	Store string       `yaml:"store"` // where the records are: InFile, or the address of a database
	Key   ca.KeyPolicy `yaml:"key"`
	// AuthorityKeys is where the keys of authorities are made: KeyFiles, or the URI of a PKCS#11
	// token, see [keys.ParseToken].
	AuthorityKeys string              `yaml:"authority_keys"`
	Generation    profiles.Generation `yaml:"generation"`
	URLs          profiles.URLs       `yaml:"urls"`
	Listen        Listen              `yaml:"listen"`
	CRL           CRLConfig           `yaml:"crl"`
	WarnBefore    time.Duration       `yaml:"warn_before"` // an authority's end
	OCSP          OCSP                `yaml:"ocsp"`
	Outbox        Outbox              `yaml:"outbox"`
	Cards         Cards               `yaml:"cards"`
	Exposed       Exposed             `yaml:"exposed"`
}

// KeyFiles is the setting of a lab whose authorities' keys are encrypted files.
const KeyFiles = "files"

// Cards is what the lab does with the cards that it issued.
type Cards struct {
	Renew bool `yaml:"renew"` // three months before its end, a card is followed by another
}

// Outbox is what becomes of the mails that the lab would have sent, beside being kept.
type Outbox struct {
	SMTP    string `yaml:"smtp"`    // host:port of a server that they are given to; empty for none
	Exposed bool   `yaml:"exposed"` // it may be on another machine
}

func (o Outbox) check() error {
	if o.SMTP == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(o.SMTP)
	n, badPort := strconv.Atoi(port)
	if err != nil || host == "" || badPort != nil || n < 1 || n > 65535 {
		return i18n.Errorf("outbox: smtp %q is not host:port, such as 127.0.0.1:1025", o.SMTP)
	}
	if ip := net.ParseIP(host); !o.Exposed && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return i18n.Errorf("outbox: smtp %q is not on this machine: give an address such as 127.0.0.1:1025, or, "+
			"if mails of the lab are to leave it, exposed: true", o.SMTP)
	}
	return nil
}

// OCSP is how the lab's responder answers.
type OCSP struct {
	Key           string        `yaml:"key"`            // of the responders: lab (that of cards), rsa2048, p256
	ResponderID   string        `yaml:"responder_id"`   // how answers name their responder: key, name (RFC 6960 §4.2.2.3)
	Validity      time.Duration `yaml:"validity"`       // from thisUpdate to nextUpdate
	Keep          int           `yaml:"keep"`           // signed answers kept in memory at most
	StoreGone     time.Duration `yaml:"store_gone"`     // how long they are given while the database does not answer
	HTTPCache     string        `yaml:"http_cache"`     // what HTTP caches are told of an answer to a GET: revalidate, until-next-update
	ArchiveCutoff string        `yaml:"archive_cutoff"` // none, issuer, or a number of days (RFC 6960 §4.4.4)
	NeverIssued   string        `yaml:"never_issued"`   // status of a serial number that was never issued: unknown, revoked (RFC 6960 §2.2)
}

// KeyPolicy is the policy by which responders' keys are made, in a lab of the given one.
func (o OCSP) KeyPolicy(lab ca.KeyPolicy) ca.KeyPolicy {
	if o.Key == "lab" {
		return lab
	}
	return ca.KeyPolicy(o.Key)
}

// ArchiveDays is the number of days that archive_cutoff gives, 0 for none and for issuer.
func (o OCSP) ArchiveDays() int {
	n, _ := strconv.Atoi(o.ArchiveCutoff)
	return n
}

func (o OCSP) check() error {
	for _, setting := range []struct {
		name, value string
		choices     []string
	}{
		{"key", o.Key, []string{"lab", string(ca.RSA2048), string(ca.P256)}},
		{"responder_id", o.ResponderID, []string{"key", "name"}},
		{"http_cache", o.HTTPCache, []string{"revalidate", "until-next-update"}},
		{"never_issued", o.NeverIssued, []string{"unknown", "revoked"}},
	} {
		if !slices.Contains(setting.choices, setting.value) {
			return i18n.Errorf("ocsp: %s %q is none of %s",
				setting.name, setting.value, strings.Join(setting.choices, ", "))
		}
	}
	switch n, err := strconv.Atoi(o.ArchiveCutoff); {
	case o.Validity < time.Minute || o.Validity > 72*time.Hour: // a responder's certificate is renewed at the middle of its week
		return i18n.Errorf("ocsp: validity %s is not between 1m and 72h", o.Validity)
	case o.StoreGone < time.Second || o.StoreGone > 72*time.Hour:
		return i18n.Errorf("ocsp: store_gone %s is not between 1s and 72h", o.StoreGone)
	case o.Keep < 0 || o.Keep > 10_000_000:
		return i18n.Errorf("ocsp: keep %d is not between 0 and 10000000", o.Keep)
	case o.ArchiveCutoff != "none" && o.ArchiveCutoff != "issuer" && (err != nil || n < 1 || n > 36500):
		return i18n.Errorf("ocsp: archive_cutoff %q is neither none, nor issuer, nor a number of days up to 36500",
			o.ArchiveCutoff)
	}
	return nil
}

// Listen holds the addresses that a server listens on, host:port.
type Listen struct {
	Publication string `yaml:"publication"`
	TestSSL     string `yaml:"testssl"`
	TLS13       string `yaml:"tls13"`
	Strict      string `yaml:"strict"`
	AnyCA       string `yaml:"any_ca"`
	Directory   string `yaml:"directory"`
	PSC         string `yaml:"psc"`
	Wallet      string `yaml:"wallet"`
	CardLogin   string `yaml:"card_login"`
	Desk        string `yaml:"desk"`
	Portal      string `yaml:"portal"`
	CardDesk    string `yaml:"card_desk"`
}

//go:embed igc.yaml.tmpl
var configTemplate string

// DefaultConfig is the configuration of a new lab: faithful keys, everything on loopback.
func DefaultConfig() Config {
	c := Config{Store: InFile, Key: ca.Faithful, AuthorityKeys: KeyFiles, Generation: profiles.Gen2016,
		CRL: defaultCRLs(), WarnBefore: 30 * 24 * time.Hour}
	c.Listen = Listen{Publication: "127.0.0.1:8080", TestSSL: "127.0.0.1:8443", TLS13: "127.0.0.1:8444",
		Strict: "127.0.0.1:8445",
		AnyCA:  "127.0.0.1:8446", Directory: "127.0.0.1:1389", PSC: "127.0.0.1:8451",
		Wallet: "127.0.0.1:8452", CardLogin: "127.0.0.1:8453",
		Desk: "127.0.0.1:8454", Portal: "127.0.0.1:8456", CardDesk: "127.0.0.1:8455"}
	c.Exposed.Listen = "0.0.0.0"
	c.OCSP = OCSP{Key: "lab", ResponderID: "key", Validity: time.Hour, Keep: 50_000, StoreGone: time.Second,
		HTTPCache: "revalidate", ArchiveCutoff: "none", NeverIssued: "unknown"}
	c.URLs = profiles.URLs{Publication: "http://localhost:8080", OCSP: "http://localhost:8080/ocsp", Directory: "ldap://localhost:1389"}
	return c
}

func (c Config) encode() ([]byte, error) {
	t, err := template.New("igc.yaml").Parse(configTemplate)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, c)
	return b.Bytes(), err
}

// readConfig reads igc.yaml. What it leaves out has its default; what it has too much, or wrong, is
// an error.
func readConfig(path string) (Config, error) {
	c := DefaultConfig()
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	if err != nil {
		return c, fail(ca.NotFound, "cannot read the lab's configuration: %w", err)
	}
	if err := yamlfile.Decode(data, &c); err != nil {
		return c, fail(ca.Invalid, "%s: %w", path, err)
	}
	if err := c.check(); err != nil {
		return c, fail(ca.Invalid, "%s: %w", path, err)
	}
	if len(c.Exposed.Names) == 0 {
		c.Exposed.Names = nil
	}
	return c, nil
}

func (c Config) check() error {
	if err := checkStore(c.Store); err != nil {
		return err
	}
	if _, err := ca.ParseKeyPolicy(string(c.Key)); err != nil {
		return err
	}
	if c.AuthorityKeys != KeyFiles {
		if _, err := keys.ParseToken(c.AuthorityKeys); err != nil {
			return i18n.Errorf("authority_keys: %w", err)
		}
	}
	if c.Generation != profiles.Gen2016 && c.Generation != profiles.Gen2023 {
		return i18n.Errorf("generation %q is neither gen2016 nor gen2023", c.Generation)
	}
	for name, address := range map[string]struct{ value, scheme string }{
		"publication": {c.URLs.Publication, "http"}, "ocsp": {c.URLs.OCSP, "http"}, "directory": {c.URLs.Directory, "ldap"},
	} {
		u, err := url.Parse(address.value)
		if err != nil || u.Scheme != address.scheme || u.Host == "" || u.RawQuery != "" || address.value[len(address.value)-1] == '/' {
			return i18n.Errorf("urls: %s %q is not %s://host[:port] without a slash at its end",
				name, address.value, address.scheme)
		}
	}
	l := c.Listen
	for _, address := range []string{l.Publication, l.TestSSL, l.TLS13, l.Strict, l.AnyCA, l.Directory} {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return i18n.Errorf("listen: %q is not host:port", address)
		}
	}
	if c.WarnBefore < 0 {
		return i18n.Errorf("warn_before %s is negative", c.WarnBefore)
	}
	return errors.Join(c.CRL.check(), c.OCSP.check(), c.Outbox.check(), c.Exposed.check())
}

// DefaultHome is $IGC_HOME, else the folder igc among the user's data.
func DefaultHome() (string, error) {
	dir, err := home.Default(os.Getenv)
	if err != nil {
		return "", fail(ca.NotFound, "%w, or give --home", err)
	}
	return dir, nil
}
