package psc

import (
	"testing"
	"time"
)

// What was worked out lately is kept, a bounded number of values, and not for long.
func TestRecent(t *testing.T) {
	var r recent[int, int]
	now := time.Now()
	for i := range 10 * recentSize {
		r.put(i, -i, now)
	}
	if n := len(r.young) + len(r.old); n > 2*recentSize {
		t.Errorf("%d values are kept", n)
	}
	if v, ok := r.get(10*recentSize - 1); !ok || v != 1-10*recentSize {
		t.Errorf("the last value is %d, %v", v, ok)
	}
	if _, ok := r.get(0); ok {
		t.Error("the first value is kept")
	}
	r.put(-1, 1, now.Add(2*recentKept))
	if n := len(r.young) + len(r.old); n != 1 {
		t.Errorf("%d values are kept after their time", n)
	}
}
