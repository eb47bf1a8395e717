package cluster

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// stale is how long after an acknowledged revocation OCSP may say good.
const stale = time.Second

// codeLife is how long a client has for a code at least: a refusal later than this may be that of
// an old code.
const codeLife = 30 * time.Second

// violation is a promise of the lab that a history breaks, with the operations that show it.
type violation struct {
	rule string
	text string
	ops  []operation
}

func (v violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", v.rule, v.text)
	for _, o := range v.ops {
		fmt.Fprintf(&b, "\n    %s", o)
	}
	return b.String()
}

// The rules. A history is of a lab that works when it breaks none. All are decided exactly and in
// one pass over what is sorted: no search for an order of the operations is needed, since each rule
// is about a value that only goes one way, or about something that may happen once.
var rules = map[string]func(h []operation, end final) []violation{
	"no serial number twice":               serialTwice,
	"nothing acknowledged is lost":         lost,
	"CRL numbers only grow":                numbersGrow,
	"a CRL's number has one CRL":           oneCRL,
	"no OCSP good after a revocation":      goodAfterRevocation,
	"no OCSP revoked without a revocation": revokedForNothing,
	"no code twice":                        codeTwice,
	"no withdrawal twice":                  withdrawnTwice,
}

// check holds a history to the rules.
func check(h []operation, end final) (all []violation) {
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		for _, v := range rules[name](h, end) {
			v.rule = name
			all = append(all, v)
		}
	}
	return all
}

// byKey are the operations of a kind, by key, in the order of their calls.
func byKey(h []operation, kinds ...kind) map[string][]operation {
	all := map[string][]operation{}
	for _, o := range h {
		if slices.Contains(kinds, o.kind) {
			all[o.key] = append(all[o.key], o)
		}
	}
	for _, ops := range all {
		slices.SortStableFunc(ops, func(a, b operation) int { return cmp.Compare(a.call, b.call) })
	}
	return all
}

// serialTwice finds serial numbers that two orders have, or two certificates.
func serialTwice(h []operation, _ final) (all []violation) {
	first := map[string]operation{}
	for _, o := range h {
		if o.kind != withdraw || o.outcome != ok {
			continue
		}
		before, there := first[o.serial]
		switch {
		case !there:
			first[o.serial] = o
		case before.key != o.key || before.sum != o.sum:
			all = append(all, violation{text: o.serial + " is that of two certificates", ops: []operation{before, o}})
		}
	}
	return all
}

// lost finds acknowledged orders, certificates and revocations that are not there at the end, and
// refusals that say that something acknowledged is not there.
func lost(h []operation, end final) (all []violation) {
	issued := map[string]operation{}
	for _, o := range h {
		if o.outcome != ok {
			continue
		}
		switch o.kind {
		case place:
			if _, there := end.orders[o.key]; !there {
				all = append(all, violation{text: "the order is not there at the end", ops: []operation{o}})
			}
		case withdraw:
			issued[o.serial] = o
			switch r, there := end.records[o.serial]; {
			case !there:
				all = append(all, violation{text: "the certificate is not in the records", ops: []operation{o}})
			case r.sum != o.sum:
				all = append(all, violation{text: "the records have another certificate", ops: []operation{o}})
			}
			if !slices.Contains(end.orders[o.key], o.serial) {
				all = append(all, violation{text: "the order does not have the certificate at the end",
					ops: []operation{o}})
			}
		case revoke:
			if r, there := end.records[o.key]; !there || !r.revoked {
				all = append(all, violation{text: "the certificate is not revoked at the end", ops: []operation{o}})
			} else if !end.listed[o.key] {
				all = append(all, violation{text: "the certificate is not on the CRL at the end",
					ops: []operation{o}})
			}
		}
	}
	for _, o := range h {
		if before, there := issued[o.key]; there && o.kind == status && o.said == "unknown" && o.call > before.ret {
			all = append(all, violation{text: "OCSP does not know a certificate that was issued",
				ops: []operation{before, o}})
		}
	}
	return all
}

// keptFor is how long a node may go on giving the CRLs that it has after the database was away: a
// try to reach it takes two seconds at most, and the next comes a second later.
const keptFor = 4 * time.Second

// numbersGrow finds CRLs with a number below one that was seen before they were asked for: a number
// that only grows is linearizable when there are none. Full and delta CRLs have addresses of their
// own. While the database is away, nodes give what they have, which may be older than what another
// gave; the numbers of each grow all the same.
func numbersGrow(h []operation, end final) (all []violation) {
	for _, reads := range byKey(h, crl) {
		reads = slices.DeleteFunc(reads, func(o operation) bool { return o.outcome != ok })
		all = append(all, growing(reads, func(o operation) bool { return !during(o, end.away) })...)
		nodes := map[string][]operation{}
		for _, o := range reads {
			if o.node != "" {
				nodes[o.node] = append(nodes[o.node], o)
			}
		}
		for _, own := range nodes {
			all = append(all, growing(own, func(o operation) bool { return during(o, end.away) })...)
		}
	}
	return all
}

