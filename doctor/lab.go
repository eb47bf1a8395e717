package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/shell"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

// This file is what igc doctor looks at of a lab.

// enoughSpace is what a lab wants to have free: a list of a million entries, twice.
const enoughSpace = 100 << 20

func (d *diagnosis) homeFolder(ctx context.Context) (found []Finding) {
	where := shell.ShortPath(d.Home)
	switch info, err := os.Stat(d.Home); {
	case errors.Is(err, fs.ErrNotExist):
		return []Finding{{State: Todo, Message: fmt.Sprintf(d.tr("pas de laboratoire dans %s", "no lab in %s"), where),
			Remedy: d.igc("init")}}
	case err != nil:
		return []Finding{{State: Todo, Message: d.say(err),
			Remedy: shell.Command("ls", "-ld", d.Home)}}
	case !info.IsDir():
		return []Finding{{State: Todo,
			Message: fmt.Sprintf(d.tr("%s n'est pas un dossier", "%s is not a folder"), where),
			Remedy:  shell.Command("ls", "-ld", d.Home)}}
	}
	config := filepath.Join(d.Home, "igc.yaml")
	own := `sudo chown -R "$(id -un)" ` + shell.Command(d.Home)
	switch {
	case d.noLab():
		return []Finding{{State: Todo, Message: fmt.Sprintf(d.tr("%s n'est pas un laboratoire : igc.yaml y manque",
			"%s is not a lab: igc.yaml is missing"), where),
			Remedy: d.igc("init")}}
	case errors.Is(d.clientErr, fs.ErrPermission):
		return []Finding{{State: Todo, Message: d.say(d.clientErr),
			Remedy: own}}
	case d.clientErr != nil:
		return []Finding{{State: Todo, Message: d.say(d.clientErr),
			Remedy: "${EDITOR:-vi} " + shell.Command(config)}}
	case d.recordsErr != nil && d.client.Lab.InDatabase() != "":
		found = append(found, Finding{State: Todo, Message: d.say(d.recordsErr),
			Remedy: shell.Command("psql", "-d", d.client.Lab.InDatabase(), "-c", "SELECT seq FROM lab")})
	case ca.KindOf(d.recordsErr) == ca.NotFound, d.recordsErr == nil && len(d.authorities) == 0:
		found = append(found, Finding{State: Todo, Message: fmt.Sprintf(d.tr("%s n'a encore aucune autorité",
			"%s has no authority yet"), where),
			Remedy: d.igc("init")})
	case errors.Is(d.recordsErr, context.DeadlineExceeded) && d.running:
		found = append(found, Finding{State: Todo,
			Message: fmt.Sprintf(d.tr("igc serve%s tient les registres et ne répond pas",
				"igc serve%s holds the records and does not answer"), process(d.pid)),
			Remedy: d.restart()})
	case errors.Is(d.recordsErr, context.DeadlineExceeded):
		found = append(found, Finding{State: Todo,
			Message: d.tr("un autre processus tient les registres, et personne ne répond",
				"another process holds the records, and nobody answers"),
			Remedy: shell.Command("fuser", "-v", filepath.Join(d.Home, "igc.db"))})
	case ca.KindOf(d.recordsErr) == ca.Damaged:
		found = append(found, Finding{State: Todo, Damaged: true,
			Message: fmt.Sprintf(d.tr("registres abîmés ou perdus : %v",
				"records damaged or lost: %v"), d.detail(d.recordsErr)),
			Remedy: d.igc("recover")})
	case d.recordsErr != nil:
		found = append(found, Finding{State: Todo, Message: d.say(d.recordsErr),
			Remedy: shell.Command("cp", "-a", d.tr("COPIE", "COPY")+"/igc.db", d.Home)})
	}
	insecure, err := lab.InsecurePermissions(ctx, d.Home)
	if err != nil {
		found = append(found, Finding{State: Todo, Message: d.say(err),
			Remedy: shell.Command("ls", "-ld", d.Home)})
	}
	insecure = slices.DeleteFunc(insecure, d.isKey)
	found = append(found, d.restrictPermissions(insecure)...)
	if left := lab.Leftovers(d.Home, d.now, 0); len(left) > 0 {
		found = append(found, Finding{State: Todo, Message: fmt.Sprintf(d.tr("restes de commandes interrompues : %d",
			"left by commands that were killed: %d"), len(left)),
			Remedy: shell.Command(append([]string{"rm", "-r"}, left[:min(3, len(left))]...)...),
			fix:    func(context.Context) error { return lab.RemoveLeftovers(left) }})
	}
	if err := writable(d.Home); err != nil {
		found = append(found, Finding{State: Todo, Message: fmt.Sprintf(d.tr("on ne peut pas écrire dans %s : %v",
			"cannot write in %s: %v"), where, d.detail(err)),
			Remedy: own})
	}
	free, known := freeSpace(d.Home)
	if known && free < enoughSpace {
		found = append(found, Finding{State: Todo, Message: fmt.Sprintf(d.tr("%d Mo libres dans %s : il en faut 100",
			"%d MB free in %s: it takes 100"), free>>20, where),
			Remedy: shell.Command("df", "-h", d.Home)})
	}
	if len(found) > 0 {
		return found
	}
	text := fmt.Sprintf(d.tr("%s, fermé aux autres", "%s, closed to others"), where)
	if known {
		text += i18n.Text{FR: " ; %.1f Go libres", EN: "; %.1f GB free"}.Format(float64(free) / (1 << 30)).
			In(d.Language)
	}
	return []Finding{{State: OK, Message: text}}
}

