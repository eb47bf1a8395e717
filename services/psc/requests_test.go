package psc

import (
	"strconv"
	"strings"
	"testing"
)

// The last calls are remembered in their order, and of what a client sends a part only.
func TestRequests(t *testing.T) {
	r := newRequests()
	if list, _ := r.After(0, ""); len(list) != 0 {
		t.Errorf("%d calls at first", len(list))
	}
	_, wake := r.After(0, "")
	for i := range maxCalls + 10 {
		c := Call{Client: "client-" + strconv.Itoa(i%2)}
		c.found("PSC-PARAMETER", strings.Repeat("é", maxSeen))
		r.add(c)
	}
	select {
	case <-wake:
	default:
		t.Error("nobody was woken")
	}
	list, _ := r.After(0, "")
	if len(list) != maxCalls || list[0].Number != 11 || list[maxCalls-1].Number != maxCalls+10 {
		t.Errorf("%d calls, from %d", len(list), list[0].Number)
	}
	if seen := list[0].Found[0].Seen; len(seen) > maxSeen+len("…") || !strings.HasSuffix(seen, "é…") {
		t.Errorf("%d bytes are remembered: %q", len(seen), seen)
	}
	if list, _ := r.After(maxCalls+8, ""); len(list) != 2 {
		t.Errorf("%d calls after the last but two", len(list))
	}
	if list, _ := r.After(maxCalls+8, "client-1"); len(list) != 1 || list[0].Client != "client-1" {
		t.Errorf("%v", list)
	}
}
