package access

import (
	"container/list"
	"sync"
	"time"
)

// Rate is how many requests are let through: so many a second in the long run, and so many at once.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Rates are the limits of a server. Each actor has its own reads and writes, each address its own
// refused tokens.
type Rates struct {
	Reads, Writes, Failures Rate
	Actors                  int // remembered at most, and as many addresses
}

// DefaultRates let a person and a script work, and not a loop: a thousand orders a minute.
func DefaultRates() Rates {
	return Rates{Reads: Rate{100, 500}, Writes: Rate{15, 150}, Failures: Rate{0.2, 10}, Actors: 10_000}
}

// Limiter counts the requests of actors, and the refused tokens of addresses, in bounded memory.
// Whoever has been silent the longest is forgotten first.
type Limiter struct {
	rates Rates
	now   func() time.Time // of the machine, whatever the lab's clock says

	reads, writes, failures buckets
}

// NewLimiter makes a limiter.
func NewLimiter(rates Rates) *Limiter {
	l := &Limiter{rates: rates, now: time.Now}
	for b, rate := range map[*buckets]Rate{&l.reads: rates.Reads, &l.writes: rates.Writes,
		&l.failures: rates.Failures} {
		b.rate, b.most, b.byKey = rate, max(1, rates.Actors), map[string]*list.Element{}
	}
	return l
}

// request counts a request of an actor, and says how long to wait when there were too many.
func (l *Limiter) request(actor string, read bool) time.Duration {
	if read {
		return l.reads.count(actor, l.now())
	}
	return l.writes.count(actor, l.now())
}

// failure counts a refused token of an address.
func (l *Limiter) failure(address string) time.Duration { return l.failures.count(address, l.now()) }

// buckets are token buckets by key, the one used last in front.
type buckets struct {
	rate Rate
	most int

	mu    sync.Mutex
	byKey map[string]*list.Element
	order list.List
}

type bucket struct {
	key  string
	left float64
	at   time.Time
}

func (b *buckets) count(key string, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.byKey[key]
	if e == nil {
		if b.order.Len() >= b.most {
			oldest := b.order.Back()
			delete(b.byKey, oldest.Value.(*bucket).key)
			b.order.Remove(oldest)
		}
		e = b.order.PushFront(&bucket{key, float64(b.rate.Burst), now})
		b.byKey[key] = e
	}
	b.order.MoveToFront(e)
	one := e.Value.(*bucket)
	if since := now.Sub(one.at); since > 0 {
		one.left = min(float64(b.rate.Burst), one.left+since.Seconds()*b.rate.PerSecond)
	}
	one.at = now
	if one.left < 1 {
		return time.Duration((1 - one.left) / b.rate.PerSecond * float64(time.Second))
	}
	one.left--
	return 0
}