func readable(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// isKey tells whether the path is in the folder of keys, which is a check of its own.
func (d *diagnosis) isKey(path string) bool {
	return filepath.Dir(path) == filepath.Join(d.Home, "keys")
}

// restrictPermissions is about files that others may read: each while there are few of them.
func (d *diagnosis) restrictPermissions(insecure []string) []Finding {
	if len(insecure) == 0 {
		return nil
	}
	var shown []string
	command := []string{"chmod", "go="}
	for _, path := range insecure {
		name, _ := filepath.Rel(d.Home, path)
		if name == "." {
			name = shell.ShortPath(path)
		}
		if info, err := os.Lstat(path); err == nil {
			name += fmt.Sprintf(" (%04o)", info.Mode().Perm())
		}
		shown, command = append(shown, name), append(command, path)
	}
	if len(shown) > 3 {
		shown = append(shown[:2], fmt.Sprintf(d.tr("et %d autres", "and %d more"), len(shown)-2))
		command = []string{"chmod", "-R", "go=", d.Home}
	}
	return []Finding{{State: Todo, Message: fmt.Sprintf(d.tr("ouvert à d'autres que leur propriétaire : %s",
		"open to others than their owner: %s"), strings.Join(shown, ", ")),
		Remedy: shell.Command(command...),
		fix:    func(context.Context) error { return lab.RestrictPermissions(insecure) }}}
}

// authority is one that the lab has, as it is recorded.
type authority struct {
	profiles.Authority
	certificate *x509.Certificate
}

// each are the authorities that can be read; checkChains tells of the others.
func (d *diagnosis) each() (all []authority) {
	for _, info := range d.authorities {
		a, err := profiles.ParseAuthority(info.ID)
		certificate, parseErr := x509.ParseCertificate(info.DER)
		if err == nil && parseErr == nil {
			all = append(all, authority{a, certificate})
		}
	}
	return all
}

func (d *diagnosis) keys(ctx context.Context) (found []Finding) {
	insecure, err := lab.InsecurePermissions(ctx, d.Home)
	if err != nil {
		found = append(found, Finding{State: Todo, Message: d.say(err),
			Remedy: shell.Command("ls", "-ld", d.Home)})
	}
	found = append(found, d.restrictPermissions(slices.DeleteFunc(insecure,
		func(path string) bool { return !d.isKey(path) }))...)

	all := d.each()
	inToken := d.client.Lab.Config.AuthorityKeys != lab.KeyFiles // they open without the lab's passphrase
	unlockable := inToken || d.client.Lab.Unlockable()
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0)) // each takes 150 ms of a processor
	for i, a := range all {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if !unlockable {
				_, errs[i] = os.Stat(d.client.Lab.KeyFile(a.Authority))
				return
			}
			_, errs[i] = bounded(ctx, func(context.Context) (any,
				error) {
				return d.client.Lab.Signer(a.Authority, a.certificate)
			})
		})
	}
	wg.Wait()
	wrong := 0
	for _, err := range errs {
		if ca.KindOf(err) != ca.Passphrase {
			continue
		}
		if inToken { // most often all have the same fault, and a copy of the lab does not help
			return append(found, Finding{State: Todo, Message: d.say(err)})
		}
		wrong++
	}
	if wrong == len(all) && wrong > 0 {
		return append(found, Finding{State: Todo,
			Message: fmt.Sprintf(d.tr("la phrase secrète n'ouvre aucune des %d clés",
				"the passphrase opens none of the %d keys"), wrong),
			Remedy: d.igc("--passphrase-file", d.tr("FICHIER", "FILE"), "doctor")})
	}
	for i, err := range errs {
		file := d.client.Lab.KeyFile(all[i].Authority)
		restore := shell.Command("cp", "-p", d.tr("COPIE", "COPY")+"/keys/"+filepath.Base(file), filepath.Dir(file))
		switch {
		case err == nil:
		case errors.Is(err, fs.ErrNotExist):
			found = append(found, Finding{State: Todo,
				Message: fmt.Sprintf(d.tr("%s manque : à reprendre d'une copie du laboratoire",
					"%s is missing: to be taken from a copy of the lab"), shell.ShortPath(file)),
				Remedy: restore})
		case ca.KindOf(err) == ca.Passphrase: // others open with it
			found = append(found, Finding{State: Todo,
				Message: fmt.Sprintf(d.tr("%s est abîmée : à reprendre d'une copie du laboratoire",
					"%s is damaged: to be taken from a copy of the lab"), shell.ShortPath(file)),
				Remedy: restore})
		default:
			found = append(found, Finding{State: Todo, Message: d.say(err),
				Remedy: restore})
		}
	}
	switch {
	case len(found) > 0:
		return found
	case !unlockable:
		return []Finding{{State: Note,
			Message: fmt.Sprintf(d.tr("%d clés, non ouvertes : la phrase secrète du laboratoire n'est pas donnée",
				"%d keys, not opened: the lab's passphrase is not given"), len(all)),
			Remedy: d.igc("--passphrase-file", d.tr("FICHIER", "FILE"), "doctor")}}
	}
	where := d.tr("chiffrées, 0600", "encrypted, 0600")
	if inToken {
		where = d.tr("dans un jeton PKCS#11", "in a PKCS#11 token")
	}
	return []Finding{{State: OK, Message: fmt.Sprintf(d.tr("%d, %s ; chacune s'ouvre et va avec son certificat",
		"%d, %s; each opens and goes with its certificate"), len(all), where)}}
}

