// Package doctor examines a lab and the machine that it is on: its home, keys, authorities and
// ports, its server by what it serves, the software that reads its cards.
//
// [Run] yields a [Finding] for each thing that was looked at, with the command that puts it right.
// It changes nothing. [Fix] does what is safe and needs no decision: modes of files, CRLs that
// ended, stale installations, what a killed server or reader left. Each check has a bounded time,
// and a check that panics is a finding like others.
package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/shell"
	"github.com/igc-lab/igc/lab"
)

// Finding is what a check found. A check has one or more.
type Finding struct {
	Check   string `json:"check"`             // its name in the table: home, keys, authorities...; the README lists them
	State   State  `json:"state"`             // ok, todo, note, skipped, fixed
	Message string `json:"found"`             // in the language of the report
	Remedy  string `json:"remedy,omitempty"`  // the command that puts it right
	Fixable bool   `json:"fixable,omitempty"` // [Fix] puts it right
	Unused  bool   `json:"unused,omitempty"`  // a note about what this lab or machine does not use

	Damaged bool `json:"-"` // the records are damaged or lost: scripts have an exit code for it

	fix func(context.Context) error
}

// State is how what a check looks at stands.
type State string

const (
	OK      State = "ok"
	Todo    State = "todo"    // a problem
	Note    State = "note"    // absent, and not needed by everyone
	Skipped State = "skipped" // it depends on a check that has something to do
	Fixed   State = "fixed"   // by Fix, just now
)

// Options say which lab is examined, and from where.
type Options struct {
	Home           string      // absolute
	Lab            lab.Options // how it is opened; nothing is written to it
	PassphraseFile string      // absolute; the remedies name it. Empty when there is none
	Version        string      // of this igc; empty for one that does not say it
	Addresses      func(lab.Listen) []Address
	Only           []string      // the checks to make, by their names; nil for all
	Language       i18n.Language // of the report; empty for that of the command line
}

// Address is one that igc serve listens on.
type Address struct {
	Name    string // in igc.yaml
	Address string
	TLS     bool // presents the certificate of the lab's servers: not served when its authority is revoked
}

// Run makes the checks one after the other, and yields each finding as it comes. It ends early when
// the context does.
func Run(ctx context.Context, o Options) iter.Seq[Finding] {
	return func(yield func(Finding) bool) { newDiagnosis(ctx, o).run(ctx, yield) }
}

// Fix puts right what a finding is about. It is safe and takes no decision from the user.
func Fix(ctx context.Context, f Finding) (Finding, error) {
	if f.fix == nil {
		return f, nil
	}
	if err := f.fix(ctx); err != nil {
		return f, err
	}
	f.State, f.Fixable, f.fix = Fixed, false, nil
	return f, nil
}

// Title is the name of a check in a language.
func Title(check string) i18n.Text {
	for _, c := range checks() {
		if c.name == check {
			return c.title
		}
	}
	return i18n.Text{FR: check, EN: check}
}

// tr is what a finding says, in the language of the report.
func (d *diagnosis) tr(fr, en string) string { return i18n.Text{FR: fr, EN: en}.In(d.Language) }

// say is the message of an error, and detail its message within a sentence.
func (d *diagnosis) say(err error) string    { return i18n.TextOf(err).In(d.Language) }
func (d *diagnosis) detail(err error) string { return i18n.DetailOf(err).In(d.Language) }

// errorf makes an error from a format in both languages; errors among the arguments are wrapped,
// and printed in the language of each.
func errorf(fr, en string, args ...any) error {
	return i18n.NewError(en, i18n.Text{FR: fr, EN: en}, args...)
}

// need is what a check cannot do without.
type need int

const (
	nothing need = iota
	aLab         // its configuration
	records      // and its authorities
	aServer      // and igc serve
)

type check struct {
	name  string // in Finding.Check
	title i18n.Text
	needs need
	find  func(d *diagnosis, ctx context.Context) []Finding
}

// checks are in the order in which they are made: the lab, its server, the cards and the software
// that reads them.
func checks() []check {
	all := []check{
		{"home", i18n.Text{FR: "dossier", EN: "home"}, nothing, (*diagnosis).homeFolder},
		{"keys", i18n.Text{FR: "clés", EN: "keys"}, records, (*diagnosis).keys},
		{"authorities", i18n.Text{FR: "autorités", EN: "authorities"}, records, (*diagnosis).chains},
		{"dates", i18n.Text{FR: "dates", EN: "dates"}, records, (*diagnosis).dates},
		{"feed", i18n.Text{FR: "journal", EN: "change feed"}, records, (*diagnosis).feed},
		{"ports", i18n.Text{FR: "ports", EN: "ports"}, aLab, (*diagnosis).ports},
		{"server", i18n.Text{FR: "serveur", EN: "server"}, aLab, (*diagnosis).server},
		{"publication", i18n.Text{FR: "publication", EN: "publication"}, records, (*diagnosis).publication},
		{"ocsp", i18n.Text{FR: "OCSP", EN: "OCSP"}, aServer, (*diagnosis).ocsp},
		{"clock", i18n.Text{FR: "horloge", EN: "clock"}, nothing, (*diagnosis).clock},
		{"module", i18n.Text{FR: "module", EN: "module"}, aLab, (*diagnosis).module},
	}
	for _, place := range installedSoftware {
		all = append(all, check{place.name, i18n.Text{FR: place.fr,
			EN: place.en}, records, func(d *diagnosis, _ context.Context) []Finding { return d.installed(place) }})
	}
	return append(all,
		check{"pcscd", i18n.Text{FR: "pcscd", EN: "pcscd"}, nothing, (*diagnosis).pcscd},
		check{"reader", i18n.Text{FR: "lecteur", EN: "reader"}, aLab, (*diagnosis).reader},
		check{"card", i18n.Text{FR: "carte", EN: "card"}, aLab, (*diagnosis).card},
		check{"pin", i18n.Text{FR: "code porteur", EN: "PIN"}, aLab, (*diagnosis).pin},
	)
}

