package recent

import (
	"errors"
	"testing"
)

// Values are read once while the feed is followed, and again after a change; what was read before a
// change, or could not be read, is not kept.
func TestCopies(t *testing.T) {
	var c Copies[int]
	value, reads, current := 1, 0, true
	read := func() (int, error) { reads++; return value, nil }
	want := func(what string, wantValue, wantReads int) {
		t.Helper()
		reads = 0
		for range 3 {
			if got, err := c.Get("a", read); got != wantValue || err != nil {
				t.Fatalf("%s: %d, %v", what, got, err)
			}
		}
		if reads != wantReads {
			t.Errorf("%s: %d reads, want %d", what, reads, wantReads)
		}
	}
	want("nobody follows the feed", 1, 3)
	c.Keep(func() bool { return current })
	want("followed", 1, 1)
	value = 2
	want("before the feed says so", 1, 0)
	c.Forget()
	want("changed", 2, 1)
	current = false
	value = 3
	want("the feed is late", 3, 3)
	current = true
	c.Forget()
	if got, _ := c.Get("b", func() (int, error) { c.Forget(); return 4, nil }); got != 4 {
		t.Fatal(got)
	}
	if got, _ := c.Get("b", func() (int, error) { return 5, nil }); got != 5 {
		t.Error("what was read before a change is kept")
	}
	if _, err := c.Get("d", func() (int, error) { return 0, errors.New("no") }); err == nil {
		t.Fatal("no error")
	}
	if got, err := c.Get("d", func() (int, error) { return 6, nil }); got != 6 || err != nil {
		t.Errorf("after an error: %d, %v", got, err)
	}
}
