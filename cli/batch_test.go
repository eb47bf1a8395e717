package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/labtest"
)

// A batch that is interrupted goes on where it stopped: every row has one card in the end, and,
// since an interruption lets the cards under way be finished, no certificate is recorded without
// its card. Meanwhile other commands are answered.
func TestBatchGoesOn(t *testing.T) {
	t.Parallel()
	const rows = 60
	l := labtest.New(t, "--key", "p256", "--gamme", "FO")
	var b strings.Builder
	b.WriteString("card,given_name,surname,profession,rpps\n")
	for i := range rows {
		fmt.Fprintf(&b, "cps,ALAIN,DODO%07d,10,99700209812\n", i)
	}
	file := filepath.Join(t.TempDir(), "batch.csv")
	labtest.Write(t, file, []byte(b.String()))
	out := filepath.Join(t.TempDir(), "cards")
	folders := func() int {
		found, err := filepath.Glob(filepath.Join(out, "*", "card.json"))
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	interruptions, listed := 0, false
	for run := 1; ; run++ {
		cmd := l.Command("issue", "--batch", file, "--out", out)
		var errOut strings.Builder
		cmd.Stderr = &errOut
		before := folders()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		for deadline := time.Now().Add(time.Minute); interruptions < 3 && folders() < before+8 && time.Now().Before(deadline); {
			time.Sleep(5 * time.Millisecond)
		}
		if interruptions < 3 {
			if !listed { // the batch has the lab, and answers for it
				listed = strings.Contains(l.Must("list", "--holder", "dodo"), "ALAIN")
			}
			cmd.Process.Signal(os.Interrupt)
		}
		err := <-done
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == exitInterrupted {
			interruptions++
			continue
		}
		if err != nil {
			t.Fatalf("run %d: %v: %s", run, err, errOut.String())
		}
		break
	}
	if interruptions == 0 {
		t.Fatal("the batch was over before it was interrupted: the test saw nothing")
	}
	if !listed {
		t.Error("igc list was not answered while the batch ran")
	}
	surnames := map[string]int{}
	for _, r := range l.List() {
		surnames[r.Holder.Surname]++
	}
	for i := range rows {
		if n := surnames[fmt.Sprintf("DODO%07d", i)]; n != 2 {
			t.Errorf("row %d has %d certificates, want two", i, n)
		}
	}
	if folders() != rows {
		t.Errorf("%d folders, want %d", folders(), rows)
	}
	t.Logf("%d interruptions", interruptions)
}

// A batch beside a server goes through it.
func TestBatchThroughTheServer(t *testing.T) {
	t.Parallel()
	l := labtest.New(t, "--key", "p256", "--gamme", "FO")
	l.Serve()
	file := filepath.Join(t.TempDir(), "batch.jsonl")
	labtest.Write(t, file, []byte(strings.Repeat(`{"card": "cps", "random": true}`+"\n", 10)))
	l.Must("issue", "--batch", file)
	if found, _ := filepath.Glob(filepath.Join(l.Home, "cards", "*", "card.json")); len(found) != 10 {
		t.Errorf("%d cards, want ten", len(found))
	}
}