func (d *diagnosis) chains(context.Context) []Finding {
	revoked := d.revoked()
	if found := d.checkChains(d.authorities, d.Home); len(revoked) == 0 || found[0].State != OK {
		return append(revoked, found...)
	}
	return revoked
}

// revoked finds the authorities that are revoked, which cannot be undone.
func (d *diagnosis) revoked() (found []Finding) {
	for _, info := range d.authorities {
		if v := info.Revoked; v != nil {
			found = append(found, Finding{State: Todo,
				Message: fmt.Sprintf(d.tr("%s est révoquée depuis le %s (%s), pour de bon : tout ce qu'elle a émis est refusé, elle n'émet plus rien",
					"%s was revoked on %s (%s), for good: all that it issued is refused, it issues nothing any more"),
					info.ID, v.At.Format(time.RFC3339), v.Reason),
				Remedy: d.igc("--home", d.tr("AUTRE", "OTHER"), "init")})
		}
	}
	return found
}

// checkChains verifies each authority: its profile and names, the signature of its root, and TEST
// in every name.
func (d *diagnosis) checkChains(list []ca.AuthorityInfo, home string) (found []Finding) {
	restore := shell.Command("cp", "-a", d.tr("COPIE", "COPY")+"/igc.db", home)
	bad := func(id, format string, args ...any) {
		found = append(found, Finding{State: Todo, Message: id + d.tr(" : ", ": ") + fmt.Sprintf(format, args...),
			Remedy: restore})
	}
	certificates := map[string]*x509.Certificate{}
	for _, info := range list { // roots come first
		a, err := profiles.ParseAuthority(info.ID)
		if err != nil {
			bad(info.ID, "%s", d.detail(err))
			continue
		}
		decoded, err := profiles.Decode(info.DER)
		if err != nil {
			bad(info.ID, "%s", d.detail(err))
			continue
		}
		certificate, err := x509.ParseCertificate(info.DER)
		if err != nil {
			bad(info.ID, "%s", d.detail(err))
			continue
		}
		certificates[info.ID] = certificate
		root := certificates[a.Root().ID()]
		switch {
		case !strings.HasPrefix(certificate.Subject.CommonName, "TEST "):
			bad(info.ID, d.tr("%q n'est pas un nom de TEST", "%q is not a TEST name"), certificate.Subject.CommonName)
		case certificate.Subject.CommonName != a.CommonName():
			bad(info.ID, d.tr("le certificat est celui de %q",
				"the certificate is that of %q"), certificate.Subject.CommonName)
		case root == nil:
			bad(info.ID, d.tr("sa racine %s manque", "its root %s is missing"), a.Root().ID())
		case certificate.CheckSignatureFrom(root) != nil:
			bad(info.ID, d.tr("n'est pas signée par %s : %v",
				"is not signed by %s: %v"), a.Root().ID(),
				d.detail(certificate.CheckSignatureFrom(root)))
		case len(decoded.Findings) > 0:
			found = append(found, Finding{State: Note, Message: info.ID + d.tr(" s'écarte de son profil : ",
				" departs from its profile: ") + d.tr(decoded.Findings[0].FR, decoded.Findings[0].EN)})
		}
	}
	if len(found) > 0 {
		return found
	}
	text := fmt.Sprintf(d.tr("%d sur %d, de TEST ; chacune est signée par sa racine",
		"%d of %d, all TEST; each is signed by its root"), len(list), len(profiles.Authorities()))
	return []Finding{{State: OK, Message: text}}
}

