package lab

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	kmsapi "go.step.sm/crypto/kms/apiv1"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/bolt"

	"github.com/igc-lab/igc/internal/atomicfile"
	"github.com/igc-lab/igc/profiles"
)

// Recovery is what [Lab.Recover] found, and made of it.
type Recovery struct {
	Damage      string               `json:"damage,omitempty"` // of the records; empty when they are whole
	DryRun      bool                 `json:"dry_run,omitempty"`
	Kept        string               `json:"kept,omitempty"` // where the damaged file is now
	Authorities []RecoveredAuthority `json:"authorities"`
	Database    int                  `json:"from_database"` // certificates whose record was taken out of the damaged file
	Files       int                  `json:"from_files"`    // certificates that were found in files, and had no record
	Revoked     int                  `json:"revoked"`       // of all these, those whose revocation, or hold, is recorded
	RevokedOnly int                  `json:"revoked_only"`  // revoked, and nothing else is known of them: they stay on the CRL
	Unspecified int                  `json:"unspecified"`   // revocations whose reason is not known any more
	OwnKeys     int                  `json:"own_keys"`      // of all these, those of a key that the holder made
	KeyUnknown  int                  `json:"key_unknown"`   // and those of which nothing says who made the key
	Missing     []Unrecovered        `json:"missing"`       // certificates that the change feed names and that are in no file
}

// Changes tells whether there was anything to do.
func (r *Recovery) Changes() bool {
	raised := slices.ContainsFunc(r.Authorities, func(a RecoveredAuthority) bool { return a.Changed })
	return r.Damage != "" || raised || r.Database+r.Files+r.Revoked+r.RevokedOnly > 0
}

// change is the entry of the feed for all that was recovered.
func (r *Recovery) change() store.Change {
	return store.Change{Kind: store.LabRecovered, Note: fmt.Sprintf("%d certificates from the database, %d from files; %d revocations, %d of unknown certificates; damage: %q",
		r.Database, r.Files, r.Revoked, r.RevokedOnly, r.Damage)}
}

// RecoveredAuthority is an authority that the lab has afterwards, or lacks.
type RecoveredAuthority struct {
	ID      string `json:"id"`
	From    string `json:"from,omitempty"`      // where its certificate was; empty: nowhere
	Number  uint64 `json:"number"`              // its next CRL has the one after
	Remade  bool   `json:"remade,omitempty"`    // its certificate was nowhere, and was made anew for its key
	NoKey   bool   `json:"no_key,omitempty"`    // it signs nothing any more
	Changed bool   `json:"recovered,omitempty"` // it was not recorded, or its CRL number was too low
}

// Unrecovered is a certificate of which only an entry of the change feed is left.
type Unrecovered struct {
	Authority string `json:"authority"`
	Serial    string `json:"serial"`
	Profile   string `json:"profile"`
	Holder    string `json:"holder"`
}

// numberMargin is how far a CRL number is raised when the last one is not known for sure: lists may
// have been made after the one that is on the disk.
const numberMargin = 1000

// errNotWritten ends a transaction that is not to be written.
var errNotWritten = errors.New("not written")

// Recover makes the records anew that are damaged or lost: from what is left of them, and from the
// certificates and CRLs in the lab's home and in the folders given. Records that are whole get what
// they lack. It invents nothing but certificates of authorities whose key and CRL are there and
// whose certificate is not. The damaged file keeps its content, under another name. A server must
// not run meanwhile.
func (l *Lab) Recover(ctx context.Context, folders []string, dryRun bool) (*Recovery, error) {
	harm, err := l.harm()
	if err != nil {
		return nil, err
	}
	f, err := l.collect(ctx, folders, harm != "")
	if err != nil {
		return nil, err
	}
	r := &Recovery{Damage: harm, DryRun: dryRun, Authorities: []RecoveredAuthority{}, Missing: []Unrecovered{}}
	authorities, err := l.chooseAuthorities(f, r)
	if err != nil {
		return nil, err
	}
	if harm == "" {
		err = l.store.Restore(ctx, l.Actor(), func(tx store.RestoreTx) error {
			if err := l.apply(tx, f, authorities, r); err != nil {
				return err
			}
			if dryRun || !r.Changes() {
				return errNotWritten
			}
			return tx.Append(r.change())
		})
		if errors.Is(err, errNotWritten) {
			err = nil
		}
	} else {
		err = l.rebuild(ctx, f, authorities, r)
	}
	if err != nil || dryRun {
		return r, err
	}
	return r, l.remake(ctx, f, r)
}

