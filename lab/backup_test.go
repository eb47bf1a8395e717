package lab_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/lab"
)

// backedUp is a lab with cards, and a backup of it.
func backedUp(t *testing.T) (l *labtest.CardLab, file string, b *lab.Backup) {
	t.Helper()
	l = labtest.NewCardLab(t, 2)
	l.Change(t, ca.StatusChange{Card: l.Cards[0].Holder.CardNumber, Reason: "keyCompromise"})
	for name, content := range map[string]string{"cards/2600000001/card.json": "{}", "letters/2600000001.json": "{}",
		"publication/CRL/a.crl": "crl", "people.yaml": "", ".igc-tmp": "unfinished", "cards/.card-1/x": "unfinished"} {
		path := filepath.Join(l.Home, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content),
			0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(l.Home, "link")); err != nil && runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	if err := l.WriteHead(t.Context()); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "lab.tar")
	b, err := l.Client().Backup(t.Context(), file, true)
	if err != nil {
		t.Fatal(err)
	}
	return l, file, b
}

// A lab comes back as it was at the moment of the backup: records, keys, cards; with modes that are
// its owner's, CRL numbers that go on further up, and a feed that holds and says so.
func TestBackup(t *testing.T) {
	l, file, b := backedUp(t)
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if _, err := l.Client().Backup(t.Context(), file, true); store.KindOf(err) != store.Conflict {
		t.Errorf("over a file: %v", err)
	}
	l.IssueCard(t, "max", "authentication", "signature") // after it
	home := filepath.Join(t.TempDir(), "new", "lab")
	restored, err := lab.Restore(t.Context(), file, home, lab.Options{Now: l.Clock()})
	if err != nil {
		t.Fatal(err)
	}
	if restored.Feed != b.Feed || len(restored.Files) != len(b.Files) {
		t.Errorf("%+v, %+v", restored.Feed, b.Feed)
	}
	for _, name := range []string{".igc-tmp", "cards/.card-1", "link", "manifest.json"} {
		if _, err := os.Lstat(filepath.Join(home, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is there: %v", name, err)
		}
	}
	if loose, err := lab.InsecurePermissions(t.Context(), home); err != nil || len(loose) > 0 {
		t.Errorf("%v, %v", loose, err)
	}
	for _, f := range b.Files {
		if f.Name != "igc.db" && labtest.Read(t, filepath.Join(home, f.Name)) != labtest.Read(t, filepath.Join(l.Home,
			f.Name)) {
			t.Errorf("%s differs", f.Name)
		}
	}
	again, err := lab.Open(home, lab.Options{Now: l.Clock(), Actor: "cli:test"})
	if err != nil {
		t.Fatal(err)
	}
	records, err := again.List(t.Context(), ca.Filter{EndEntities: true})
	if err != nil || len(records) != 4 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	revoked := 0
	for _, r := range records {
		if r.Status == ca.Revoked {
			revoked++
		}
	}
	if revoked != 2 {
		t.Errorf("%d revoked", revoked)
	}
	signed, err := again.ReadHead()
	if err != nil {
		t.Fatal(err)
	}
	report, err := ca.VerifyFeed(t.Context(), again.CA, signed, "")
	if err != nil || report.Broken != "" || report.Entries != b.Feed.Seq+1 {
		t.Errorf("%+v, %v", report, err)
	}
	changes, err := again.Changes(t.Context(), b.Feed.Seq, 10)
	if err != nil || len(changes) != 1 || changes[0].Kind != store.LabRestored || changes[0].Prev != b.Feed.Hash {
		t.Errorf("%+v, %v", changes, err)
	}
	card := &labtest.CardLab{Lab: again, Now: l.Now} // its keys sign
	card.IssueCard(t, "alain", "authentication", "signature")
	if err := again.CheckRecords(); err != nil {
		t.Error(err)
	}
	for _, taken := range []string{home, l.Home} {
		if _, err := lab.Restore(t.Context(), file, taken, lab.Options{}); store.KindOf(err) != store.Conflict {
			t.Errorf("over a lab: %v", err)
		}
	}
	empty := t.TempDir()
	if err := os.Chmod(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := lab.Restore(t.Context(), file, empty, lab.Options{}); err != nil {
		t.Errorf("into an empty folder: %v", err)
	}
}

// A backup without the passphrase has no file from which the keys open.
func TestBackupWithoutPassphrase(t *testing.T) {
	l := labtest.NewCardLab(t, 1)
	file := filepath.Join(t.TempDir(), "lab.tar")
	if _, err := l.Client().Backup(t.Context(), file, false); err != nil {
		t.Fatal(err)
	}
	secret := strings.TrimSpace(labtest.Read(t, filepath.Join(l.Home, "passphrase")))
	if strings.Contains(labtest.Read(t, file), secret) {
		t.Error("the passphrase is in it")
	}
	home := filepath.Join(t.TempDir(), "lab")
	if b, err := lab.Restore(t.Context(), file, home, lab.Options{}); err != nil || b.Passphrase {
		t.Fatalf("%+v, %v", b, err)
	}
	again, err := lab.Open(home, lab.Options{Passphrase: []byte(secret), Now: l.Clock()})
	if err != nil {
		t.Fatal(err)
	}
	(&labtest.CardLab{Lab: again, Now: l.Now}).IssueCard(t, "alain", "authentication", "signature")
}

// A backup while others write is of one moment: its feed holds, each certificate that it has is
// recorded, and no authority lacks its key.
func TestBackupWhileWriting(t *testing.T) {
	l := labtest.NewCardLab(t, 1)
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			_, err := l.WriteDocuments(t.Context(), "test", store.DocumentWrite{
				Kind: store.DocumentKind{Name: "test", Audited: true}, Key: fmt.Sprint(n), Value: make([]byte, 1000)})
			if err != nil {
				stopped <- err
				return
			}
		}
	}()
	dir := t.TempDir()
	var last uint64
	for i := range 5 {
		file := filepath.Join(dir, fmt.Sprint(i))
		b, err := l.Client().Backup(t.Context(), file, true)
		if err != nil {
			t.Fatal(err)
		}
		if b.Feed.Seq < last {
			t.Errorf("entry %d after entry %d", b.Feed.Seq, last)
		}
		last = b.Feed.Seq
		if _, err := lab.Restore(t.Context(), file, file+".lab", lab.Options{}); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// member is a member of an archive.
type member struct {
	header  *tar.Header
	content []byte
}

func members(t *testing.T, file string) (all []member) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err == io.EOF {
			return all
		}
		content, readErr := io.ReadAll(r)
		if err := errors.Join(err, readErr); err != nil {
			t.Fatal(err)
		}
		all = append(all, member{h, content})
	}
}

