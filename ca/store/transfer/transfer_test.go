package transfer_test

import (
	"context"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/bolt"
	"github.com/igc-lab/igc/ca/store/postgres"
	"github.com/igc-lab/igc/ca/store/transfer"
	"github.com/igc-lab/igc/internal/postgrestest"
	"github.com/igc-lab/igc/profiles"
)

var authorities = []string{"ACI-FO-PP", "ACI-EL-PP", "ACR-FO"}

// world writes the same to several stores: whatever is drawn, each gets it.
type world struct {
	*testing.T
	*rand.Rand
	stores []store.Store
	now    time.Time
	issued []*store.Record
	states map[string]store.CRLState
}

func (w *world) clock() time.Time { return w.now }

func newWorld(t *testing.T, seed uint64) *world {
	return &world{T: t, Rand: rand.New(rand.NewPCG(seed, 17)), now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC),
		states: map[string]store.CRLState{}}
}

// restore writes to every store; the outcomes are the same.
func (w *world) restore(fn func(store.RestoreTx) error) {
	w.Helper()
	var first error
	for i, s := range w.stores {
		err := s.Restore(w.Context(), "cli:alain", fn)
		if i == 0 {
			first = err
		} else if store.KindOf(err) != store.KindOf(first) || (err == nil) != (first == nil) {
			w.Fatalf("one store says %v, the other %v", first, err)
		}
	}
	if first != nil && store.KindOf(first) == store.Internal && !errors.Is(first, store.ErrSerialTaken) &&
		!errors.Is(first, store.ErrSwap) {
		w.Fatal(first)
	}
}

// record is a made-up certificate.
func (w *world) record(authority string) *store.Record {
	serial := fmt.Sprintf("63DAFFCFC8034BDC%016X", w.Uint64N(1<<62)+1)
	der, err := asn1.Marshal(struct{ Serial string }{serial})
	if err != nil {
		w.Fatal(err)
	}
	from := w.now.Add(-time.Duration(w.IntN(1000)) * time.Hour)
	n := w.IntN(500)
	return &store.Record{Authority: authority, Serial: serial, Profile: "cps/authentication", Status: store.Good,
		Holder: profiles.Holder{Surname: "É\u0000DODO", GivenName: "ALAIN", IdNat: fmt.Sprintf("8%011d", n),
			CardNumber: fmt.Sprintf("2%09d", n)},
		NotBefore: from, NotAfter: from.Add(time.Duration(w.IntN(3000)) * time.Hour), IssuedAt: w.now,
		OwnKey: w.IntN(5) == 0, DER: der}
}

func (w *world) revocation() *store.Revocation {
	v := &store.Revocation{At: w.now.Add(-time.Duration(w.IntN(50)) * time.Second), // many of the same second
		Reason: store.Reasons()[w.IntN(len(store.Reasons()))]}
	if w.IntN(3) == 0 {
		v.Invalidity = v.At.Add(-time.Hour)
	}
	return v
}

