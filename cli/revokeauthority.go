package cli

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/inspect"
)

// This file revokes an authority, which is done by its name only, once what it entails was shown
// and confirmed.

// refuseAuthorityFile says what to type instead of the file of an authority.
func refuseAuthorityFile(path string, c *inspect.Certificate) error {
	if a, err := profiles.ParseAuthority(c.Authority); err == nil && c.PKI != nil && !c.PKI.Production {
		return ca.Invalidate(errorf("%s est le certificat de l'autorité %s, et une autorité ne se révoque pas par un fichier. Pour la révoquer : igc revoke --authority %[2]s",
			"%s is the certificate of the authority %s, and an authority is not revoked by a file. To revoke it: igc revoke --authority %[2]s", path, a.ID()))
	}
	return ca.Invalidate(errorf("%s est le certificat d'une autorité (%s), et une autorité ne se révoque pas par un fichier : donnez le certificat du porteur",
		"%s is the certificate of an authority (%s), and an authority is not revoked by a file: give the certificate of the holder", path, visible(c.Subject)))
}

// caCompromise is the reason that RFC 5280 §5.3.1 has for certificates of authorities alone.
const caCompromise ca.Reason = "cACompromise"

// nameAuthority takes the whole serial number of an authority, with the reason that only
// authorities have, for its name. A beginning does not name it, nor does another reason.
func nameAuthority(c *cli.Context, client *lab.Client, change *ca.StatusChange) error {
	if change.Release || change.Reason != caCompromise || change.Serial == "" || len(change.Also) > 0 || c.NArg() != 1 {
		return nil
	}
	typed := ca.NormalizeSerial(c.Args().First())
	r, err := client.Find(c.Context, change.Serial)
	if err != nil || !r.IsAuthority() || r.Serial != typed {
		return nil // SetStatus says what is wrong
	}
	infos, err := client.Authorities(c.Context)
	if err != nil {
		return err
	}
	for _, info := range infos {
		if bytes.Equal(info.DER, r.DER) {
			change.Serial, change.Authority = "", info.ID
		}
	}
	return nil
}

// revokeAuthority shows what the revocation of an authority entails, has it confirmed and revokes.
func (p *program) revokeAuthority(c *cli.Context, client *lab.Client, change ca.StatusChange) error {
	try := change
	try.DryRun = true
	found, err := client.SetStatus(c.Context, try) // refuses what would be refused
	if err != nil {
		return err
	}
	if change.DryRun || !found[0].Changed {
		if !c.Bool("json") && found[0].Changed {
			entails(p.out, found[0])
		}
		return p.printChanged(c, change, found)
	}
	shown := p.out
	if c.Bool("json") {
		shown = p.err
	}
	entails(shown, found[0])
	if err := p.confirm(c, found[0]); err != nil {
		return err
	}
	changed, err := client.SetStatus(c.Context, change)
	if err != nil {
		return err
	}
	return p.printChanged(c, change, changed)
}

// entails writes what follows from the revocation of an authority.
func entails(w io.Writer, one ca.Changed) {
	id := authorityID(one.Record)
	total := 0
	var parts []string
	for _, product := range slices.Sorted(maps.Keys(one.Issued)) {
		if product == "ocsp" { // of the authority's own responder
			continue
		}
		total += one.Issued[product]
		parts = append(parts, fmt.Sprintf("%s %d", product, one.Issued[product]))
	}
	count := fmt.Sprint(total)
	if len(parts) > 0 {
		count += " (" + strings.Join(parts, ", ") + ")"
	}
	var products []string
	for _, p := range profiles.Products() {
		if a, err := p.IssuingAuthority(); err == nil && a.ID() == id {
			products = append(products, p.ID)
		}
	}
	root := one.Authority
	fmt.Fprintf(w, tr(`Révoquer %[1]s, %[2]s :
  - c'est définitif ;
  - ses certificats encore valables seront refusés partout. Ils sont %[3]s ;
  - la CRL et les réponses OCSP de sa racine %[4]s le diront ; celles de %[1]s restent servies ;
  - plus aucun certificat ne sera émis par elle (produits : %[5]s) ;
  - pour continuer : un autre laboratoire (igc --home DOSSIER init).
`, `To revoke %[1]s, %[2]s:
  - it is for good;
  - its certificates that are valid still will be refused everywhere. They are %[3]s;
  - the CRL and the OCSP answers of its root %[4]s will say so; those of %[1]s are served as before;
  - no certificate will be issued by it any more (products: %[5]s);
  - to get on: another lab (igc --home FOLDER init).
`), id, one.Holder.DisplayName(), count, root, strings.Join(products, ", "))
}

// authorityID is the ID of the authority that a record is the certificate of.
func authorityID(r *ca.Record) string {
	for _, a := range profiles.Authorities() {
		if a.CommonName() == r.Holder.Service {
			return a.ID()
		}
	}
	return r.Serial
}

// confirm asks for the authority's name at a terminal. A script says --yes, or names the authority
// by its whole serial number, which nobody gives by accident.
func (p *program) confirm(c *cli.Context, one ca.Changed) error {
	id := authorityID(one.Record)
	f, ok := p.in.(*os.File)
	switch {
	case c.Bool("yes"):
		return nil
	case ok && term.IsTerminal(int(f.Fd())):
		fmt.Fprintf(p.err, tr("Tapez %s pour la révoquer : ", "Type %s to revoke it: "), id)
		answer := make(chan string, 1)
		go func() {
			var typed string
			fmt.Fscanln(p.in, &typed) // what cannot be read does not confirm
			answer <- typed
		}()
		select {
		case typed := <-answer:
			if strings.EqualFold(typed, id) {
				return nil
			}
		case <-c.Context.Done(): // Ctrl-C does not end a read
			fmt.Fprintln(p.err)
			return c.Context.Err()
		}
		return ca.Invalidate(errorf("pas confirmé : %s n'est pas révoquée, rien n'est changé",
			"not confirmed: %s is not revoked, nothing is changed", id))
	case c.NArg() == 1:
		return nil
	}
	return ca.Invalidate(errorf("rien n'est changé : il n'y a pas de terminal où le confirmer ; dans un script, ajoutez --yes",
		"nothing is changed: there is no terminal to confirm it at; in a script add --yes"))
}

// revokedAuthorities are those of a lab, by ID.
func revokedAuthorities(list []ca.AuthorityInfo) map[string]*ca.Revocation {
	revoked := map[string]*ca.Revocation{}
	for _, info := range list {
		if info.Revoked != nil {
			revoked[info.ID] = info.Revoked
		}
	}
	return revoked
}

// revokedAbove is the first revoked authority above what an authority issues, itself or its root;
// empty when none is.
func revokedAbove(revoked map[string]*ca.Revocation, authority string) string {
	a, err := profiles.ParseAuthority(authority)
	if err != nil {
		return ""
	}
	for _, id := range []string{a.ID(), a.Root().ID()} {
		if revoked[id] != nil {
			return id
		}
	}
	return ""
}

// warnRevoked says on standard error which authorities of the lab are revoked.
func (p *program) warnRevoked(revoked map[string]*ca.Revocation) {
	for _, id := range slices.Sorted(maps.Keys(revoked)) {
		v := revoked[id]
		fmt.Fprintf(p.err, tr("igc : %s est révoquée depuis le %s (%s) : tout ce qu'elle a émis est refusé.\n",
			"igc: %s was revoked on %s (%s): all that it issued is refused.\n"), id, v.At.Format(time.RFC3339), v.Reason)
	}
}
