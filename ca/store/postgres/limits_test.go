package postgres_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/postgres"
	"github.com/igc-lab/igc/internal/postgrestest"
)

// A database that takes no more connections says so, and is used once it does again; a process
// makes no more connections than its pool has, however many ask.
func TestConnectionLimit(t *testing.T) {
	_, dsn := ownServer(t, "max_connections=12", "superuser_reserved_connections=0")
	s := open(t, dsn)
	addAuthority(t, s)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if err := s.View(t.Context(), func(r store.Reader) error {
				r.Counts()
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if l := s.Link(); l.Connections > l.Most || l.Most != 8 {
		t.Errorf("%d connections of %d", l.Connections, l.Most)
	}

	defer postgres.SetPatience(300 * time.Millisecond)()
	var taken []*pgx.Conn
	for {
		conn, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			break
		}
		taken = append(taken, conn)
	}
	other := open(t, dsn)
	for name, err := range map[string]error{
		"a write": add(t.Context(), other, 1),
		"a view":  other.View(t.Context(), func(store.Reader) error { return nil }),
	} {
		if store.KindOf(err) != store.Unavailable || !strings.Contains(err.Error(), "takes no more connections") {
			t.Errorf("%s without a connection: %v", name, err)
		}
	}
	if err := add(t.Context(), s, 2); err != nil {
		t.Errorf("a write of the one that has connections: %v", err)
	}
	for _, conn := range taken {
		conn.Close(context.Background())
	}
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err := add(t.Context(), other, 3)
		if err == nil {
			break
		}
		if time.Since(start) > 5*time.Second {
			t.Fatalf("a write once there are connections: %v", err)
		}
	}
}

// fill leaves so much space on the disk of a file.
func fill(t *testing.T, file string, left uint64) {
	t.Helper()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(file), &disk); err != nil {
		t.Fatal(err)
	}
	free := disk.Bavail * uint64(disk.Bsize)
	t.Logf("%d MB are free", free>>20)
	if free > left {
		if err := os.WriteFile(file, make([]byte, free-left), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A database whose disk is full refuses writes with an error that says so, loses nothing that it
// acknowledged, and goes on once there is space again.
func TestDiskFull(t *testing.T) {
	postgrestest.Need(t)
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	mount := exec.Command("mount", "-t", "tmpfs", "-o", "size=160m,mode=1777", "tmpfs", disk)
	if out, err := mount.CombinedOutput(); err != nil {
		t.Skipf("no file system of a size can be mounted here: %s", out)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", disk).Run() })
	for at := disk; at != os.TempDir() && at != "/"; at = filepath.Dir(at) { // for the user postgres
		os.Chmod(at, 0o755)
	}
	os.Chmod(disk, 0o1777)
	t.Setenv("TMPDIR", disk)
	server, err := postgrestest.Start("min_wal_size=32MB", "max_wal_size=48MB")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	dsn, err := server.Database("full")
	if err != nil {
		t.Fatal(err)
	}
	defer postgres.SetPatience(time.Second)()
	s := open(t, dsn)
	addAuthority(t, s)
	filler := filepath.Join(disk, "filler")
	fill(t, filler, 2<<20)
	docs := store.Documents{Store: store.DocumentsOf(s, "test"), Kind: store.DocumentKind{Name: "d"}}
	value := make([]byte, 200<<10) // of bytes that do not get shorter by compression
	rand.Read(value)
	acknowledged := 0
	var refusal error
	for refusal == nil && acknowledged < 1000 {
		if _, refusal = docs.Put(t.Context(), "", fmt.Sprint(acknowledged), value, time.Time{}); refusal == nil {
			acknowledged++
		}
	}
	t.Logf("after %d documents: %v", acknowledged, refusal)
	switch kind := store.KindOf(refusal); {
	case kind == store.Unwritable && strings.Contains(refusal.Error(), "no space left"):
	case kind == store.Unavailable, kind == store.Unanswered: // the server ended, since it could not write its log
	default:
		t.Errorf("%s: %v", kind, refusal)
	}
	if _, err := docs.Put(t.Context(), "", "more", value, time.Time{}); err == nil {
		t.Log("there was space again")
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := server.Alive(); err != nil {
		t.Logf("the server ended: %v", err)
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
	}
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if _, err = docs.Put(t.Context(), "", "last", value, time.Time{}); err == nil {
			break
		}
		if time.Since(start) > 10*time.Second {
			t.Fatalf("a write once there is space: %v", err)
		}
	}
	for n := range acknowledged {
		if doc, err := docs.Get(t.Context(), fmt.Sprint(n)); err != nil || !bytes.Equal(doc.Value, value) {
			t.Fatalf("document %d of %d that were acknowledged: %v", n, acknowledged, err)
		}
	}
}
