package lab

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/keys"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/bolt"
	"github.com/igc-lab/igc/lab/rpc"

	"github.com/igc-lab/igc/internal/atomicfile"
)

// Options are what a caller says of a lab beside its home.
type Options struct {
	Passphrase []byte           // of the keys; nil for the one that the lab made
	Actor      string           // who changes something: "cli:alain"; empty for "system"
	Now        func() time.Time // nil for the clock: in a database that of all machines
	ReadOnly   bool             // the records are neither made nor changed, and a write is an error

	// Progress is called during long work: n of total done. It may be called from several
	// goroutines.
	Progress func(what string, n, total int)
	// Waiting is told once when another process holds the lab and this one waits for it.
	Waiting func(home string)
}

// Lab is an open lab: its authorities and its home, used on behalf of an actor. Its methods may be
// called from several goroutines.
type Lab struct {
	*ca.CA
	*opened
}

// opened is what the Labs of all actors share.
type opened struct {
	Home   string
	Config Config

	opts  Options
	store store.Store
	file  *bolt.Store // that is the store, nil when the records are in a database
	keys  *keys.Ring
}

// patience is how long a command waits for a lab that another process holds: making nine
// authorities takes a while.
const patience = 2 * time.Minute

// Open opens the lab in that home. It reads its configuration and nothing else: keys and records
// are opened when needed.
func Open(home string, opts Options) (*Lab, error) {
	config, err := readConfig(filepath.Join(home, "igc.yaml"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fail(ca.NotFound, "no lab in %s: make one with igc init, or let igc issue make it", home)
	}
	if err != nil {
		return nil, err
	}
	if opts.Actor == "" {
		opts.Actor = "system"
	}
	l := &Lab{opened: &opened{Home: home, Config: config, opts: opts}}
	if err := l.openRecords(); err != nil {
		return nil, err
	}
	if opts.Now == nil {
		opts.Now = time.Now
		if shared := l.Shared(); shared != nil {
			opts.Now = shared.Now
		}
		l.opts.Now = opts.Now
	}
	l.keys = keys.NewRing(filepath.Join(home, "keys"), sync.OnceValues(l.passphrase))
	if err := useToken(l.keys, config.AuthorityKeys); err != nil {
		return nil, err
	}
	if l.file == nil {
		l.keys.ShareWith(keys.SharedDocuments(store.DocumentsOf(l.store, opts.Actor)))
	}
	l.CA = ca.New(ca.Options{Store: l.store, Keys: l.keys, Policy: config.Key, Generation: config.Generation, URLs: config.URLs,
		Now: opts.Now, Progress: opts.Progress}, opts.Actor)
	if l.InDatabase() != "" { // the home of a further node begins as igc.yaml and passphrase
		for _, dir := range folders {
			_ = os.Mkdir(filepath.Join(home, dir), 0o700) // who writes there says what is wrong
		}
	}
	return l, nil
}

// useToken has a ring use the token that igc.yaml names, if any.
func useToken(ring *keys.Ring, setting string) error {
	if setting == KeyFiles {
		return nil
	}
	token, err := keys.ParseToken(setting)
	if err == nil {
		ring.UseToken(token)
	}
	return err
}

// tryToken opens the token of a lab that is to be made.
func tryToken(setting string) error {
	ring := keys.NewRing("", nil)
	if err := useToken(ring, setting); err != nil {
		return err
	}
	return errors.Join(ring.OpenToken(), ring.Close())
}

// folders are those of a lab's home.
var folders = []string{"keys", "cards", "publication"}

// Now is the time by the lab's clock.
func (l *Lab) Now() time.Time { return l.opts.Now() }

// Create makes an empty lab: folder, configuration and passphrase, no authority yet. A lab that is
// there already is opened when it was made with the same policy and addresses, and refused when
// not: nothing in it is ever replaced.
func Create(home string, config Config, opts Options) (*Lab, error) {
	if err := config.check(); err != nil {
		return nil, ca.Invalidate(err)
	}
	if err := safeHome(home); err != nil {
		return nil, err
	}
	path := filepath.Join(home, "igc.yaml")
	_, err := os.Stat(path)
	exists := err == nil
	if !exists { // what the lab needs elsewhere is there before the folder is
		if err := tryToken(config.AuthorityKeys); err != nil {
			return nil, err
		}
		if err := migrate(config.Store); err != nil {
			return nil, err
		}
	}
	for _, dir := range slices.Concat([]string{""}, folders) {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
			return nil, fail(ca.Unwritable, "cannot make the lab: %w", err)
		}
	}
	if err := safeHome(home); err != nil { // another user may have been faster to make it
		return nil, err
	}
	if exists {
		l, err := Open(home, opts)
		if err != nil {
			return nil, err
		}
		if l.Config.Key != config.Key || l.Config.URLs != config.URLs {
			return nil, fail(ca.Conflict,
				"the lab in %s was made with key: %s and publication: %s, and stays so; choose another home for %s and %s",
				home, l.Config.Key, l.Config.URLs.Publication, config.Key, config.URLs.Publication)
		}
		if config.Store != InFile && config.Store != l.Config.Store {
			return nil, fail(ca.Conflict,
				"the records of the lab in %s are in %s, and stay there; igc store copy takes them elsewhere",
				home, cmp.Or(l.InDatabase(), InFile))
		}
		if config.AuthorityKeys != KeyFiles && config.AuthorityKeys != l.Config.AuthorityKeys {
			return nil, fail(ca.Conflict,
				"the lab in %s was made with authority_keys: %s, and stays so; choose another home for %s",
				home, l.Config.AuthorityKeys, config.AuthorityKeys)
		}
		return l, nil
	}
	if opts.Passphrase == nil {
		if err := makePassphrase(filepath.Join(home, "passphrase")); err != nil {
			return nil, err
		}
	}
	// igc.yaml comes last: with it the folder is a lab
	data, err := config.encode()
	if err != nil {
		return nil, err
	}
	if err := atomicfile.Write(path, data, 0o600); err != nil {
		return nil, &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	return Open(home, opts)
}

// makePassphrase writes 192 random bits, unless the file is there: an interrupted creation keeps
// what its keys use. Two creations at once agree on the first one's.
func makePassphrase(path string) error {
	secret := make([]byte, 24)
	rand.Read(secret) // never fails
	tmp := path + "." + base64.RawURLEncoding.EncodeToString(secret[:6])
	if err := atomicfile.Write(tmp, []byte(base64.RawURLEncoding.EncodeToString(secret)+"\n"), 0o600); err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	defer os.Remove(tmp)
	if err := os.Link(tmp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fail(ca.Unwritable, "cannot write %s: %w", path, err)
	}
	return nil
}

// passphrase is the one given, else the one that the lab made.
func (l *Lab) passphrase() ([]byte, error) {
	if l.opts.Passphrase != nil {
		return l.opts.Passphrase, nil
	}
	path := filepath.Join(l.Home, "passphrase")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fail(ca.Passphrase,
			"this lab was made with a passphrase of yours: give it with --passphrase-file or IGC_PASSPHRASE")
	}
	if err != nil {
		return nil, fail(ca.Passphrase, "cannot read the lab's passphrase: %w", err)
	}
	secret := []byte(strings.TrimRight(string(data), "\r\n"))
	if len(secret) == 0 {
		return nil, fail(ca.Passphrase,
			"%s is empty: restore it from a copy of the lab, or give the passphrase with --passphrase-file", path)
	}
	return secret, nil
}

