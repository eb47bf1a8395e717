package lab

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/bolt"
	"github.com/igc-lab/igc/card/folder"
	"github.com/igc-lab/igc/profiles"
)

// This file collects what the disk still proves of a lab's records, for [Lab.Recover].

// maxEvidence is the size of the largest file that is read for certificates. CRLs may be larger.
const maxEvidence = 1 << 20

// finds are what was found on the disk, and in what is left of the records.
type finds struct {
	authorities map[profiles.Authority][]foundCertificate
	issued      map[string]foundCertificate // by authority and serial number
	crls        map[profiles.Authority][]*x509.RevocationList
	log         map[string]*logged
	logOrder    []string
	salvaged    map[string]*ca.Record
	revocations map[string]ca.Revocation // by serial number
	changes     []store.Change           // of a damaged feed, in their order
	states      map[string]store.CRLState
	ownKeys     map[string]bool // by serial number: whether the holder made the key, as a card.json says
}

type foundCertificate struct {
	*x509.Certificate
	issuer profiles.Authority
	from   string
}

// logged is what the change feed says of a certificate.
type logged struct {
	Unrecovered
	issued   bool
	issuedAt time.Time
	changed  time.Time      // of the last change of status
	revoked  *ca.Revocation // as of that
	released time.Time      // end of the last hold, if it was that
}

func findKey(authority string, serial []byte) string { return authority + "\x00" + string(serial) }

// collect reads the home, the folders and, of damaged records, what is left.
func (l *Lab) collect(ctx context.Context, folders []string, damaged bool) (*finds, error) {
	f := &finds{authorities: map[profiles.Authority][]foundCertificate{}, issued: map[string]foundCertificate{},
		crls: map[profiles.Authority][]*x509.RevocationList{}, log: map[string]*logged{}, salvaged: map[string]*ca.Record{},
		revocations: map[string]ca.Revocation{}, states: map[string]store.CRLState{}, ownKeys: map[string]bool{}}
	if damaged {
		s, err := bolt.Salvage(l.file.Path())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fail(ca.Unwritable, "cannot read the damaged records: %w", err)
		}
		f.revocations, f.states = s.Revocations, s.CRLs
		for _, seq := range slices.Sorted(maps.Keys(s.Changes)) {
			f.changes = append(f.changes, s.Changes[seq])
		}
		for _, der := range s.Authorities {
			f.certificate(der, "igc.db")
		}
		for i, r := range slices.Concat(s.Records, s.Unproved) {
			c, err := r.Certificate()
			if err != nil {
				continue
			}
			if a, ok := profiles.AuthorityNamed(c.RawIssuer); ok {
				r.Authority = a.ID()
				if key := findKey(a.ID(), r.Key().Serial); i < len(s.Records) {
					f.salvaged[key] = r
				}
			}
			f.certificate(r.DER, "igc.db")
		}
	}
	for _, name := range []string{"audit.log", "audit.log.imported"} {
		if err := f.readLog(filepath.Join(l.Home, name)); err != nil {
			return nil, err
		}
	}
	if damaged {
		for _, c := range f.changes {
			f.change(c)
		}
	} else if err := f.readFeed(ctx, l.store); err != nil {
		return nil, err
	}
	for _, folder := range append([]string{l.Home}, folders...) {
		if err := f.readFolder(ctx, folder); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *finds) readFolder(ctx context.Context, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if path == dir {
				return fail(ca.NotFound, "%w", err)
			}
			return nil // what cannot be read proves nothing
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if d.Name() == folder.FileName {
			f.card(filepath.Dir(path))
			return nil
		}
		kind := strings.ToLower(filepath.Ext(path))
		if !d.Type().IsRegular() || !slices.Contains([]string{".pem", ".cer", ".crt", ".der", ".crl", ".p7b"}, kind) {
			return nil
		}
		if info, err := d.Info(); err != nil || kind != ".crl" && info.Size() > maxEvidence {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		f.file(data, path)
		return nil
	})
}

