package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