// step does one thing.
func (w *world) step() {
	authority := authorities[w.IntN(2)]
	some := func() *store.Record { return w.issued[w.IntN(len(w.issued))] }
	kinds := []store.DocumentKind{{Name: "psc.session"}, {Name: "order", Audited: true}}
	switch n := w.IntN(100); {
	case n < 35 || len(w.issued) == 0:
		r := w.record(authority)
		w.issued = append(w.issued, r)
		w.restore(func(tx store.RestoreTx) error { return tx.AddCertificate(r) })
	case n < 36: // a serial number that is taken
		w.restore(func(tx store.RestoreTx) error { return tx.AddCertificate(some()) })
	case n < 65:
		r, v := some(), w.revocation()
		if w.IntN(4) == 0 {
			v = nil
		}
		w.restore(func(tx store.RestoreTx) error { return tx.SetStatus(r.Key(), v) })
	case n < 70:
		r, v := w.record(authority), *w.revocation()
		w.restore(func(tx store.RestoreTx) error { return tx.RestoreRevocation(r.Key(), v, r.NotAfter) })
		if w.IntN(2) == 0 {
			w.restore(func(tx store.RestoreTx) error { return tx.RestoreCertificate(r) })
			w.issued = append(w.issued, r)
		}
	case n < 80:
		w.now = w.now.Add(time.Duration(w.IntN(40)) * time.Hour)
	case n < 88:
		req := store.CRLRequest{Full: w.IntN(3) > 0, Form: store.FaithfulCRL, Restore: w.IntN(2) == 0}
		req.Due = req.Full && w.IntN(2) == 0
		if w.IntN(6) == 0 {
			req.Form = store.RichCRL
		}
		if w.IntN(3) > 0 {
			req.DropExpired = w.now.Add(-time.Duration(w.IntN(100)) * time.Hour)
		}
		w.restore(func(tx store.RestoreTx) error { _, err := tx.NextCRL(authority, req); return err })
	case n < 89:
		w.restore(
			func(tx store.RestoreTx) error { return tx.RestoreCRLNumber(authority, w.states[authority].Number+500) },
		)
	case n < 90:
		w.restore(func(tx store.RestoreTx) error {
			_, err := tx.DropExpiredDocuments(20)
			return err
		})
	default:
		kind, key, expires := kinds[w.IntN(2)], fmt.Sprintf("clé/%d", w.IntN(30)), time.Time{}
		if w.IntN(2) == 0 {
			expires = w.now.Add(time.Duration(w.IntN(100)) * time.Hour)
		}
		value := fmt.Appendf(nil, "%x", w.Uint64())
		switch w.IntN(4) {
		case 0:
			w.restore(func(tx store.RestoreTx) error { return tx.DeleteDocument(kind, key, nil) })
		case 1:
			version := w.Uint64N(10)
			w.restore(func(tx store.RestoreTx) error {
				_, err := tx.PutDocument(kind, key, value, expires, &version)
				return err
			})
		default:
			w.restore(func(tx store.RestoreTx) error {
				_, err := tx.PutDocument(kind, key, value, expires, nil)
				return err
			})
		}
	}
}

func (w *world) begin() {
	for _, id := range authorities {
		w.restore(func(tx store.RestoreTx) error { return tx.AddAuthority(id, []byte{0x30, 0}) })
	}
}

// fill records certificates in one transaction, some of them revoked.
func (w *world) fill(n int) {
	first := len(w.issued)
	for range n {
		w.issued = append(w.issued, w.record(authorities[w.IntN(2)]))
	}
	revoked := map[int]*store.Revocation{}
	for i := range n / 4 {
		revoked[first+4*i] = w.revocation()
	}
	w.restore(func(tx store.RestoreTx) error {
		for i, r := range w.issued[first:] {
			if err := tx.RestoreCertificate(r); err != nil {
				return err
			}
			if v := revoked[first+i]; v != nil {
				if err := tx.RestoreRevocation(r.Key(), *v, r.NotAfter); err != nil {
					return err
				}
			}
		}
		return tx.Append(store.Change{Kind: store.LabSeeded})
	})
}

// Both drivers hold the same after the same: records, feed with its hashes, CRLs.
func TestDriversAgree(t *testing.T) {
	postgrestest.Need(t)
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, seed)
			file := bolt.Open(filepath.Join(t.TempDir(), "igc.db"), bolt.Options{Now: w.clock})
			if err := file.Lock(time.Minute); err != nil {
				t.Fatal(err)
			}
			defer file.Unlock()
			database, err := postgres.Open(postgrestest.Database(t), postgres.Options{Now: w.clock})
			if err != nil {
				t.Fatal(err)
			}
			defer database.Close()
			w.stores = []store.Store{file, database}
			w.begin()
			for i := range 600 {
				w.step()
				if i%100 != 99 {
					continue
				}
				if err := transfer.Compare(t.Context(), file, database, &transfer.Report{}); err != nil {
					t.Fatalf("after %d steps: %v", i+1, err)
				}
			}
		})
	}
}