// How long a check may take, with all that it does, and one answer of a server.
const (
	patience = 30 * time.Second
	answer   = 5 * time.Second
)

// diagnosis is what the checks share: the lab as it is found, read once and never written to.
type diagnosis struct {
	Options
	now     time.Time        // when it began
	present func() time.Time // the clock

	client      *lab.Client // nil: there is no lab, or its configuration is wrong
	clientErr   error
	pid         int // of the server
	running     bool
	stale       bool               // it left its socket
	authorities []ca.AuthorityInfo // read from the records
	recordsErr  error
	roots       []*x509.Certificate
}

func newDiagnosis(ctx context.Context, o Options) *diagnosis {
	home, opts := o.Home, o.Lab
	d := &diagnosis{Options: o, present: time.Now}
	if d.Language == "" {
		d.Language = i18n.FromEnvironment()
	}
	if opts.Now != nil {
		d.present = opts.Now
	}
	d.now = d.present()
	opts.ReadOnly, opts.Waiting, opts.Progress = true, nil, nil
	if d.client, d.clientErr = lab.Connect(home, opts); d.clientErr != nil {
		return d
	}
	short, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	d.pid, d.running, d.stale = d.client.Server(short)
	d.authorities, d.recordsErr = bounded(short, d.client.Authorities)
	for _, a := range d.each() {
		if a.IsRoot() {
			d.roots = append(d.roots, a.certificate)
		}
	}
	if d.recordsErr == nil && !d.running {
		whole, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		_, err := bounded(whole, func(context.Context) (any, error) { return nil, d.client.Lab.CheckRecords() })
		if !errors.Is(err, context.DeadlineExceeded) { // a lab of many millions: what commands read of it they check
			d.recordsErr = err
		}
	}
	return d
}

// bounded waits for an answer until the context ends, also that of code which knows no context.
// What should never panic, on files that are broken as none was thought of, is an error like
// others.
func bounded[T any](ctx context.Context, do func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if why := recover(); why != nil {
				r.err = fmt.Errorf("%v", why)
			}
			done <- r
		}()
		r.value, r.err = do(ctx)
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// noLab tells a folder without a lab from a lab that cannot be read.
func (d *diagnosis) noLab() bool {
	return ca.KindOf(d.clientErr) == ca.NotFound && !errors.Is(d.clientErr, fs.ErrPermission)
}

// lacks says what a check would need and is not there; empty when all is.
func (d *diagnosis) lacks(n need) string {
	switch {
	case n >= aLab && d.noLab():
		return d.tr("pas de laboratoire", "no lab")
	case n >= aLab && d.clientErr != nil, n >= records && (d.recordsErr != nil || len(d.authorities) == 0):
		return d.tr("voir dossier", "see home")
	case n >= aServer && !d.running:
		return d.tr("igc serve ne tourne pas", "igc serve is not running")
	}
	return ""
}

// run makes the checks until the context ends or yield has enough.
func (d *diagnosis) run(ctx context.Context, yield func(Finding) bool) {
	for _, c := range checks() {
		if d.Only != nil && !slices.Contains(d.Only, c.name) {
			continue
		}
		var found []Finding
		if why := d.lacks(c.needs); why != "" {
			found = []Finding{{State: Skipped, Message: why}}
		} else {
			found = d.runCheck(ctx, c)
		}
		if ctx.Err() != nil {
			return
		}
		for _, f := range found {
			f.Check, f.Fixable = c.name, f.fix != nil
			if !yield(f) {
				return
			}
		}
	}
}

func (d *diagnosis) runCheck(ctx context.Context, c check) []Finding {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := bounded(ctx, func(ctx context.Context) ([]Finding, error) { return c.find(d, ctx), nil })
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return []Finding{{State: Todo, Message: fmt.Sprintf(d.tr("pas de réponse en %s", "no answer in %s"), patience),
			Remedy: d.igc("doctor")}}
	case err != nil:
		return []Finding{{State: Todo, Message: fmt.Sprintf(d.tr("examen impossible : %v",
			"cannot be examined: %v"), d.detail(err)),
			Remedy: d.igc("doctor")}}
	}
	return found
}

// igc is the command line that runs igc with these arguments on the lab that is examined. It names
// the home and the passphrase file where they are not the usual ones.
func (d *diagnosis) igc(args ...string) string {
	words := []string{"igc"}
	usual, err := lab.DefaultHome()
	if err == nil {
		usual, err = filepath.Abs(usual)
	}
	if err != nil || usual != d.Home {
		words = append(words, "--home", d.Home)
	}
	if d.PassphraseFile != "" {
		words = append(words, "--passphrase-file", d.PassphraseFile)
	}
	return shell.Command(append(words, args...)...)
}

// process names a process in parentheses, when it is known.
func process(pid int) string {
	if pid == 0 {
		return ""
	}
	return fmt.Sprintf(" (PID %d)", pid)
}
