package population

// mix is the finalizer of SplitMix64: a bijection whose values look drawn by chance.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// golden is the increment of SplitMix64.
const golden = 0x9e3779b97f4a7c15

// subject is what a draw is about; draws of different subjects have nothing to do with each other.
type subject uint64

const (
	ofPerson subject = iota + 1
	ofIdentity
	ofStructure
	ofVariant
	ofBlock
	ofRPPS
	ofFINESS
	ofNumber
	ofCommune
)

// draw is a sequence of numbers that follows from the seed, the subject and a place.
type draw uint64

func (p *Population) draw(s subject, place int) draw {
	return draw(mix(p.seed+uint64(s)*golden) + mix(uint64(place)*golden+uint64(s)))
}

func (d *draw) next() uint64 {
	*d += golden
	return mix(uint64(*d))
}

// below is a number from zero to n-1.
func (d *draw) below(n int) int { return int(d.next() >> 33 % uint64(n)) }

// in tells whether a chance of out of a hundred came true.
func (d *draw) in(percent int) bool { return d.below(100) < percent }

// skewed is a number from zero to n-1, the small ones more often, as names are.
func (d *draw) skewed(n int) int {
	a, b := d.below(n), d.below(n)
	return a * (b + n/4) / (n + n/4)
}

// permutation is a bijection of the numbers below left*right that a key chooses, and its inverse: a
// Feistel network over an uneven pair of halves.
type permutation struct {
	key         uint64
	left, right uint64
}

const rounds = 4

func (p permutation) apply(n int) int {
	l, r := uint64(n)/p.right, uint64(n)%p.right
	for i := uint64(0); i < rounds; i += 2 {
		l = (l + mix(p.key+i*golden+r)%p.left) % p.left
		r = (r + mix(p.key+(i+1)*golden+l)%p.right) % p.right
	}
	return int(l*p.right + r)
}

func (p permutation) inverse(n int) int {
	l, r := uint64(n)/p.right, uint64(n)%p.right
	for i := uint64(0); i < rounds; i += 2 {
		k := rounds - 2 - i
		r = (r + p.right - mix(p.key+(k+1)*golden+l)%p.right) % p.right
		l = (l + p.left - mix(p.key+k*golden+r)%p.left) % p.left
	}
	return int(l*p.right + r)
}