// A lab that is copied to the other driver and back is equal; nothing is copied over a lab.
func TestCopyThereAndBack(t *testing.T) {
	postgrestest.Need(t)
	w := newWorld(t, 1)
	dir := t.TempDir()
	path := filepath.Join(dir, "igc.db")
	file := bolt.Open(path, bolt.Options{Now: w.clock})
	if err := file.Lock(time.Minute); err != nil {
		t.Fatal(err)
	}
	w.stores = []store.Store{file}
	w.begin()
	w.fill(1800)
	for len(w.issued) < 2000 {
		w.step()
	}
	if err := file.Unlock(); err != nil {
		t.Fatal(err)
	}
	database, back := postgrestest.Database(t), filepath.Join(dir, "back.db")
	there, err := transfer.Copy(t.Context(), "bbolt:"+path, database, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", *there)
	again, err := transfer.Copy(t.Context(), database, "bbolt:"+back, nil)
	if err != nil {
		t.Fatal(err)
	}
	if again.Head != there.Head || again.Certificates != there.Certificates || again.Documents != there.Documents ||
		again.Listed != there.Listed || there.Certificates != 2000 || there.Listed == 0 || there.Documents == 0 {
		t.Errorf("there %+v, back %+v", *there, *again)
	}
	reopened := bolt.Open(back, bolt.Options{ReadOnly: true})
	if err := transfer.Compare(t.Context(), file, reopened, &transfer.Report{}); err != nil {
		t.Error(err)
	}
	if err := bolt.Open(back, bolt.Options{}).Check(time.Second); err != nil {
		t.Error(err)
	}
	for from, to := range map[string]string{"bbolt:" + path: database, database: "bbolt:" + back} {
		if _, err := transfer.Copy(t.Context(), from, to, nil); store.KindOf(err) != store.Conflict {
			t.Errorf("from %s over %s: %v", from, to, err)
		}
	}
	for _, bad := range []string{"", "igc.db", "bolt:" + path, "mysql://h/l"} {
		if _, err := transfer.Copy(t.Context(), bad, "bbolt:"+path+".x", nil); store.KindOf(err) != store.Invalid {
			t.Errorf("from %q: %v", bad, err)
		}
	}
	if _, err := transfer.Copy(t.Context(), "bbolt:"+path+".none", database, nil); store.KindOf(err) != store.NotFound {
		t.Errorf("from nothing: %v", err)
	}
	// what goes on in a copy is what goes on in the original
	w.stores = nil
	for _, p := range []string{path, back} {
		w.stores = append(w.stores, bolt.Open(p, bolt.Options{Now: w.clock}))
	}
	copied, err := postgres.Open(database, postgres.Options{Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	w.stores = append(w.stores, copied)
	for range 60 {
		w.step()
	}
	for _, s := range w.stores[1:] {
		original := w.stores[0].(store.Exporter)
		if err := transfer.Compare(t.Context(), original, s.(store.Exporter), &transfer.Report{}); err != nil {
			t.Errorf("%T: %v", s, err)
		}
	}
}

// A copy that was interrupted goes on, and is not to be opened before; one of a lab that has
// changed begins anew.
func TestCopyResumed(t *testing.T) {
	postgrestest.Need(t)
	w := newWorld(t, 2)
	dir := t.TempDir()
	path := filepath.Join(dir, "igc.db")
	file := bolt.Open(path, bolt.Options{Now: w.clock})
	w.stores = []store.Store{file}
	w.begin()
	w.fill(5000)
	for range 40 {
		w.step()
	}
	database := postgrestest.Database(t)
	interrupted := func(from, to string) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		_, err := transfer.Copy(ctx, from, to, func(done, total uint64) {
			if done > total/2 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("the copy ended with %v", err)
		}
	}
	resumed := func(from, to string, want bool) {
		t.Helper()
		r, err := transfer.Copy(t.Context(), from, to, nil)
		if err != nil {
			t.Fatal(err)
		}
		if (r.Resumed > 0) != want {
			t.Errorf("%d certificates were there already", r.Resumed)
		}
	}
	interrupted("bbolt:"+path, database)
	half, err := postgres.Open(database, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	if err := half.View(t.Context(), func(store.Reader) error { return nil }); store.KindOf(err) != store.Conflict {
		t.Errorf("half a copy was opened: %v", err)
	}
	resumed("bbolt:"+path, database, true)
	back := "bbolt:" + filepath.Join(dir, "back.db")
	interrupted(database, back)
	resumed(database, back, true)

	database = postgrestest.Database(t)
	interrupted("bbolt:"+path, database)
	w.restore(func(tx store.RestoreTx) error { return tx.SetStatus(w.issued[7].Key(), w.revocation()) })
	resumed("bbolt:"+path, database, false)
}
