package ocsp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/big"
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

// Responder answers OCSP requests for every authority of a lab (RFC 6960, RFC 5019 and its
// revision, RFC 9654), each with a delegated responder of its own. A delegate's key lives in memory
// only: a new one, with a certificate of a week, is made by each process, and again when half the
// week is over.
//
// An answer about one certificate, to a request without a nonce, is kept and given again for half
// of its validity, or until the certificate's status changes; whatever else is asked is signed for
// the one who asks.
type Responder struct {
	lab         *lab.Lab
	now         func() time.Time
	authorities authorities
	cache       responseCache
	counters    counters
	slots       chan struct{} // one for each signature under way: as many as there are processors
	waiting     atomic.Int64  // signatures under way or to be made
	maxWaiting  int64
}

// maxWaiting is how many signatures may be waited for before who comes next is told tryLater: about
// a second of work with RSA keys on one processor.
const maxWaiting = 1024

// NewResponder makes the responder of a lab that this process holds. The caller passes every change
// of status on to StatusChanged, see [lab.Lab.WatchStatus].
func NewResponder(lab *lab.Lab, now func() time.Time) *Responder {
	r := &Responder{lab: lab, now: now, maxWaiting: maxWaiting, slots: make(chan struct{}, runtime.GOMAXPROCS(0)),
		authorities: authorities{byIssuerID: map[string]*authority{}, byID: map[string]*authority{}},
		cache:       responseCache{max: lab.Config.OCSP.Keep, entries: map[string]*entry{}}}
	return r
}

// Warm makes the delegated responder of an authority before the first request asks for it.
func (r *Responder) Warm(ctx context.Context, p profiles.Authority) error {
	a, err := r.authorities.get(ctx, r.lab, p)
	if err == nil {
		_, err = r.delegateOf(ctx, a)
	}
	return err
}

// StatusChanged drops the kept answers that a change of status made wrong. It is called when the
// change is durable, and before whoever made it learns that: nobody who asks later gets an old
// answer.
func (r *Responder) StatusChanged(change store.Change) {
	r.authorities.mu.RLock()
	a := r.authorities.byID[change.Authority]
	r.authorities.mu.RUnlock()
	serial, ok := new(big.Int).SetString(change.Serial, 16)
	if a == nil || !ok {
		return
	}
	if d := a.delegate.Load(); d != nil && d.certificate.SerialNumber.Cmp(serial) == 0 {
		a.delegate.CompareAndSwap(d, nil) // first: whoever begins to sign after the clearing finds another responder
		r.cache.clear()
		return
	}
	contents := serial.Bytes()
	if len(contents) == 0 || contents[0]&0x80 != 0 {
		contents = append([]byte{0}, contents...)
	}
	r.cache.drop(a, contents)
}

// Answer is the OCSPResponse to an OCSPRequest, both in DER. There always is one: an error is only
// for the log.
func (r *Responder) Answer(ctx context.Context, der []byte) ([]byte, error) {
	reply, err := r.reply(ctx, der)
	return reply.der, err
}

// reply is an OCSPResponse, and what HTTP says of it.
type reply struct {
	der        []byte
	status     responseStatus
	answers    [3]uint16 // SingleResponses, by certStatus
	thisUpdate time.Time
	renew      time.Time // from then on it is signed anew
	next       time.Time // nextUpdate

	length                         []string // values of HTTP headers
	tag, modified, expires, maxAge []string // nil for a reply to one asker, that no cache may give to another
}

// cacheable tells whether the same answer may be given to another.
func (p *reply) cacheable() bool { return p.tag != nil }

func refuse(s responseStatus) *reply {
	der := s.refusal()
	return &reply{der: der, status: s, length: []string{strconv.Itoa(len(der))}}
}

var refusals = func() (all [7]*reply) {
	for s := range all {
		all[s] = refuse(responseStatus(s))
	}
	return all
}()

// reply answers a request: from the answers that are kept, else with a signature.
func (r *Responder) reply(ctx context.Context, der []byte) (*reply, error) {
	req, p := r.lookUp(der)
	if p != nil {
		return p, nil
	}
	return r.decide(ctx, req)
}