// cardsEnd is how long before their end cards are told of.
const cardsEnd = 30 * 24 * time.Hour

func (d *diagnosis) dates(ctx context.Context) []Finding {
	found := d.checkDates(d.each(), d.now, d.client.Lab.Config.WarnBefore,
		d.igc("--home", d.tr("AUTRE", "OTHER"), "init"))
	soon, cancel := context.WithTimeout(ctx, answer) // in a large lab it takes a while, and it is only a note
	defer cancel()
	records, err := bounded(soon, func(ctx context.Context) ([]*ca.Record, error) {
		return d.client.List(ctx, ca.Filter{EndEntities: true, Status: ca.Good,
			ExpiresBefore: d.now.Add(cardsEnd), Limit: 200})
	})
	cards := map[string]bool{} // whether it ended
	for _, r := range records {
		if r.Holder.CardNumber != "" {
			cards[r.Holder.CardNumber] = cards[r.Holder.CardNumber] || !d.now.Before(r.NotAfter)
		}
	}
	if err != nil || len(cards) == 0 {
		return found
	}
	ended := 0
	for _, is := range cards {
		if is {
			ended++
		}
	}
	return append(found, Finding{State: Note,
		Message: fmt.Sprintf(d.tr("cartes expirées : %d ; cartes qui expirent dans les 30 jours : %d",
			"expired cards: %d; cards that expire within 30 days: %d"), ended, len(cards)-ended),
		Remedy: d.igc("list", "--expires-before", "30d")})
}

