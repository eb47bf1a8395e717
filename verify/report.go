package verify

import (
	"strings"
	"time"

	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/inspect"
)

// Report is everything that was found about the certificate of one connection. As JSON it follows
// docs/card.schema.json.
type Report struct {
	At      time.Time `json:"at"`
	Verdict Code      `json:"verdict"` // OK, or the first code of level bad
	OK      bool      `json:"ok"`
	TLS     TLS       `json:"tls"`
	Screen  *Screen   `json:"screen"` // the lines of the public TESTSSL screen; null without a readable certificate
	Card    *Card     `json:"card"`   // null without a readable certificate
	Checks  []Check   `json:"checks"`
	Headers []Header  `json:"headers"` // what a server in front of an application would pass on
	PEM     string    `json:"pem,omitempty"`

	issuer *issuer         // see [Report.Issuer]
	holder profiles.Holder // see [Report.Holder]
}

// Holder is whom the certificate names, as far as it can be read. It is worth something when the
// report is OK.
func (r *Report) Holder() profiles.Holder { return r.holder }

// Issuer is the authority of the lab that issued the certificate, by a path that was verified; ok
// is false when there is none.
func (r *Report) Issuer() (a profiles.Authority, ok bool) {
	if r.issuer == nil {
		return a, false
	}
	return r.issuer.Authority, true
}

// TLS is what was negotiated.
type TLS struct {
	Version string `json:"version"`
	Suite   string `json:"suite"`
	Sent    int    `json:"certificates_sent"`
}

func (t TLS) String() string { return t.Version + ", " + t.Suite }

// Screen holds the lines of the public TESTSSL screen, in its own words and formats (reference
// §4.1).
type Screen struct {
	Organisation string `json:"organisation"`
	Autorite     string `json:"autorite"`
	Classe       string `json:"classe"`
	Prenom       string `json:"prenom"`
	Nom          string `json:"nom"`
	Identifiant  string `json:"identifiant"`
	Ville        string `json:"ville"`
	Serie        string `json:"serie"`
	Cree         string `json:"cree"`
	Expire       string `json:"expire"`
	Verification string `json:"verification"` // SUCCESS, or FAILED: and why, as nginx passes it on
}

// Card is what the certificate says, field by field.
type Card struct {
	Product *Text           `json:"product"`           // null when it is of no product of the IGC-Santé
	Profile string          `json:"profile,omitempty"` // product/role
	Role    string          `json:"role,omitempty"`
	Status  profiles.Status `json:"status,omitempty"` // attested or modelled
	Subject string          `json:"subject"`
	Issuer  string          `json:"issuer"`
	SHA256  string          `json:"sha256"`
	Facts   []Fact          `json:"facts"`
}

// Fact is one statement of the certificate. Its key is stable and its label is not. A key may come
// more than once: a holder has several specialities.
type Fact struct {
	Key   string `json:"key"` // holder, card_number..., or the table of a code in lower case: g15
	Label Text   `json:"label"`
	Value string `json:"value"`
	Words *Text  `json:"words,omitempty"` // a value that is a sentence, in both languages
	Means *Text  `json:"means,omitempty"`
}

// Check is the outcome of one check.
type Check struct {
	ID       string  `json:"check"`
	Code     Code    `json:"code"`
	Level    Level   `json:"level"`
	Title    Text    `json:"title"`
	Means    Text    `json:"means"` // of the code
	Expected Text    `json:"expected"`
	Seen     Text    `json:"seen"`
	Details  []Text  `json:"details,omitempty"`
	Do       *Text   `json:"do,omitempty"`      // what to do about it, when something is wrong
	Command  string  `json:"command,omitempty"` // the command line that does it, of what the lab issued
	Source   *Source `json:"source,omitempty"`
}

// Source is where an answer about revocation came from.
type Source struct {
	URL        string    `json:"url"`              // as the certificate names it
	Number     string    `json:"number,omitempty"` // of a CRL
	ThisUpdate time.Time `json:"this_update,omitzero"`
	NextUpdate time.Time `json:"next_update,omitzero"`
	Age        int64     `json:"age_seconds"`
}

// opensslDate is how the screen writes dates: as OpenSSL does.
const opensslDate = "Jan _2 15:04:05 2006 GMT"

// add notes the outcome of a check, and returns it so that more can be said.
func (r *Report) add(code Code, seen Text) *Check {
	o := outcomes()[code]
	c := Check{ID: o.check.ID, Code: code, Level: o.Level,
		Title: o.check.Title, Means: o.Means, Expected: o.check.Expected, Seen: seen}
	if o.Do.FR != "" {
		do := o.Do
		c.Do = &do
	}
	r.Checks = append(r.Checks, c)
	return &r.Checks[len(r.Checks)-1]
}

// fillCommands writes the command line of each outcome for this certificate: N is its card, or its
// serial number. Without a certificate of the lab there is nothing that a command could change.
func (r *Report) fillCommands(serial string) {
	if r.issuer == nil {
		return
	}
	card := r.Card.Fact("card_number")
	for i := range r.Checks {
		c := &r.Checks[i]
		general := outcomes()[c.Code].Command
		if general == "" {
			continue
		}
		words := strings.TrimSuffix(general, "N")
		if c.Command = words + card; card == "" {
			c.Command = strings.TrimSuffix(words, "--card ") + serial
		}
		do := Text{FR: strings.ReplaceAll(c.Do.FR, general, c.Command), EN: strings.ReplaceAll(c.Do.EN, general,
			c.Command)}
		c.Do = &do
	}
}

// Check finds the check of that ID; nil when it was not made.
func (r *Report) Check(id string) *Check {
	for i := range r.Checks {
		if r.Checks[i].ID == id {
			return &r.Checks[i]
		}
	}
	return nil
}

// Failed is the check that the verdict comes from, nil when it is OK.
func (r *Report) Failed() *Check {
	for i := range r.Checks {
		if r.Checks[i].Level == Bad {
			return &r.Checks[i]
		}
	}
	return nil
}

// Count is how many checks ended at a level.
func (r *Report) Count(level Level) (n int) {
	for _, c := range r.Checks {
		if c.Level == level {
			n++
		}
	}
	return n
}

// conclude derives the verdict from the checks.
func (r *Report) conclude() {
	r.OK, r.Verdict = true, OK
	if c := r.Failed(); c != nil {
		r.OK, r.Verdict = false, c.Code
	}
}

// verification is what nginx says in SSL_CLIENT_VERIFY.
func (r *Report) verification() string {
	c := r.Failed()
	switch {
	case c == nil:
		return "SUCCESS"
	case c.Code == "TLS-NOCERT":
		return "NONE"
	}
	return "FAILED:" + outcomes()[c.Code].Verify
}

// screen makes the lines of the public TESTSSL screen.
func screen(issuer, subject profiles.Name, c *inspect.Certificate, verification string) *Screen {
	return &Screen{
		Organisation: issuer.Get("O"), Autorite: issuer.Get("OU"), Classe: issuer.Get("CN"),
		Prenom: subject.Get("GN"), Nom: subject.Get("SN"), Identifiant: subject.Get("CN"),
		Ville: subject.Get("ST"), Serie: c.Serial,
		Cree: c.NotBefore.UTC().Format(opensslDate), Expire: c.NotAfter.UTC().Format(opensslDate), Verification: verification,
	}
}