// lookUp parses a request, and returns the reply where that takes neither a signature nor waiting
// for one: it was signed before, or the request is refused as it stands. Most requests get no
// further.
func (r *Responder) lookUp(der []byte) (*request, *reply) {
	req, err := parseRequest(der)
	if err != nil {
		return nil, r.counted(refusals[malformedRequest]) // the sender's fault: nothing to log
	}
	// RFC 6960 §4.1.2 forbids to pass over a critical extension that is not understood, and has no
	// status for it. The request keeps to the syntax, so malformedRequest would be wrong, and
	// internalError invites to ask again. What is left is "not capable of responding
	// authoritatively" (§2.3): the question is another than the one that could be answered.
	if req.critical {
		return nil, r.counted(refusals[unauthorized])
	}
	if !r.keeps(req) {
		return req, nil
	}
	e := r.cache.get(req.ids[0].raw, r.now())
	if e == nil {
		return req, nil
	}
	p := e.reply.Load()
	if p == nil { // being signed
		return req, nil
	}
	r.hit(p)
	return nil, r.counted(p)
}

// keeps tells whether the reply to a request may be one that is kept. None may while changes that
// other processes make are not known to have come here, for longer than igc.yaml has it: statuses
// are read then.
func (r *Responder) keeps(req *request) bool {
	return req.forAnyone() && r.lab.Current(r.lab.Config.OCSP.StoreGone)
}

// counted adds a reply to the counters.
func (r *Responder) counted(p *reply) *reply {
	if p.status != 0 {
		r.counters.refusals[p.status].Add(1)
	}
	for s, n := range p.answers {
		if n > 0 {
			r.counters.answers[s].Add(uint64(n))
		}
	}
	return p
}

// hit counts a reply that was signed for another.
func (r *Responder) hit(p *reply) {
	if p.status == 0 {
		r.counters.hits.Add(1)
	}
}

// decide is the reply to a request that lookUp left open.
func (r *Responder) decide(ctx context.Context, req *request) (*reply, error) {
	p, err := r.find(ctx, req)
	return r.counted(p), err
}

func (r *Responder) find(ctx context.Context, req *request) (*reply, error) {
	a, err := r.authorityOf(ctx, req.ids)
	switch {
	case err != nil:
		return r.broken(ctx, err)
	case a == nil:
		return refusals[unauthorized], nil
	case !r.keeps(req):
		return r.signed(ctx, a, req)
	}
	id := req.ids[0].raw
	e, owner := r.cache.begin(id, r.now())
	if !owner {
		return r.wait(ctx, e)
	}
	reply := refusals[internalError] // should the signer panic
	defer func() { r.cache.complete(id, e, reply) }()
	reply, err = r.signed(context.WithoutCancel(ctx), a, req) // others wait for it too
	if former := e.former; former != nil && reply == refusals[tryLater] && r.now().Before(former.next) && r.keeps(req) {
		reply = former // due to be signed anew, which the next one who asks tries again
		r.hit(reply)
	}
	return reply, err
}

// wait gives the answer that is kept, or that another has signed.
func (r *Responder) wait(ctx context.Context, e *entry) (*reply, error) {
	p := e.reply.Load()
	if p == nil {
		select {
		case <-e.ready:
			p = e.reply.Load()
		case <-ctx.Done():
			return refusals[tryLater], nil // who asked has left
		}
	}
	r.hit(p)
	return p, nil
}

// authorityOf finds the issuing authority that the request is about: that of the first certificate
// whose issuer is one of the lab's. nil when there is none.
func (r *Responder) authorityOf(ctx context.Context, ids []certID) (*authority, error) {
	for _, id := range ids {
		if a, err := r.authorities.byCertID(ctx, r.lab, id); a != nil || err != nil {
			return a, err
		}
	}
	return nil, nil
}

