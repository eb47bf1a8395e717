package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store/transfer"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/postgrestest"
)

// A large lab that is copied to PostgreSQL and back by commands is equal: by the hashes of its
// records and of its feed, which igc store copy prints of what it has compared. IGC_LARGE_LAB says
// how many certificates it has: make soak takes a million, which takes 6 GB in TMPDIR.
func TestLargeCopy(t *testing.T) {
	certificates := 5000
	if text := os.Getenv("IGC_LARGE_LAB"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		certificates = n
	}
	database := postgrestest.Database(t)
	l := labtest.New(t, "--key", "p256")
	l.Must("bench", "seed", "--certificates", strconv.Itoa(certificates), "--revoked", strconv.Itoa(certificates/10))
	card := l.Issue("--fixture", "alain")
	l.Must("revoke", card.Certificates[0].Serial, "--reason", "superseded")
	alain, err := fixtures.Find("alain")
	if err != nil {
		t.Fatal(err)
	}
	l.Must("role", "add", "administrateur", alain.Holder.IdNat)
	l.Must("publish")

	there := copyLab(t, l, "bbolt:", database)
	// The file makes place for the one that comes back.
	if err := os.Remove(filepath.Join(l.Home, "igc.db")); err != nil {
		t.Fatal(err)
	}
	back := copyLab(t, l, database, "bbolt:")
	there.From, there.To, back.From, back.To = "", "", "", ""
	if there != back || there.Documents == 0 || there.Certificates < uint64(certificates) ||
		there.Listed != uint64(certificates/10+1) {
		t.Errorf("there %+v\nback  %+v", there, back)
	}
	l.Must("audit", "verify")
	if out := l.Must("show", card.Certificates[0].Serial); !strings.Contains(out, "superseded") {
		t.Errorf("the certificate that was revoked is shown as\n%s", out)
	}
}

// copyLab copies a lab, and logs what it took.
func copyLab(t *testing.T, l *labtest.Lab, from, to string) (r transfer.Report) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := l.Command("store", "copy", from, to, "--json")
	cmd.Stdout, cmd.Stderr = &out, &errOut
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop, memory := make(chan struct{}), make(chan int)
	go func() { // of its own: pages of the file that are mapped are the system's
		most := 0
		for ; ; time.Sleep(50 * time.Millisecond) {
			data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
			_, after, _ := strings.Cut(string(data), "RssAnon:")
			kB := 0
			fmt.Sscan(after, &kB)
			most = max(most, kB>>10)
			select {
			case <-stop:
				memory <- most
				return
			default:
			}
		}
	}()
	err := cmd.Wait()
	took := time.Since(begun)
	close(stop)
	most := <-memory
	if err != nil {
		t.Fatalf("igc store copy %s %s: %v\n%s", from, to, err, errOut.String())
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	t.Logf("%d certificates in %s, %s of processor time, %d MB of memory at most; records %s", r.Certificates,
		took.Round(100*time.Millisecond), cpu.Round(100*time.Millisecond), most, r.Records)
	return r
}