// harm tells what is wrong with the records, nothing when they are whole.
func (l *Lab) harm() (string, error) {
	if l.file == nil {
		return "", l.lookAtRecords() // damage of a database is not for igc to repair
	}
	err := l.file.Check(2 * time.Second)
	switch {
	case ca.KindOf(err) == ca.Damaged:
		return err.Error(), nil
	case errors.Is(err, store.ErrLocked):
		return "", fail(ca.Busy, "another process holds the lab in %s: end it first", l.Home)
	}
	return "", err
}

// chooseAuthorities chooses the certificate of each authority: that of its key, rightly signed.
func (l *Lab) chooseAuthorities(f *finds, r *Recovery) (map[profiles.Authority]*x509.Certificate, error) {
	chosen := map[profiles.Authority]*x509.Certificate{}
	for _, a := range profiles.Authorities() { // roots come first
		signer, err := l.keys.CreateSigner(&kmsapi.CreateSignerRequest{SigningKey: a.ID()})
		if err != nil && !errors.Is(err, fs.ErrNotExist) && ca.KindOf(err) != ca.NotFound {
			return nil, err
		}
		report := RecoveredAuthority{ID: a.ID(), NoKey: err != nil}
		for _, c := range f.authorities[a] {
			if chosen[a] != nil || err == nil && !samePublicKey(signer.Public(), c.PublicKey) {
				continue
			}
			root := chosen[a.Root()]
			if a.IsRoot() {
				root = c.Certificate
			}
			if root == nil || c.issuer != a.Root() || c.CheckSignatureFrom(root) != nil {
				continue
			}
			chosen[a], report.From = c.Certificate, c.from
		}
		f.crls[a] = slices.DeleteFunc(f.crls[a], func(list *x509.RevocationList) bool {
			var key crypto.PublicKey
			if chosen[a] != nil {
				key = chosen[a].PublicKey
			} else if err == nil {
				key = signer.Public()
			}
			return !signedBy(list, key)
		})
		if chosen[a] != nil || len(f.crls[a]) > 0 {
			r.Authorities = append(r.Authorities, report)
		}
	}
	return chosen, nil
}

