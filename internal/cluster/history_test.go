package cluster

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// kind is what a client asks for.
type kind string

const (
	place    kind = "place"    // an order
	withdraw kind = "withdraw" // an order: its certificate is issued
	download kind = "download" // the PKCS#12 of an order, once
	revoke   kind = "revoke"   // a certificate
	status   kind = "status"   // of a certificate, by OCSP
	crl      kind = "crl"      // full or delta
	login    kind = "login"    // by e-CPS, which gives a code
	redeem   kind = "redeem"   // a code for tokens
)

// outcome is what a client knows of its operation afterwards.
type outcome string

const (
	ok      outcome = "ok"      // it was acknowledged
	refused outcome = "refused" // the answer says that it was not done
	unknown outcome = "unknown" // it may be done or not: no answer, or a server's error
)

// operation is what a client asked, and what it was answered. Times are those since the history
// began.
type operation struct {
	kind
	key       string // order, serial number, address of the CRL, code
	call, ret time.Duration
	node      string // which it was asked of, past HAProxy; empty for HAProxy
	outcome
	failure string // why it is not ok, in words that are the same for the same failure

	serial string // certificate that came out
	sum    string // SHA-256 of the certificate or CRL that came out
	number uint64 // of the CRL
	said   string // what OCSP said: good, revoked, unknown
}

func (o operation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%12.6f to %12.6f s  %-8s %.40s: %s", o.call.Seconds(), o.ret.Seconds(), o.kind, o.key, o.outcome)
	if o.node != "" {
		fmt.Fprintf(&b, " by %s", o.node)
	}
	for _, s := range []string{o.said, o.failure} {
		if s != "" {
			fmt.Fprintf(&b, ", %s", s)
		}
	}
	if o.serial != "" {
		fmt.Fprintf(&b, ", serial number %s", o.serial)
	}
	if o.number != 0 {
		fmt.Fprintf(&b, ", number %d", o.number)
	}
	if o.sum != "" {
		fmt.Fprintf(&b, ", SHA-256 %.8s", o.sum)
	}
	return b.String()
}

// history is what all clients did, in the order in which their operations ended.
type history struct {
	begun time.Time

	mu   sync.Mutex
	ops  []operation
	away []period // see final
}

func newHistory() *history { return &history{begun: time.Now()} }

// since is the time of the history.
func (h *history) since() time.Duration { return time.Since(h.begun) }

// do runs an operation, which fills in what came out, and writes it down.
func (h *history) do(k kind, key string, run func(*operation)) operation {
	o := operation{kind: k, key: key, call: h.since()}
	run(&o)
	o.ret = h.since()
	h.mu.Lock()
	h.ops = append(h.ops, o)
	h.mu.Unlock()
	return o
}

// without notes that the database is away, for a node at least, while something runs.
func (h *history) without(run func() error) error {
	p := period{begin: h.since()}
	err := run()
	p.end = h.since()
	h.mu.Lock()
	h.away = append(h.away, p)
	h.mu.Unlock()
	return err
}

// final is the state of the lab at the end, after the last operation.
type final struct {
	records map[string]record   // by serial number, those that orders were given
	orders  map[string][]string // serial numbers of each order
	listed  map[string]bool     // serial numbers on the full CRL, which is every node's
	away    []period            // in which the database was away, for one node at least
}

type period struct{ begin, end time.Duration }

type record struct {
	sum     string // SHA-256 of the certificate
	revoked bool
}