// checkDates tells of the authority that ends first, and of all that have ended or are about to.
func (d *diagnosis) checkDates(all []authority, now time.Time, before time.Duration, remedy string) (found []Finding) {
	var first *authority
	for i, a := range all {
		end := a.certificate.NotAfter
		if first == nil || end.Before(first.certificate.NotAfter) {
			first = &all[i]
		}
		switch left := end.Sub(now); {
		case now.Before(a.certificate.NotBefore):
			found = append(found, Finding{State: Todo,
				Message: fmt.Sprintf(d.tr("%s ne vaut qu'à partir du %s : voir horloge",
					"%s is valid only from %s: see clock"), a.ID(), a.certificate.NotBefore.Format(time.DateTime)),
				Remedy: "date"})
		case left <= 0:
			found = append(found, Finding{State: Todo,
				Message: fmt.Sprintf(d.tr("%s a expiré le %s : faites un autre laboratoire",
					"%s expired on %s: make another lab"), a.ID(), end.Format(time.DateOnly)),
				Remedy: remedy})
		case left < before:
			found = append(found, Finding{State: Note, Message: fmt.Sprintf(d.tr("%s expire le %s, dans %s",
				"%s expires on %s, in %s"), a.ID(), end.Format(time.DateOnly), d.remaining(left)),
				Remedy: remedy})
		}
	}
	if len(found) == 0 && first != nil {
		end := first.certificate.NotAfter
		found = append(found, Finding{State: OK, Message: fmt.Sprintf(d.tr("%s expire la première, le %s : encore %s",
			"%s expires first, on %s: %s left"), first.ID(), end.Format(time.DateOnly), d.remaining(end.Sub(now)))})
	}
	return found
}

// remaining is a time left, in days or, when they are few, in hours.
func (d *diagnosis) remaining(left time.Duration) string {
	if days := int(left / (24 * time.Hour)); days > 1 {
		return fmt.Sprintf(d.tr("%d jours", "%d days"), days)
	}
	return fmt.Sprintf("%d h", int(left.Hours()))
}

func (d *diagnosis) clock(ctx context.Context) (found []Finding) {
	latest, of := time.Time{}, ""
	later := func(t time.Time, what string) {
		if t.After(latest) {
			latest, of = t, what
		}
	}
	if d.lacks(records) == "" {
		if last, err := d.client.List(ctx, ca.Filter{Newest: true, Limit: 1}); err == nil && len(last) > 0 {
			later(last[0].IssuedAt, d.tr("le dernier certificat émis", "the last certificate issued"))
		}
		crls, _, _ := d.onDisk()
		for _, c := range crls {
			later(c.ThisUpdate, kindOf(c))
		}
	}
	return d.checkClock(d.present(), latest, of)
}

// checkClock holds the clock to the latest date that the lab wrote.
func (d *diagnosis) checkClock(now, latest time.Time, of string) []Finding {
	sync, text := "sudo timedatectl set-ntp true", now.Format("2006-01-02 15:04:05 -07:00")
	if behind := latest.Sub(now); behind > 5*time.Second {
		return []Finding{{State: Todo, Message: fmt.Sprintf(d.tr("%s : en retard de %s sur %s (%s)",
			"%s: %s behind %s (%s)"), text, behind.Round(time.Second), of, latest.Local().Format(time.DateTime)),
			Remedy: sync}}
	}
	if is, known := synchronised(); known && !is {
		return []Finding{{State: Note, Message: text + d.tr(", pas synchronisée", ", not synchronised"),
			Remedy: sync}}
	}
	if !latest.IsZero() {
		text += d.tr(", et postérieure à toutes les dates des registres",
			", and later than every date in the records")
	}
	return []Finding{{State: OK, Message: text}}
}
