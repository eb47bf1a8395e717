package cluster

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// at gives an operation its times, in seconds.
func at(call, ret float64, o operation) operation {
	o.call, o.ret = time.Duration(call*float64(time.Second)), time.Duration(ret*float64(time.Second))
	if o.outcome == "" {
		o.outcome = ok
	}
	return o
}

// right is a history of a lab that works, with what is hard about it: operations at the same time,
// answers that did not come, and a second try.
func right() ([]operation, final) {
	return []operation{
			at(0, 1, operation{kind: place, key: "CMD-1"}),
			at(0, 1, operation{kind: place, key: "CMD-2"}),
			at(0, 1, operation{kind: place, key: "CMD-3"}),
			at(1, 2, operation{kind: withdraw, key: "CMD-1", serial: "A1", sum: "a1"}),
			at(1, 2, operation{kind: withdraw, key: "CMD-1", outcome: refused}),
			at(1, 9, operation{kind: withdraw, key: "CMD-2", outcome: unknown}), // and it was done
			at(10, 11, operation{kind: withdraw, key: "CMD-2", outcome: refused}),
			at(10, 11, operation{kind: download, key: "CMD-2", sum: "p"}),
			at(10, 11, operation{kind: download, key: "CMD-2", outcome: refused}),
			at(12, 13, operation{kind: download, key: "CMD-2", outcome: refused}),

			at(2, 3, operation{kind: status, key: "A1", said: "good"}),
			at(3, 5, operation{kind: revoke, key: "A1", outcome: unknown}),
			at(4, 4.5, operation{kind: status, key: "A1", said: "good"}),
			at(5, 6, operation{kind: revoke, key: "A1"}),
			at(6.5, 6.6, operation{kind: status, key: "A1", said: "good"}), // within the second
			at(6.9, 20, operation{kind: status, key: "A1", said: "good"}),  // the node stood still
			at(7, 7.1, operation{kind: status, key: "A1", outcome: unknown}),
			at(8, 8.1, operation{kind: status, key: "A1", said: "revoked"}),
			at(3, 5, operation{kind: status, key: "B2", said: "unknown"}), // issued by nobody knows when

			at(1, 2, operation{kind: crl, key: "/full", number: 4, sum: "f4"}),
			at(2, 6, operation{kind: crl, key: "/full", number: 4, sum: "f4"}),
			at(3, 5, operation{kind: crl, key: "/full", number: 6, sum: "f6"}), // beside the one before
			at(4, 7, operation{kind: crl, key: "/full", number: 5, sum: "f5"}), // beside the one before
			at(8, 9, operation{kind: crl, key: "/full", outcome: unknown}),
			at(8, 9, operation{kind: crl, key: "/full", number: 6, sum: "f6"}),
			at(8, 9, operation{kind: crl, key: "/delta", number: 3, sum: "d3"}), // counts apart
			at(39, 40, operation{kind: crl, key: "/full", number: 8, sum: "f8"}),
			at(
				41,
				42,
				operation{kind: crl, key: "/full", number: 7, sum: "f7"},
			), // of a node without its database
			at(45, 46, operation{kind: crl, key: "/full", node: "n1", number: 7, sum: "f7"}), // and shortly after
			at(47, 48, operation{kind: crl, key: "/full", node: "n1", number: 8, sum: "f8"}),

			at(1, 2, operation{kind: login, key: "code-1"}),
			at(2, 3, operation{kind: redeem, key: "code-1"}),
			at(2, 4, operation{kind: redeem, key: "code-1", outcome: refused}),
			at(1, 2, operation{kind: login, key: "code-2"}),
			at(2, 3, operation{kind: redeem, key: "code-2", outcome: unknown}),
			at(4, 5, operation{kind: redeem, key: "code-2", outcome: refused}),
			at(1, 2, operation{kind: login, key: "code-3"}),
			at(90, 91, operation{kind: redeem, key: "code-3", outcome: refused}), // too late
			at(3, 4, operation{kind: login, key: "", outcome: unknown}),
		}, final{
			records: map[string]record{"A1": {"a1", true}, "A2": {"a2", false}},
			orders:  map[string][]string{"CMD-1": {"A1"}, "CMD-2": {"A2"}, "CMD-3": nil},
			listed:  map[string]bool{"A1": true},
			away:    []period{{40 * time.Second, 44 * time.Second}},
		}
}

func TestRightHistory(t *testing.T) {
	h, end := right()
	for _, v := range check(h, end) {
		t.Error(v)
	}
}