// card notes whose the keys of a card are. The certificates of a card whose keys the lab made name
// the files of their keys.
func (f *finds) card(dir string) {
	card, err := folder.Read(dir)
	if err != nil {
		return
	}
	for _, c := range card.Certificates {
		f.ownKeys[strings.ToUpper(c.Serial)] = card.OwnKey || c.Key == "" && c.PKCS12 == ""
	}
}

// file takes the certificates and the CRL that a file is, in DER or PEM.
func (f *finds) file(data []byte, path string) {
	block, rest := pem.Decode(data)
	if block == nil {
		f.der(data, path)
	}
	for ; block != nil; block, rest = pem.Decode(rest) {
		f.der(block.Bytes, path)
	}
}

func (f *finds) der(der []byte, path string) {
	if f.certificate(der, path) {
		return
	}
	if list, err := x509.ParseRevocationList(der); err == nil {
		if a, ok := profiles.AuthorityNamed(list.RawIssuer); ok && list.Number != nil && list.Number.IsUint64() {
			f.crls[a] = append(f.crls[a], list)
		}
	}
}

// certificate takes a certificate of the lab's names. Whether it is the lab's, its signature tells
// later.
func (f *finds) certificate(der []byte, from string) bool {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return false
	}
	issuer, ok := profiles.AuthorityNamed(c.RawIssuer)
	if !ok {
		return true
	}
	found := foundCertificate{c, issuer, from}
	if a, ok := profiles.AuthorityNamed(c.RawSubject); ok && c.IsCA {
		f.authorities[a] = append(f.authorities[a], found)
	}
	if key := findKey(issuer.ID(), c.SerialNumber.Bytes()); f.issued[key].Certificate == nil {
		f.issued[key] = found
	}
	return true
}

// readLog reads an audit.log as format 2 had it. A line that was torn is left out.
func (f *finds) readLog(path string) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fail(ca.Unwritable, "cannot read the audit log: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxEvidence)
	for lines.Scan() {
		var line struct {
			At      time.Time      `json:"at"`
			Event   string         `json:"event"`
			Revoked *ca.Revocation `json:"revocation"`
			Unrecovered
		}
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			continue
		}
		kind := store.StatusChanged
		if line.Event == "issue" {
			kind = store.CertificateIssued
		}
		f.change(store.Change{At: line.At, Kind: kind, Authority: line.Authority, Serial: line.Serial, Profile: line.Profile,
			Holder: line.Holder, Revoked: line.Revoked})
	}
	return nil // a line too long is the end of what can be read
}

// readFeed reads the changes that the records hold or, of damaged ones, those that were taken out.
func (f *finds) readFeed(ctx context.Context, s store.Store) error {
	var after uint64
	for {
		var changes []store.Change
		err := s.View(ctx, func(r store.Reader) (err error) {
			changes, err = r.Changes(after, 1000)
			return err
		})
		if err != nil || len(changes) == 0 {
			return err
		}
		for _, c := range changes {
			f.change(c)
		}
		after = changes[len(changes)-1].Seq
	}
}

// change notes what a change says of a certificate.
func (f *finds) change(c store.Change) {
	if c.Kind != store.CertificateIssued && c.Kind != store.StatusChanged {
		return
	}
	key := findKey(c.Authority, (&ca.Record{Serial: c.Serial}).Key().Serial)
	one := f.log[key]
	if one == nil {
		one = &logged{Unrecovered: Unrecovered{Authority: c.Authority, Serial: c.Serial, Profile: c.Profile, Holder: c.Holder}}
		f.log[key] = one
		f.logOrder = append(f.logOrder, key)
	}
	switch {
	case c.Kind == store.CertificateIssued:
		one.issued, one.issuedAt = true, c.At
		return
	case c.At.Before(one.changed): // another log has a later change
		return
	}
	one.changed = c.At
	switch {
	case c.Revoked != nil:
		one.revoked, one.released = c.Revoked, time.Time{}
	default:
		one.revoked, one.released = nil, c.At
	}
}
