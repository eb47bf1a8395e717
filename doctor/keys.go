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

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/shell"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

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