func samePublicKey(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

func signedBy(list *x509.RevocationList, key crypto.PublicKey) bool {
	c := &x509.Certificate{PublicKey: key}
	switch key.(type) {
	case *rsa.PublicKey:
		c.PublicKeyAlgorithm = x509.RSA
	case *ecdsa.PublicKey:
		c.PublicKeyAlgorithm = x509.ECDSA
	default:
		return false
	}
	return c.CheckSignature(list.SignatureAlgorithm, list.RawTBSRevocationList, list.Signature) == nil
}

// apply records what was found and is not recorded.
func (l *Lab) apply(tx store.RestoreTx, f *finds, authorities map[profiles.Authority]*x509.Certificate,
	r *Recovery) error {
	r.Database, r.Files, r.Revoked, r.RevokedOnly, r.Unspecified, r.Missing = 0, 0, 0, 0, 0, []Unrecovered{}
	r.OwnKeys, r.KeyUnknown = 0, 0
	before := map[profiles.Authority]store.CRLState{}
	recorded := map[profiles.Authority]bool{}
	for i := range r.Authorities {
		report := &r.Authorities[i]
		a, err := profiles.ParseAuthority(report.ID)
		if err != nil {
			return err
		}
		report.Changed = false
		_, known := tx.Authority(a.ID())
		switch {
		case known:
			recorded[a] = true
			report.From = "igc.db"
		case authorities[a] != nil:
			if err := tx.AddAuthority(a.ID(), authorities[a].Raw); err != nil {
				return err
			}
			report.Changed = true
		default:
			report.Number = f.lastNumber(a)
			continue
		}
		if before[a], err = tx.CRLState(a.ID()); err != nil {
			return err
		}
		if err := f.raiseNumber(tx, a, before[a], report); err != nil {
			return err
		}
	}
	if err := l.applyRecords(tx, f, authorities, r); err != nil {
		return err
	}
	return l.applyStatuses(tx, f, before, recorded, r)
}

// lastNumber is the highest number of a CRL of the authority that is known.
func (f *finds) lastNumber(a profiles.Authority) uint64 {
	last := f.states[a.ID()].Number
	for _, list := range f.crls[a] {
		last = max(last, list.Number.Uint64())
	}
	return last
}

// raiseNumber has the authority's next CRL follow all that it made. The state says which was the
// last, when it is newer than any CRL that was found; otherwise others may have been made since.
func (f *finds) raiseNumber(tx store.RestoreTx, a profiles.Authority, present store.CRLState, report *RecoveredAuthority) error {
	last := f.lastNumber(a)
	report.Number = present.Number
	if last <= present.Number {
		return nil
	}
	report.Changed = true
	report.Number = last + numberMargin
	return tx.RestoreCRLNumber(a.ID(), report.Number) // no CRL is the present one: the next are made whole
}

// applyRecords records certificates in the order of their issue.
func (l *Lab) applyRecords(tx store.RestoreTx, f *finds, authorities map[profiles.Authority]*x509.Certificate,
	r *Recovery) error {
	type one struct {
		*ca.Record
		salvaged bool
	}
	var all []one
	for key, c := range f.issued {
		serial := c.SerialNumber.Bytes()
		if _, ok := tx.Authority(c.issuer.ID()); !ok || tx.Status(store.Key{Authority: c.issuer.ID(), Serial: serial}).Certificate {
			continue
		}
		if record := f.salvaged[key]; record != nil && bytes.Equal(record.DER, c.Raw) {
			all = append(all, one{record, true})
			continue
		}
		issuer := authorities[c.issuer]
		if issuer == nil || issuer.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) != nil {
			continue
		}
		at := c.NotBefore
		if line := f.log[key]; line != nil && line.issued {
			at = line.issuedAt
		}
		record, err := ca.NewRecord(c.issuer, c.Raw, at)
		if err != nil { // signed by the lab's key, and not by the lab
			continue
		}
		f.markKey(record, r)
		all = append(all, one{record, c.from == "igc.db"})
	}
	slices.SortFunc(all, func(a, b one) int {
		if n := a.IssuedAt.Compare(b.IssuedAt); n != 0 {
			return n
		}
		return strings.Compare(a.Serial, b.Serial)
	})
	for _, record := range all {
		if err := tx.RestoreCertificate(record.Record); err != nil {
			return err
		}
		if record.OwnKey {
			r.OwnKeys++
			if err := ca.RestoreOwnKey(tx, record.Record); err != nil {
				return err
			}
		}
		if record.salvaged {
			r.Database++
		} else {
			r.Files++
		}
	}
	for _, key := range f.logOrder {
		one := f.log[key]
		if !tx.Status((&ca.Record{Authority: one.Authority, Serial: one.Serial}).Key()).Certificate {
			r.Missing = append(r.Missing, one.Unrecovered)
		}
	}
	return nil
}

// markKey marks a record as of a key that its holder made, when the card's folder says so. A
// certificate alone does not say it.
func (f *finds) markKey(record *ca.Record, r *Recovery) {
	own, known := f.ownKeys[record.Serial]
	product, _, _ := strings.Cut(record.Profile, "/")
	if record.OwnKey = own; !known && product != "ocsp" && !record.IsAuthority() && !ca.OfServer(record) {
		r.KeyUnknown++
	}
}

