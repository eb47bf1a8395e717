// Package console is the lab's own pages at its desk: what the lab knows, read across its services.
// Today they are the pages of people: a search, and for each person what the register, the cards,
// the certificates, the e-CPS, Pro Santé Connect and the outbox have of them.
//
// The pages only read. They show no PIN, code or key: where one is needed they name the command
// that asks for it.
package console
