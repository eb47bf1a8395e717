package recent

import (
	"testing"
	"time"
)

// What was worked out lately is kept, a bounded number of values, and not for long.
func TestMap(t *testing.T) {
	var m Map[int, int]
	now := time.Now()
	for i := range 10 * Most {
		m.Put(i, -i, now)
	}
	if n := len(m.young) + len(m.old); n > 2*Most {
		t.Errorf("%d values are kept", n)
	}
	if v, ok := m.Get(10*Most - 1); !ok || v != 1-10*Most {
		t.Errorf("the last value is %d, %v", v, ok)
	}
	if _, ok := m.Get(0); ok {
		t.Error("the first value is kept")
	}
	m.Put(-1, 1, now.Add(2*Kept))
	if n := len(m.young) + len(m.old); n != 1 {
		t.Errorf("%d values are kept after their time", n)
	}
}

// A document is parsed once a version; what cannot be parsed is an error and leaves what was known.
func TestParsed(t *testing.T) {
	var p Parsed[struct{ A int }]
	now := time.Now()
	if p.Last("x") != nil {
		t.Error("something is known of a document that was not read")
	}
	for _, tt := range []struct {
		version  uint64
		document string
		want     int // of A; -1 for an error
	}{
		{1, `{"A":1}`, 1},
		{1, `{"A":2}`, 1}, // not looked at
		{2, `{"A":2}`, 2},
		{3, `{"A":`, -1},
		{2, "", 2},
		{1, `{"A":1}`, 1}, // a version that goes back is another one too
	} {
		switch v, err := p.Parse("x", tt.version, []byte(tt.document), now); {
		case tt.want < 0 && err == nil, tt.want >= 0 && (err != nil || v.A != tt.want):
			t.Errorf("version %d, %s: %v, %v", tt.version, tt.document, v, err)
		}
	}
	if last := p.Last("x"); last == nil || last.A != 1 {
		t.Errorf("the last one is %v", last)
	}
}
