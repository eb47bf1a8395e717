package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
)

func (p *program) doctorCommand() *cli.Command {
	return &cli.Command{
		Name: "doctor",
		Usage: tr("examine le laboratoire et cette machine : dit ce qui va, ce qui est à faire, et par quelle commande",
			"examine the lab and this machine: say what is well, what is to do, and by which command"),
		Description: tr("Chaque ligne : ok ; à faire (et la commande qui y remédie) ; note (absent, mais pas indispensable) ; "+
			"non vu (dépend d'une ligne à faire). "+
			"Code 1 s'il reste quelque chose à faire, 7 si les registres sont abîmés ou perdus. Rien n'est changé sans --fix.",
			"Each line: ok; to do (and the command that mends it); note (absent, but not needed); skipped (it depends on a line that is to do). "+
				"Exit code 1 when something is to do, 7 when the records are damaged or lost. Nothing is changed without --fix."),
		OnUsageError: usageError,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "fix", Usage: tr("fait d'abord ce qui est sans risque et n'appelle aucun choix : "+
				"droits des fichiers, CRL échues, installations périmées, restes d'un serveur ou d'un lecteur",
				"first do what is safe and nobody's choice: modes of files, CRLs that ended, stale installations, what a server or a reader left")},
			jsonFlag(),
		},
		Action: p.doctor,
	}
}

// finding is a line of igc doctor, and an object of the array that --json writes. A check has one or more.
type finding struct {
	Check   string  `json:"check"`             // its name in the table: home, keys, authorities...; the README lists them
	State   outcome `json:"state"`             // ok, todo, note, skipped, fixed
	Found   string  `json:"found"`             // in the language of the user
	Mend    string  `json:"mend,omitempty"`    // the command for it
	Fixable bool    `json:"fixable,omitempty"` // igc doctor --fix does it

	fix func(context.Context) error
}

type outcome string

const (
	well    outcome = "ok"
	todo    outcome = "todo"    // a problem: the exit code is 1
	noted   outcome = "note"    // absent, and not needed by everyone
	skipped outcome = "skipped" // it depends on what is to do elsewhere
	fixed   outcome = "fixed"   // by --fix, just now
)

func (s outcome) String() string {
	words := map[outcome][2]string{todo: {"à faire", "to do"}, skipped: {"non vu", "skipped"}, fixed: {"réparé", "fixed"}}
	if w, there := words[s]; there {
		return tr(w[0], w[1])
	}
	return string(s)
}

// is and say make a finding.
func (s outcome) is(found string) finding                { return finding{State: s, Found: found} }
func (s outcome) say(format string, args ...any) finding { return s.is(fmt.Sprintf(format, args...)) }

// by gives it the command that mends it.
func (f finding) by(command string) finding {
	f.Mend = command
	return f
}

// fixedBy gives it what --fix does.
func (f finding) fixedBy(fix func(context.Context) error) finding {
	f.Fixable, f.fix = true, fix
	return f
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
	name   string // of --json
	fr, en string
	needs  need
	look   func(d *doctor, ctx context.Context) []finding
}

// checks are what igc doctor looks at, in its order: the lab, its server, the cards and the software that reads them.
func checks() []check {
	all := []check{
		{"home", "dossier", "home", nothing, (*doctor).homeFolder},
		{"keys", "clés", "keys", records, (*doctor).keys},
		{"authorities", "autorités", "authorities", records, (*doctor).chains},
		{"dates", "dates", "dates", records, (*doctor).dates},
		{"ports", "ports", "ports", aLab, (*doctor).ports},
		{"server", "serveur", "server", aLab, (*doctor).server},
		{"publication", "publication", "publication", records, (*doctor).publication},
		{"ocsp", "OCSP", "OCSP", aServer, (*doctor).ocsp},
		{"clock", "horloge", "clock", nothing, (*doctor).clock},
		{"module", "module", "module", aLab, (*doctor).module},
	}
	for _, place := range installPlaces {
		all = append(all, check{place.name, place.fr, place.en, records, func(d *doctor, _ context.Context) []finding { return d.installed(place) }})
	}
	return append(all,
		check{"pcscd", "pcscd", "pcscd", nothing, (*doctor).pcscd},
		check{"reader", "lecteur", "reader", aLab, (*doctor).reader},
		check{"card", "carte", "card", aLab, (*doctor).card},
		check{"pin", "code porteur", "PIN", aLab, (*doctor).pin},
	)
}

// How long a check may take, with all that it does, and one answer of a server.
const (
	patience = 30 * time.Second
	answer   = 5 * time.Second
)

// doctor is what the checks share: the lab as it is found, looked at once and never written to.
type doctor struct {
	home       string
	opts       ca.Options
	passphrase string           // the file that it was read from
	now        time.Time        // when it began
	present    func() time.Time // the clock

	client      *ca.Client // nil: there is no lab, or its configuration is wrong
	clientErr   error
	pid         int // of the server
	running     bool
	stale       bool               // it left its socket
	authorities []ca.AuthorityInfo // read from the records
	recordsErr  error
	roots       []*x509.Certificate
}

