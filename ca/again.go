package ca

import "strings"

// OrderAgain asks for another card, or another certificate, for the holder of those: the same
// product, a number of its own. All certificates of the card are wanted, since each names only what
// it holds: an e-mail address is in one of them.
func OrderAgain(records []*Record) (order CardOrder) {
	last := records[len(records)-1]
	order.Product, _, _ = strings.Cut(last.Profile, "/")
	order.Holder = last.Holder
	order.Holder.CardNumber = ""
	for _, r := range records {
		if r.Holder.Email != "" {
			order.Holder.Email = r.Holder.Email
		}
	}
	return order
}