// Each wrong history breaks one rule, and the violation shows the operations that break it.
func TestWrongHistories(t *testing.T) {
	add := func(more ...operation) func(*[]operation, *final) {
		return func(h *[]operation, _ *final) { *h = append(*h, more...) }
	}
	tried := map[string]bool{}
	for name, c := range map[string]struct {
		rule  string
		wrong func(*[]operation, *final)
		shown int // operations
	}{
		"two orders are given one serial number": {"no serial number twice", func(h *[]operation, end *final) {
			*h = append(*h, at(3, 4, operation{kind: place, key: "CMD-4"}),
				at(4, 5, operation{kind: withdraw, key: "CMD-4", serial: "A1", sum: "a1"}))
			end.orders["CMD-4"] = []string{"A1"}
		}, 2},
		"two certificates have one serial number": {"no serial number twice", func(h *[]operation, end *final) {
			*h = append(*h, at(4, 5, operation{kind: withdraw, key: "CMD-4", serial: "A1", sum: "other"}))
			end.orders["CMD-4"] = []string{"A1"}
		}, 2},
		"an order is lost": {"nothing acknowledged is lost", func(_ *[]operation, end *final) {
			delete(end.orders, "CMD-3")
		}, 1},
		"a certificate is lost": {"nothing acknowledged is lost", func(_ *[]operation, end *final) {
			delete(end.records, "A1")
		}, 1},
		"a certificate is another one at the end": {"nothing acknowledged is lost", func(_ *[]operation, end *final) {
			end.records["A1"] = record{"other", true}
		}, 1},
		"an order has lost its certificate": {"nothing acknowledged is lost", func(_ *[]operation, end *final) {
			end.orders["CMD-1"] = nil
		}, 1},
		"a revocation is lost": {"nothing acknowledged is lost", func(_ *[]operation, end *final) {
			end.records["A1"] = record{"a1", false}
		}, 1},
		"a revocation is not on the CRL": {"nothing acknowledged is lost", func(_ *[]operation, end *final) {
			delete(end.listed, "A1")
		}, 1},
		"OCSP does not know what was issued": {"nothing acknowledged is lost",
			add(at(2.1, 2.2, operation{kind: status, key: "A1", said: "unknown"})), 2},
		"a number goes back": {"CRL numbers only grow",
			add(at(9.5, 10, operation{kind: crl, key: "/full", number: 5, sum: "f5"})), 2},
		"a number goes back once, and others do not": {"CRL numbers only grow",
			add(at(9.5, 10, operation{kind: crl, key: "/full", number: 7, sum: "f7"}),
				at(11, 12, operation{kind: crl, key: "/full", number: 6, sum: "f6"}),
				at(13, 14, operation{kind: crl, key: "/full", number: 8, sum: "f8"})), 2},
		"a number goes back after the database was away": {"CRL numbers only grow",
			add(at(49, 50, operation{kind: crl, key: "/full", node: "n1", number: 7, sum: "f7"})), 2},
		"a node's own number goes back while the database is away": {"CRL numbers only grow",
			add(at(41, 42, operation{kind: crl, key: "/full", node: "n2", number: 7, sum: "f7"}),
				at(43, 44, operation{kind: crl, key: "/full", node: "n2", number: 6, sum: "f6"})), 2},
		"the number of a delta CRL goes back": {"CRL numbers only grow",
			add(at(10, 11, operation{kind: crl, key: "/delta", number: 2, sum: "d2"})), 2},
		"two CRLs have one number": {"a CRL's number has one CRL",
			add(at(8, 9, operation{kind: crl, key: "/full", number: 6, sum: "other"})), 2},
		"good after a revocation": {"no OCSP good after a revocation",
			add(at(7.01, 7.02, operation{kind: status, key: "A1", said: "good"})), 2},
		"good after a revocation that only OCSP showed": {"no OCSP good after a revocation",
			add(at(1, 9, operation{kind: revoke, key: "A2", outcome: unknown}),
				at(2, 3, operation{kind: status, key: "A2", said: "revoked"}),
				at(4.1, 4.2, operation{kind: status, key: "A2", said: "good"})), 2},
		"revoked by nobody": {"no OCSP revoked without a revocation",
			add(at(7, 8, operation{kind: status, key: "A2", said: "revoked"})), 1},
		"revoked before it was asked for": {"no OCSP revoked without a revocation",
			add(at(2.5, 2.9, operation{kind: status, key: "A1", said: "revoked"})), 1},
		"a code is redeemed twice": {"no code twice",
			add(at(2, 4, operation{kind: redeem, key: "code-1"})), 2},
		"a code that nobody redeemed is refused": {"no code twice",
			add(at(1, 2, operation{kind: login, key: "code-4"}),
				at(2, 3, operation{kind: redeem, key: "code-4", outcome: refused})), 2},
		"a code is refused before it is redeemed": {"no code twice",
			add(at(1, 2, operation{kind: login, key: "code-4"}),
				at(2, 3, operation{kind: redeem, key: "code-4", outcome: refused}),
				at(4, 5, operation{kind: redeem, key: "code-4"})), 2},
		"an order is withdrawn twice": {"no withdrawal twice",
			add(at(3, 4, operation{kind: withdraw, key: "CMD-1", serial: "A1", sum: "a1"})), 2},
		"a PKCS#12 is handed out twice": {"no withdrawal twice",
			add(at(12, 13, operation{kind: download, key: "CMD-2", sum: "p"})), 2},
		"an order has two certificates": {"no withdrawal twice", func(_ *[]operation, end *final) {
			end.records["A3"] = record{"a3", false}
			end.orders["CMD-2"] = []string{"A2", "A3"}
		}, 0},
		"a certificate is of two orders": {"no withdrawal twice", func(_ *[]operation, end *final) {
			end.orders["CMD-3"] = []string{"A2"}
		}, 0},
		"a certificate is of no order": {"no withdrawal twice", func(_ *[]operation, end *final) {
			end.records["A3"] = record{"a3", false}
		}, 0},
		"an order that nobody withdrew is refused": {"no withdrawal twice",
			add(at(3, 4, operation{kind: withdraw, key: "CMD-3", outcome: refused})), 1},
	} {
		tried[c.rule] = true
		t.Run(name, func(t *testing.T) {
			h, end := right()
			c.wrong(&h, &end)
			all := check(h, end)
			i := slices.IndexFunc(all, func(v violation) bool { return v.rule == c.rule })
			if i < 0 {
				t.Fatalf("the checker does not see it: %v", all)
			}
			if v := all[i]; len(v.ops) != c.shown || strings.Count(v.String(), "\n") != c.shown {
				t.Errorf("want %d operations shown: %s", c.shown, v)
			}
		})
	}
	for name := range rules {
		if !tried[name] {
			t.Errorf("no wrong history breaks the rule %q", name)
		}
	}
}