// rebuild writes new records and puts them in the place of the damaged ones, which get another
// name.
func (l *Lab) rebuild(ctx context.Context, f *finds, authorities map[profiles.Authority]*x509.Certificate, r *Recovery) error {
	path := l.file.Path()
	before, _ := os.Stat(path)
	work, err := os.MkdirTemp(l.Home, ".recover-*")
	if err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	defer os.RemoveAll(work)
	made := filepath.Join(work, "igc.db")
	fresh := bolt.Open(made, bolt.Options{Now: l.opts.Now})
	if err := fresh.Restore(ctx, l.Actor(), func(tx store.RestoreTx) error {
		for _, c := range f.changes { // what is left of the feed goes on in the new one, numbered and hashed anew
			if err := tx.Append(c); err != nil {
				return err
			}
		}
		return errors.Join(l.apply(tx, f, authorities, r), tx.Append(r.change()))
	}); err != nil || r.DryRun {
		return err
	}
	if now, _ := os.Stat(path); before != nil && (now == nil || !os.SameFile(before, now) || now.Size() != before.Size() || now.ModTime() != before.ModTime()) {
		return fail(ca.Busy, "%s changed meanwhile: end the process that writes it, and try again", path)
	}
	if before != nil {
		r.Kept = path + ".damaged-" + time.Now().UTC().Format("20060102T150405Z")
		for n := 2; ; n++ {
			if _, err := os.Lstat(r.Kept); errors.Is(err, fs.ErrNotExist) {
				break
			}
			r.Kept = fmt.Sprintf("%s.damaged-%s-%d", path, time.Now().UTC().Format("20060102T150405Z"), n)
		}
		if err := os.Rename(path, r.Kept); err != nil {
			return fail(ca.Unwritable, "cannot set the damaged records aside: %w", err)
		}
	}
	if err := os.Rename(made, path); err != nil {
		return fail(ca.Unwritable, "cannot put the new records in place: %w", err)
	}
	if err := atomicfile.SyncDir(l.Home); err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	return nil
}

// remake makes the certificates of authorities anew of which only the key and a CRL are left, and
// then records what their CRLs say. It also puts certificates of authorities beside their keys, for
// the next time.
func (l *Lab) remake(ctx context.Context, f *finds, r *Recovery) error {
	var lost []profiles.Authority
	for i, report := range r.Authorities {
		a, err := profiles.ParseAuthority(report.ID)
		if err != nil {
			return err
		}
		if report.From == "" && !report.NoKey {
			lost = append(lost, a)
			r.Authorities[i].Remade = true
		}
	}
	if _, err := l.Ensure(ctx, nil); err != nil || len(lost) == 0 { // it writes the certificates beside the keys
		return err
	}
	return l.remakeLost(ctx, lost, f, r)
}

func (l *Lab) remakeLost(ctx context.Context, lost []profiles.Authority, f *finds, r *Recovery) error {
	first := *r
	if _, err := l.Ensure(ctx, lost); err != nil {
		return err
	}
	err := l.store.Restore(ctx, l.Actor(), func(tx store.RestoreTx) error { return l.apply(tx, f, nil, r) })
	r.Database, r.Files, r.Missing = first.Database, first.Files, first.Missing
	r.OwnKeys, r.KeyUnknown = first.OwnKeys, first.KeyUnknown
	r.Revoked, r.RevokedOnly, r.Unspecified = r.Revoked+first.Revoked, r.RevokedOnly+first.RevokedOnly, r.Unspecified+first.Unspecified
	for i := range r.Authorities {
		r.Authorities[i].Changed = r.Authorities[i].Changed || first.Authorities[i].Changed
		if r.Authorities[i].Remade {
			r.Authorities[i].From = ""
		}
	}
	return err
}
