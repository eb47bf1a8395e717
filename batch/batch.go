// Package batch issues a card for each row of a file.
//
// [Read] reads the rows: tables by package sheet, JSON, YAML. It puts right what spreadsheets do to
// values, and says so in notes. [Check] makes the order of every row, and names each bad row with
// its place and reason, before the first card is made. [Run] makes the cards and notes each in a
// journal in the lab's home: run again after an interruption, the same rows to the same place go on
// where they stopped. The cards go to a folder each, or at the end to one file (.zip, .jsonl).
package batch

import (
	"context"
	"errors"
	"slices"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
)

// RowErrors says what is wrong with each of several rows.
type RowErrors []error

func (e RowErrors) Error() string { return errors.Join(e...).Error() }

// Text is the message in both languages.
func (e RowErrors) Text() i18n.Text { return i18n.TextOf(errors.Join(e...)) }

// maxErrors is how many rows are named at most.
const maxErrors = 100

// orNil is the errors, the first of them when they are very many; nil when there is none.
func (e RowErrors) orNil() error {
	if len(e) == 0 {
		return nil
	}
	if more := len(e) - maxErrors; more > 0 {
		return append(e[:maxErrors:maxErrors], problem("more", "et %d autres lignes", "and %d further rows", more))
	}
	return e
}

// Rules are how rows become orders.
type Rules struct {
	Columns  []string                        // the names that a row may have
	Defaults map[string]string               // values of the rows that do not say otherwise
	Order    func(Row) (ca.CardOrder, error) // the order of a row
}

// Check makes the orders, and names every bad row with its place and reason. It adds to the notes
// of rows what is unusual in them.
func Check(rows []Row, rules Rules) ([]ca.CardOrder, error) {
	var orders []ca.CardOrder
	var errs RowErrors
	numbers := map[string]int{}
	for i := range rows {
		r := &rows[i]
		for name, value := range rules.Defaults {
			if !r.IsSet(name) {
				r.values[name] = []string{value}
			}
		}
		order, err := checkRow(*r, rules)
		if n := order.Holder.CardNumber; err == nil && n != "" {
			if first := numbers[n]; first != 0 {
				err = problem("card-twice", "carte %s : déjà à la ligne %d", "card %s: already on line %d", n, first)
			}
			numbers[n] = r.Line
		}
		if err != nil {
			errs = append(errs, &RowError{*r, err})
		} else if product, err := profiles.FindProduct(order.Product); err == nil {
			r.Notes = append(r.Notes, product.Warnings(order.Holder)...)
		}
		orders = append(orders, order)
	}
	if err := errs.orNil(); err != nil {
		return nil, ca.Invalidate(err)
	}
	return orders, nil
}

func checkRow(r Row, rules Rules) (ca.CardOrder, error) {
	order, err := rules.Order(r)
	if err != nil {
		return order, err
	}
	_, err = order.Check()
	return order, err
}

// Job is a batch: the rows, the order of each, and where the cards go.
type Job struct {
	Rows     []Row
	Orders   []ca.CardOrder
	Out      string                            // a folder, a .zip or a .jsonl; empty: the lab's own folder of cards
	Resumed  func(done int)                    // called when cards of these rows are made already
	Progress func(made, total int)             // called after each card
	Made     func(line int, card *ca.CardFile) // called with each card that is made; may be nil
}

// Run makes the cards that are not made yet. It returns the folder or file that has them all.
func Run(ctx context.Context, client *lab.Client, job Job) (path string, err error) {
	out, err := newOutput(client.Lab.Home, job.Out)
	if err != nil {
		return "", err
	}
	journal, err := openJournal(client.Lab.Home, out.path, job.Rows)
	if err != nil {
		return "", err
	}
	defer journal.Close()
	var remaining []ca.CardOrder
	var at []int // at[n] is the index in job.Orders of remaining[n]
	for i, order := range job.Orders {
		if order.Key == "" {
			order.Key = client.Lab.Config.Key
		}
		order.Into = out.folder
		if !journal.done[i] {
			remaining, at = append(remaining, order), append(at, i)
		}
	}
	service, stop, err := lockOrConnect(ctx, client)
	if err != nil {
		return "", err
	}
	defer stop()
	if err := checkCardNumbersUnused(ctx, service, remaining, job.Rows, at); err != nil {
		return "", err
	}
	var products []string
	for _, o := range remaining {
		products = append(products, o.Product)
	}
	if err := ca.CheckIssuable(ctx, service, products...); err != nil {
		return "", err
	}
	if n := len(job.Orders) - len(remaining); n > 0 && job.Resumed != nil {
		job.Resumed(n)
	}
	made := 0
	err = ca.MakeCards(ctx, service, client.Lab.Home, remaining, func(i int, card *ca.CardFile, dir string) error {
		made++
		if job.Progress != nil {
			job.Progress(made, len(remaining))
		}
		if job.Made != nil {
			job.Made(job.Rows[at[i]].Line, card)
		}
		return journal.note(at[i], dir)
	})
	if err != nil {
		return "", err
	}
	if err := out.finish(journal.folders()); err != nil {
		return "", err
	}
	return out.path, journal.remove()
}

// lockOrConnect locks the lab for the time of a batch, and answers the other commands meanwhile.
// When a server has it, the batch goes through the server.
func lockOrConnect(ctx context.Context, client *lab.Client) (ca.Service, func(), error) {
	err := client.Lab.Lock()
	if ca.KindOf(err) == ca.Busy {
		return client, func() {}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() {
		ended <- client.Lab.Serve(ctx, crl.NewIssuer(client.Lab, client.Lab.Now).Publish, nil, func() {})
	}()
	return client.Lab, func() {
		cancel()
		<-ended // without a socket the other commands wait
		client.Lab.Unlock()
	}, nil
}

// CheckUnused refuses rows whose card number the lab has issued already, as [Run] does.
func CheckUnused(ctx context.Context, client *lab.Client, rows []Row, orders []ca.CardOrder) error {
	if !slices.ContainsFunc(orders, func(o ca.CardOrder) bool { return o.Holder.CardNumber != "" }) {
		return nil
	}
	service, stop, err := lockOrConnect(ctx, client)
	if err != nil {
		return err
	}
	defer stop()
	at := make([]int, len(orders))
	for i := range at {
		at[i] = i
	}
	return checkCardNumbersUnused(ctx, service, orders, rows, at)
}

// checkCardNumbersUnused refuses rows whose card number the lab has issued already, before the
// first card is made.
func checkCardNumbersUnused(ctx context.Context, s ca.Service, orders []ca.CardOrder, rows []Row, at []int) error {
	var errs RowErrors
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
			errs = append(errs, &RowError{rows[at[i]], problem("issued", "la carte %s a déjà été émise",
				"card %s was issued already", n)})
		}
	}
	if err := errs.orNil(); err != nil {
		return &ca.Error{Kind: ca.Conflict, Err: err}
	}
	return nil
}

// errorf makes an error from a format in both languages; errors among the arguments are wrapped,
// and printed in the language of each.
func errorf(fr, en string, args ...any) error {
	return i18n.NewError(en, i18n.Text{FR: fr, EN: en}, args...)
}
