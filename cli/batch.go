package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/atomicfile"
)

// ofBatch are the flags of igc issue that are about a whole batch.
var ofBatch = []string{"batch", "out", "json", "p12-legacy", "key", "urls", "pin", "generation"}

// batch issues a card for each row of a file. Every row is checked before the first card is made. What is done is noted in
// a journal in the lab's home: run again after an interruption, the same file to the same place goes on where it stopped.
func (p *program) batch(c *cli.Context, file string) error {
	for _, name := range c.LocalFlagNames() {
		if !slices.Contains(ofBatch, name) {
			return ca.Invalidate(fmt.Errorf(tr("--%s ne vaut que pour une carte : mettez-le dans les lignes de %s", "--%s is for one card: put it in the rows of %s"), name, file))
		}
	}
	rows, err := readRows(file, p.in)
	if err != nil {
		return err
	}
	orders, err := checkRows(c, rows)
	if err != nil {
		return err
	}
	config := ca.DefaultConfig()
	if key := c.String("key"); key != "" {
		if config.Key, err = ca.ParseKeyPolicy(key); err != nil {
			return err
		}
	}
	client, err := p.connectOrCreate(c, config)
	if err != nil {
		return err
	}
	out, err := newOutput(client.Home, c.String("out"))
	if err != nil {
		return err
	}
	journal, err := openJournal(client.Home, out.path, rows)
	if err != nil {
		return err
	}
	defer journal.Close()
	var todo []ca.CardOrder
	var at []int // the row of each
	for i := range orders {
		if orders[i].Key == "" {
			orders[i].Key = client.Config.Key
		}
		orders[i].Into = out.folder
		if !journal.done[i] {
			todo, at = append(todo, orders[i]), append(at, i)
		}
	}
	service, stop, err := own(c.Context, client)
	if err != nil {
		return err
	}
	defer stop()
	if err := free(c.Context, service, todo, rows, at); err != nil {
		return err
	}
	var products []string
	for _, o := range todo {
		products = append(products, o.Product)
	}
	if err := ca.CheckIssuable(c.Context, service, products...); err != nil {
		return err
	}
	bar := newBar(p.err)
	if n := len(orders) - len(todo); n > 0 {
		fmt.Fprintf(p.err, tr("%d cartes sont déjà faites : je continue.\n", "%d cards are done already: going on.\n"), n)
	}
	made := 0
	err = ca.MakeCards(c.Context, service, client.Home, todo, func(i int, card *ca.CardFile, dir string) error {
		made++
		bar.show(tr("cartes", "cards"), made, len(todo))
		return journal.note(at[i], dir)
	})
	if err != nil {
		return err
	}
	if err := out.finish(journal.folders()); err != nil {
		return err
	}
	if err := journal.remove(); err != nil {
		return err
	}
	facts := map[string]any{"cards": len(orders), "out": out.path}
	return p.print(c, facts, func(w io.Writer) {
		fmt.Fprintf(w, tr("%d cartes dans %s\n", "%d cards in %s\n"), len(orders), out.path)
	})
}

// own holds the lab for a long work when no server does, and answers the other commands meanwhile; when one does, the work
// goes through it.
func own(ctx context.Context, client *ca.Client) (ca.Service, func(), error) {
	err := client.Hold()
	if ca.KindOf(err) == ca.Busy {
		return client, func() {}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- client.Answer(ctx, func() {}) }()
	return client.Lab, func() {
		cancel()
		<-ended // no socket is no harm: the others wait
		client.Release()
	}, nil
}

// checkRows makes the orders, and names every bad row with its line and reason.
func checkRows(c *cli.Context, rows []row) ([]ca.CardOrder, error) {
	var orders []ca.CardOrder
	var errs rowErrors
	numbers := map[string]int{}
	for _, r := range rows {
		for _, name := range []string{"key", "urls", "pin", "generation"} { // of the whole batch, unless the row says otherwise
			if !r.IsSet(name) && c.IsSet(name) {
				r.values[name] = []string{c.String(name)}
			}
		}
		err := r.unknown(c)
		var order ca.CardOrder
		if err == nil {
			order, err = cardOrder(r)
		}
		if err == nil {
			_, err = order.Check()
		}
		if err == nil {
			err = ca.CheckPIN(order.PIN)
		}
		if n := order.Holder.CardNumber; err == nil && n != "" {
			if first := numbers[n]; first != 0 {
				err = fmt.Errorf(tr("carte %s : déjà à la ligne %d", "card %s: already on line %d"), n, first)
			}
			numbers[n] = r.line
		}
		if err != nil {
			errs = append(errs, fmt.Errorf(tr("ligne %d : %w", "line %d: %w"), r.line, err))
		}
		order.LegacyP12 = c.Bool("p12-legacy")
		orders = append(orders, order)
	}
	if len(errs) > 0 {
		return nil, ca.Invalidate(errs)
	}
	return orders, nil
}

// rowErrors says what is wrong with each of several rows. It is told a line each.
type rowErrors []error

func (e rowErrors) Error() string { return errors.Join(e...).Error() }

// free refuses rows whose card number the lab has issued already, before the first card is made.
func free(ctx context.Context, s ca.Service, orders []ca.CardOrder, rows []row, at []int) error {
	var errs rowErrors
	for i, o := range orders {
		n := o.Holder.CardNumber
		if n == "" {
			continue
		}
		records, err := s.List(ctx, ca.Filter{Card: n, Limit: 1})
		if err != nil {
			return err
		}
		if len(records) > 0 {
			errs = append(errs, fmt.Errorf(tr("ligne %d : la carte %s a déjà été émise", "line %d: card %s was issued already"), rows[at[i]].line, n))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return &ca.Error{Kind: ca.Conflict, Err: errs}
}

// journal notes which rows of a batch are done, each with its card's folder. It is named after the rows and the place
// that they go to, so that another batch is another journal.
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

func openJournal(home, out string, rows []row) (*journal, error) {
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