// signed has an answer signed when its turn comes. There always is a reply; an error beside it is
// for the log.
func (r *Responder) signed(ctx context.Context, a *authority, req *request) (*reply, error) {
	defer r.waiting.Add(-1)
	if r.waiting.Add(1) > r.maxWaiting {
		return refusals[tryLater], nil
	}
	late := time.NewTimer(turnLimit)
	defer late.Stop()
	select {
	case r.slots <- struct{}{}:
	case <-late.C:
		return refusals[tryLater], nil
	case <-ctx.Done():
		return refusals[tryLater], nil
	}
	defer func() { <-r.slots }()
	d, warning := r.delegateOf(ctx, a)
	if d == nil {
		return r.broken(ctx, warning)
	}
	p, err := r.sign(ctx, a, d, req)
	if err != nil {
		return r.broken(ctx, errors.Join(err, warning))
	}
	return p, warning
}

// broken is the reply when something failed; a client that left is not a failure, and a database
// that does not answer may the next time.
func (r *Responder) broken(ctx context.Context, err error) (*reply, error) {
	if ctx.Err() != nil {
		return refusals[tryLater], nil
	}
	if ca.KindOf(err) == ca.Unavailable {
		return refusals[tryLater], err
	}
	return refusals[internalError], err
}

// readLimit is how long a status may take to be read, and turnLimit how long a signature may be
// waited for: the lab's database may not answer.
const (
	readLimit = 3 * time.Second
	turnLimit = 10 * time.Second
)

// status reads the status of a certificate.
func (r *Responder) status(ctx context.Context, a profiles.Authority, number []byte) (*ca.Revocation, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	return r.lab.Status(ctx, a, number)
}

// sign reads the statuses and signs the answer. Its nextUpdate never comes after the end of the
// certificate that it carries.
func (r *Responder) sign(ctx context.Context, a *authority, d *delegate, req *request) (*reply, error) {
	config := &r.lab.Config.OCSP
	now := r.now().UTC().Truncate(time.Second)
	next := now.Add(config.Validity)
	if end := d.certificate.NotAfter; next.After(end) {
		next = end
	}
	var cutoff time.Time
	switch config.ArchiveCutoff {
	case "none":
	case "issuer": // everything that it ever issued is recorded (ETSI EN 319 411-2)
		cutoff = a.Certificate.NotBefore
	default:
		cutoff = now.AddDate(0, 0, -config.ArchiveDays())
	}
	p := &reply{thisUpdate: now}
	resp := &response{thisUpdate: now, nextUpdate: next, nonce: req.nonce, answers: make([]single, 0, len(req.ids))}
	lasting := req.nonce == nil
	for _, id := range req.ids {
		one := single{id: id.raw, status: unknown}
		owner, err := r.authorities.byCertID(ctx, r.lab, id)
		if err != nil {
			return nil, err
		}
		issued := false
		if owner == a { // one signature cannot speak for two authorities
			if number, ok := id.number(); ok {
				if one.revoked, issued, err = r.status(ctx, a.Authority, number); err != nil {
					return nil, err
				}
			}
			switch {
			case one.revoked != nil:
				if one.revoked.At.After(now) { // the clock was ahead then: see ca.CRLContent.DatedBy
					as := *one.revoked
					as.At, one.revoked = now, &as
				}
				one.status, one.cutoff = revoked, cutoff
			case issued:
				one.status, one.cutoff = good, cutoff
			case config.NeverIssued == "revoked":
				one.status, one.revoked, resp.extended = revoked, neverIssued, true
			}
		}
		lasting = lasting && issued
		resp.answers = append(resp.answers, one)
		p.answers[one.status]++
	}
	var err error
	if p.der, err = resp.sign(d); err != nil {
		return nil, err
	}
	r.counters.signatures.Add(1)
	p.length = []string{strconv.Itoa(len(p.der))}
	if !lasting { // a serial number never issued may be issued the next moment, of which nobody tells
		return p, nil
	}
	// Given for the first half of its validity, and HTTP caches may keep it for as long again: so
	// they never hold one that is over, and find a newer one when they ask.
	half := next.Sub(now) / 2
	p.renew, p.next = now.Add(half), next
	sum := sha256.Sum256(p.der)
	p.tag = []string{`"` + hex.EncodeToString(sum[:]) + `"`}
	p.modified, p.expires = []string{now.Format(http.TimeFormat)}, []string{next.Format(http.TimeFormat)}
	p.maxAge = []string{"max-age=" + strconv.Itoa(int(half/time.Second)) + ", public, no-transform, must-revalidate"}
	return p, nil
}