// As is the same lab, used on behalf of another actor.
func (l *Lab) As(actor string) *Lab { return &Lab{l.CA.As(actor), l.opened} }

// Serve takes the calls of commands over the lab's socket until the context ends, and then finishes
// those under way. The caller has locked the lab, see [Lab.Lock]. publish makes CRLs when a command
// asks for that; desk answers what commands ask of the desk. ready is called when calls are taken.
func (l *Lab) Serve(ctx context.Context, publish func(ctx context.Context, anew bool) error, desk http.Handler,
	ready func()) error {
	as := func(actor string) ca.Service { return l.CA.As(actor) }
	return (&rpc.Server{Home: l.Home, As: as, Passphrase: l.passphrase, Publish: publish,
		Snapshot: l.snapshot, Desk: desk}).Serve(ctx, ready)
}

// Counts is [ca.CA.Counts]. A server also learns here that damage was found, by whatever call.
func (l *Lab) Counts(ctx context.Context) (ca.Counts, error) {
	if l.file != nil {
		if err := l.file.FoundDamage(); err != nil {
			return ca.Counts{}, err
		}
	}
	return l.CA.Counts(ctx)
}

// ReadPassphraseFile reads the passphrase that a file's first line is.
func ReadPassphraseFile(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fail(ca.Passphrase, "cannot read the passphrase file: %w", err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return nil, fail(ca.Passphrase, "the first line of %s is empty: it should be the passphrase", path)
	}
	return []byte(line), nil
}

func fail(kind ca.Kind, format string, args ...any) error { return store.Errorf(kind, format, args...) }