// What is not a backup as igc made it is refused, and leaves no lab and nothing beside it.
func TestRestoreRefuses(t *testing.T) {
	_, file, _ := backedUp(t)
	whole := []byte(labtest.Read(t, file))
	parent := t.TempDir()
	home := filepath.Join(parent, "lab")
	try := func(what string, data []byte, mayHold bool) {
		t.Helper()
		broken := filepath.Join(t.TempDir(), "broken.tar")
		labtest.Write(t, broken, data)
		_, err := lab.Restore(t.Context(), broken, home, lab.Options{})
		if kind := store.KindOf(err); err != nil && kind != store.Damaged && kind != store.Invalid || err == nil &&
			!mayHold {
			t.Errorf("%s: %v", what, err)
		}
		if err == nil {
			if err := os.RemoveAll(home); err != nil {
				t.Fatal(err)
			}
		}
		if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
			t.Fatalf("%s leaves %v, %v", what, left, err)
		}
	}
	for _, n := range []int{0, 1, 511, 512, 513, 1024, len(whole) / 3, len(whole) / 2, len(whole) - 1500,
		len(whole) - 2048} {
		try(fmt.Sprintf("cut at %d", n), whole[:n], false)
	}
	list := members(t, file)
	at := 0
	for _, m := range list { // a byte of each file's content
		if len(m.content) == 0 {
			continue
		}
		place := bytes.Index(whole[at:], m.content)
		if place < 0 {
			t.Fatal(m.header.Name)
		}
		at += place
		changed := bytes.Clone(whole)
		changed[at+len(m.content)/2] ^= 1
		try("a byte of "+m.header.Name, changed, false)
	}
	for n := 0; n < len(whole); n += len(whole)/150 + 7 { // and any other: a date may differ, the lab may not
		changed := bytes.Clone(whole)
		changed[n] ^= 0x10
		try(fmt.Sprintf("byte %d", n), changed, true)
	}

	build := func(change func([]member) []member) []byte {
		t.Helper()
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		copies := make([]member, len(list))
		for i, m := range list {
			h := *m.header
			copies[i] = member{&h, m.content}
		}
		for _, m := range change(copies) {
			m.header.Format = tar.FormatPAX
			m.header.PAXRecords = nil
			if m.header.Typeflag == tar.TypeReg {
				m.header.Size = int64(len(m.content))
			}
			if err := w.WriteHeader(m.header); err != nil {
				t.Fatal(err)
			}
			if m.header.Typeflag == tar.TypeReg {
				if _, err := w.Write(m.content); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	try("as it was", build(func(all []member) []member { return all }), true)
	end := len(list) - 1
	insert := func(m member) func([]member) []member {
		return func(all []member) []member { return append([]member{m}, all...) }
	}
	evil := []byte("evil")
	outside := filepath.Join(parent, "..", "evil")
	for _, name := range []string{"../evil", "../../evil", "/tmp/evil-igc", "cards/../../evil", "..", ".", "a/./b",
		"a//b", "",
		`..\evil`, `a\b`, "C:/evil", "cards/../evil", strings.Repeat("../", 50) + "evil", "a\x00b"} {
		if name == "" || strings.Contains(name, "\x00") {
			continue // the library writes no such name
		}
		try(fmt.Sprintf("member %q", name),
			build(insert(member{&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600}, evil})), false)
	}
	if _, err := os.Lstat(outside); err == nil {
		t.Error("a file was written outside")
	}
	for what, h := range map[string]*tar.Header{
		"symbolic link": {Typeflag: tar.TypeSymlink, Name: "cards/x", Linkname: "/etc"},
		"hard link":     {Typeflag: tar.TypeLink, Name: "cards/x", Linkname: "/etc/passwd"},
		"folder":        {Typeflag: tar.TypeDir, Name: "cards/x/", Mode: 0o777},
		"fifo":          {Typeflag: tar.TypeFifo, Name: "igc.sock"},
		"device":        {Typeflag: tar.TypeChar, Name: "null"},
	} {
		try(what, build(insert(member{h, nil})), false)
	}
	extra := func(name string) member {
		return member{&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600}, evil}
	}
	try("a file beside", build(insert(extra("catalogue.token"))), false)
	try("a file twice", build(func(all []member) []member { return append([]member{all[0]}, all...) }), false)
	try("a file below a file", build(func(all []member) []member {
		return append([]member{extra("igc.yaml/x")}, all...)
	}), false)
	try("after the manifest", build(func(all []member) []member { return append(all, extra("x")) }), false)
	try("no manifest", build(func(all []member) []member { return all[:end] }), false)
	try("two manifests", build(func(all []member) []member { return append(all, all[end]) }), false)
	try("a file less", build(func(all []member) []member { return all[1:] }), false)

	manifest := func(change func(*lab.Backup, []member)) []byte {
		return build(func(all []member) []member {
			var b lab.Backup
			if err := json.Unmarshal(all[end].content, &b); err != nil {
				t.Fatal(err)
			}
			change(&b, all)
			var err error
			if all[end].content, err = json.Marshal(b); err != nil {
				t.Fatal(err)
			}
			return all
		})
	}
	try("another format", manifest(func(b *lab.Backup, _ []member) { b.Format = 2 }), false)
	try("another end of the feed", manifest(func(b *lab.Backup, _ []member) { b.Feed.Seq-- }), false)
	try("another hash of the feed", manifest(func(b *lab.Backup, _ []member) { b.Feed.Hash[0] ^= 1 }), false)
	try("no files", manifest(func(b *lab.Backup, _ []member) { b.Files = nil }), false)
	try("a whole manifest over broken records", manifest(func(b *lab.Backup, all []member) {
		for i, f := range b.Files {
			if f.Name == "igc.db" {
				for j, m := range all {
					if m.header.Name == f.Name {
						all[j].content = bytes.ReplaceAll(m.content, []byte(`"actor":"system"`),
							[]byte(`"actor":"sistem"`))
						b.Files[i].SHA256 = sha256.Sum256(all[j].content)
					}
				}
			}
		}
	}), false)
	try("not JSON", build(func(all []member) []member { all[end].content = []byte("{"); return all }), false)
	try("unknown fields", build(func(all []member) []member { all[end].content = []byte(`{"x": 1}`); return all }),
		false)
	if err := os.WriteFile(file+".txt", []byte("not a backup"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := lab.Restore(t.Context(), file+".missing", home, lab.Options{}); store.KindOf(err) != store.NotFound {
		t.Errorf("no file: %v", err)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
	// what a restore that was killed left goes with the next one
	stale := filepath.Join(parent, ".lab.restore-1")
	if err := errors.Join(os.Mkdir(stale, 0o700), os.Chtimes(stale, time.Time{},
		time.Now().Add(-2*time.Hour))); err != nil {
		t.Fatal(err)
	}
	if _, err := lab.Restore(t.Context(), file, home, lab.Options{}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(stale); err == nil {
		t.Error("it is there still")
	}
}