// during tells whether an operation was under way while the database was away, or shortly after.
func during(o operation, away []period) bool {
	return slices.ContainsFunc(away, func(p period) bool { return o.call < p.end+keptFor && o.ret > p.begin })
}

// growing finds those of some reads, sorted by their calls, that are held to the rule and have a
// lower number than one that had ended before.
func growing(reads []operation, held func(operation) bool) (all []violation) {
	ended := slices.SortedStableFunc(
		slices.Values(reads),
		func(a, b operation) int { return cmp.Compare(a.ret, b.ret) },
	)
	var highest operation
	next := 0
	for _, o := range reads {
		for ; next < len(ended) && ended[next].ret < o.call; next++ {
			if ended[next].number > highest.number {
				highest = ended[next]
			}
		}
		if o.number < highest.number && held(o) {
			all = append(all, violation{text: fmt.Sprintf("number %d after %d", o.number, highest.number),
				ops: []operation{highest, o}})
		}
	}
	return all
}

// oneCRL finds numbers under which an address gave two CRLs.
func oneCRL(h []operation, _ final) (all []violation) {
	for _, reads := range byKey(h, crl) {
		first := map[uint64]operation{}
		for _, o := range reads {
			if o.outcome != ok {
				continue
			}
			if before, there := first[o.number]; !there {
				first[o.number] = o
			} else if before.sum != o.sum {
				all = append(all, violation{text: fmt.Sprintf("number %d is that of two CRLs", o.number),
					ops: []operation{before, o}})
			}
		}
	}
	return all
}

// goodAfterRevocation finds answers that say good, to questions that were asked later than [stale]
// after a revocation was acknowledged, or seen by anybody.
func goodAfterRevocation(h []operation, _ final) (all []violation) {
	for _, ops := range byKey(h, revoke, status) {
		var known *operation // what showed the revocation first
		for i, o := range ops {
			shows := o.outcome == ok && (o.kind == revoke || o.said == "revoked")
			if shows && (known == nil || o.ret < known.ret) {
				known = &ops[i]
			}
		}
		for _, o := range ops {
			if known != nil && o.said == "good" && o.call > known.ret+stale {
				all = append(
					all,
					violation{text: fmt.Sprintf("good %s after the revocation was known", o.call-known.ret),
						ops: []operation{*known, o}},
				)
			}
		}
	}
	return all
}

// revokedForNothing finds answers that say revoked before anybody asked for a revocation.
func revokedForNothing(h []operation, _ final) (all []violation) {
	for _, ops := range byKey(h, revoke, status) {
		asked := slices.IndexFunc(ops, func(o operation) bool { return o.kind == revoke })
		for _, o := range ops {
			if o.said == "revoked" && (asked < 0 || o.ret < ops[asked].call) {
				all = append(all, violation{text: "nobody had revoked the certificate", ops: []operation{o}})
			}
		}
	}
	return all
}

// codeTwice finds authorization codes that were redeemed twice, and such as were refused without
// having been redeemed.
func codeTwice(h []operation, _ final) (all []violation) {
	given := byKey(h, login)
	for code, ops := range byKey(h, redeem) {
		all = append(all, once(ops)...)
		for _, o := range ops {
			for _, g := range given[code] {
				if o.outcome == refused && o.ret < g.call+codeLife && !explained(o, ops) {
					all = append(
						all,
						violation{text: "a code that was not redeemed is refused", ops: []operation{g, o}},
					)
				}
			}
		}
	}
	return all
}

// withdrawnTwice finds orders that were withdrawn or downloaded twice, orders with two
// certificates, certificates without an order, and orders that were refused without having been
// withdrawn.
func withdrawnTwice(h []operation, end final) (all []violation) {
	for _, k := range []kind{withdraw, download} {
		for _, ops := range byKey(h, k) {
			all = append(all, once(ops)...)
			for _, o := range ops {
				if o.outcome == refused && !explained(o, ops) {
					all = append(all, violation{text: "nobody had used it, and it is refused", ops: []operation{o}})
				}
			}
		}
	}
	owner := map[string]string{}
	for order, serials := range end.orders {
		if len(serials) > 1 {
			all = append(all, violation{text: fmt.Sprintf("order %s has certificates %v", order, serials)})
		}
		for _, serial := range serials {
			if other, there := owner[serial]; there {
				all = append(
					all,
					violation{text: fmt.Sprintf("certificate %s is of orders %s and %s", serial, order, other)},
				)
			}
			owner[serial] = order
		}
	}
	for serial := range end.records {
		if owner[serial] == "" {
			all = append(all, violation{text: "certificate " + serial + " is of no order"})
		}
	}
	return all
}

// once finds a second success among operations of which one may succeed.
func once(ops []operation) (all []violation) {
	done := slices.DeleteFunc(slices.Clone(ops), func(o operation) bool { return o.outcome != ok })
	if len(done) > 1 {
		all = append(all, violation{text: fmt.Sprintf("used %d times", len(done)), ops: done})
	}
	return all
}

// explained tells whether another operation on the same may have been what a refusal was for.
func explained(o operation, ops []operation) bool {
	return slices.ContainsFunc(ops, func(other operation) bool {
		return other != o && other.outcome != refused && other.call < o.ret
	})
}
