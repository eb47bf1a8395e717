package batch

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/atomicfile"
)

// journal notes which rows of a batch are done, each with its card's folder. It is named after the
// rows and the place that they go to, so that another batch is another journal.
type journal struct {
	file *os.File
	path string
	done map[int]bool
	dirs map[int]string
}

type journalLine struct {
	Row    int    `json:"row"`
	Folder string `json:"folder"`
}

func openJournal(home, out string, rows []Row) (*journal, error) {
	h := sha256.New()
	fmt.Fprintln(h, out)
	for _, r := range rows {
		fmt.Fprintln(h, r.values)
	}
	dir := filepath.Join(home, "batches")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	j := &journal{path: filepath.Join(dir, hex.EncodeToString(h.Sum(nil)[:12])+".jsonl"), done: map[int]bool{}, dirs: map[int]string{}}
	data, err := os.ReadFile(j.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	whole := 0
	for scan := bufio.NewScanner(bytes.NewReader(data)); scan.Scan(); {
		var l journalLine
		if json.Unmarshal(scan.Bytes(), &l) != nil {
			break // the last line was cut short: its card is on the disk, and is made anew
		}
		whole += len(scan.Bytes()) + 1
		if _, err := os.Stat(l.Folder); err == nil {
			j.done[l.Row], j.dirs[l.Row] = true, l.Folder
		}
	}
	if j.file, err = os.OpenFile(j.path, os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
		if err = j.file.Truncate(int64(min(whole, len(data)))); err == nil {
			_, err = j.file.Seek(0, io.SeekEnd)
		}
	}
	if err != nil {
		return nil, &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	return j, nil
}

func (j *journal) note(row int, folder string) error {
	line, err := json.Marshal(journalLine{row, folder})
	if err != nil {
		return err
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	j.done[row], j.dirs[row] = true, folder
	return nil
}

// folders lists the cards' folders in the order of the rows.
func (j *journal) folders() []string {
	var rows []int
	for r := range j.dirs {
		rows = append(rows, r)
	}
	slices.Sort(rows)
	var dirs []string
	for _, r := range rows {
		dirs = append(dirs, j.dirs[r])
	}
	return dirs
}

func (j *journal) Close() error { return j.file.Close() }

func (j *journal) remove() error {
	if err := os.Remove(j.path); err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	return atomicfile.SyncDir(filepath.Dir(j.path))
}