func newDoctor(ctx context.Context, home string, opts ca.Options, passphraseFile string) *doctor {
	d := &doctor{home: home, opts: opts, passphrase: passphraseFile, present: time.Now}
	if opts.Now != nil {
		d.present = opts.Now
	}
	d.now = d.present()
	opts.ReadOnly, opts.Waiting, opts.Progress = true, nil, nil
	if d.client, d.clientErr = ca.Connect(home, opts); d.clientErr != nil {
		return d
	}
	short, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	d.pid, d.running, d.stale = d.client.Server(short)
	d.authorities, d.recordsErr = bounded(short, d.client.Authorities)
	d.roots, _ = rootsAmong(d.authorities)
	if d.recordsErr == nil && !d.running {
		whole, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		_, err := bounded(whole, func(context.Context) (any, error) { return nil, d.client.CheckRecords() })
		if !errors.Is(err, context.DeadlineExceeded) { // a lab of many millions: what commands read of it they check
			d.recordsErr = err
		}
	}
	return d
}

// bounded waits for an answer until the context ends, also that of code which knows no context. What should never panic, on files that are
// broken as none was thought of, is an error like others.
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
func (d *doctor) noLab() bool {
	return ca.KindOf(d.clientErr) == ca.NotFound && !errors.Is(d.clientErr, fs.ErrPermission)
}

// lacks says what a check would need and is not there; empty when all is.
func (d *doctor) lacks(n need) string {
	switch {
	case n >= aLab && d.noLab():
		return tr("pas de laboratoire", "no lab")
	case n >= aLab && d.clientErr != nil, n >= records && (d.recordsErr != nil || len(d.authorities) == 0):
		return tr("voir dossier", "see home")
	case n >= aServer && !d.running:
		return tr("igc serve ne tourne pas", "igc serve is not running")
	}
	return ""
}

// run makes the checks one after the other, and tells each finding as it comes.
func (d *doctor) run(ctx context.Context, tell func(finding)) (all []finding, err error) {
	for _, c := range checks() {
		var found []finding
		if why := d.lacks(c.needs); why != "" {
			found = []finding{skipped.is(why)}
		} else {
			found = d.one(ctx, c)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, f := range found {
			f.Check = c.name
			tell(f)
			all = append(all, f)
		}
	}
	return all, nil
}

func (d *doctor) one(ctx context.Context, c check) []finding {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := bounded(ctx, func(ctx context.Context) ([]finding, error) { return c.look(d, ctx), nil })
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return []finding{todo.say(tr("pas de réponse en %s", "no answer in %s"), patience).by(d.igc("doctor"))}
	case err != nil:
		return []finding{todo.say(tr("examen impossible : %v", "cannot be examined: %v"), err).by(d.igc("doctor"))}
	}
	return found
}

// errToDo is the end of a diagnostic that found something to do, and has said it; errDamaged, of one that found that the
// records are damaged or lost.
var (
	errToDo    = errors.New("something is to do")
	errDamaged = errors.New("the records are damaged")
)

func (p *program) doctor(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	home, opts, err := p.lab(c)
	if err != nil {
		return err
	}
	if home, err = filepath.Abs(home); err != nil {
		return ca.Invalidate(err)
	}
	file := c.String("passphrase-file")
	if file != "" {
		if file, err = filepath.Abs(file); err != nil {
			return ca.Invalidate(err)
		}
	}
	all := []finding{}
	report := &doctorReport{w: p.out}
	tell := report.line
	if c.Bool("json") {
		tell = func(finding) {}
	}
	if c.Bool("fix") {
		found, err := newDoctor(c.Context, home, opts, file).run(c.Context, func(finding) {})
		if err != nil {
			return err
		}
		for _, f := range found {
			if f.fix == nil {
				continue
			}
			if err := f.fix(c.Context); err != nil { // it stays to do
				fmt.Fprintf(p.err, "igc: %s: %v\n", f.Check, err)
				continue
			}
			f.State, f.Fixable = fixed, false
			tell(f)
			all = append(all, f)
		}
		report.name = ""
	}
	d := newDoctor(c.Context, home, opts, file)
	found, err := d.run(c.Context, tell)
	if err != nil {
		return err
	}
	all = append(all, found...)
	if err := p.print(c, all, func(w io.Writer) { fmt.Fprintf(w, "\n%s\n", doctorSummary(all)) }); err != nil {
		return err
	}
	switch {
	case ca.KindOf(d.recordsErr) == ca.Damaged:
		return errDamaged
	case slices.ContainsFunc(all, func(f finding) bool { return f.State == todo }):
		return errToDo
	}
	return nil
}
