//go:build linux

package cluster

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// service is what clients miss when it is away.
type service struct {
	name  string
	kinds []kind
}

var services = []service{
	{"OCSP", []kind{status}},
	{"CRL", []kind{crl}},
	{"orders, revocation", []kind{place, withdraw, download, revoke}},
	{"logins", []kind{login, redeem}},
}

// before are the faults that were under way at what shows a violation, or up to ten seconds before.
func before(v violation, events []happened) string {
	var b strings.Builder
	for _, e := range events {
		near := func(o operation) bool { return e.begin < o.ret && o.call < e.end+10*time.Second }
		if slices.ContainsFunc(v.ops, near) {
			fmt.Fprintf(&b, "\n    %12.6f to %12.6f s  %s", e.begin.Seconds(), e.end.Seconds(), e.name)
		}
	}
	return b.String()
}

// longest is for how long at most no operation through HAProxy succeeded within a time.
func longest(h []operation, kinds []kind, begin, end time.Duration) (gap time.Duration) {
	last := begin
	for _, o := range h { // in the order in which they ended
		if o.outcome != ok || o.node != "" || !slices.Contains(kinds, o.kind) || o.ret < begin {
			continue
		}
		if o.ret > end {
			break
		}
		gap, last = max(gap, o.ret-last), o.ret
	}
	return max(gap, end-last)
}

// report is what a soak shows: operations and failures by kind, and for how long after each kind of
// fault nothing succeeded.
func report(h []operation, events []happened) string {
	var b strings.Builder
	for _, k := range []kind{place, withdraw, download, revoke, status, crl, login, redeem} {
		count, failures, took := map[outcome]int{}, map[string]int{}, time.Duration(0)
		for _, o := range h {
			if o.kind != k || o.node != "" {
				continue
			}
			count[o.outcome]++
			if o.outcome == ok {
				took += o.ret - o.call
			} else {
				failures[fmt.Sprintf("%s (%s)", o.failure, o.outcome)]++
			}
		}
		fmt.Fprintf(
			&b,
			"%-9s %6d ok in %s, %d refused, %d unknown: %v\n",
			k,
			count[ok],
			(took / time.Duration(max(1, count[ok]))).Round(
				time.Millisecond,
			),
			count[refused],
			count[unknown],
			failures,
		)
	}
	direct := map[string]int{}
	for _, o := range h {
		if o.node != "" {
			direct[fmt.Sprint(o.kind, " ", o.outcome)]++
		}
	}
	fmt.Fprintf(&b, "Of nodes themselves: %v\n", direct)
	fmt.Fprintf(&b, "Longest time without success:\n%-52s times", "")
	for _, s := range services {
		fmt.Fprintf(&b, "  %18s", s.name)
	}
	var names []string
	for _, e := range events {
		if !slices.Contains(names, e.name) {
			names = append(names, e.name)
		}
	}
	slices.Sort(names)
	for _, name := range append(names, "between faults") {
		var gaps [8]time.Duration
		times := 0
		for i, e := range events {
			begin, end := e.begin, e.end+time.Second
			if name == "between faults" {
				begin, end = max(0, e.begin-time.Second), e.begin
				if i > 0 {
					begin = events[i-1].end + time.Second
				}
			} else if e.name != name {
				continue
			}
			times++
			for j, s := range services {
				gaps[j] = max(gaps[j], longest(h, s.kinds, begin, end))
			}
		}
		fmt.Fprintf(&b, "\n%-52s %5d", name, times)
		for j := range services {
			fmt.Fprintf(&b, "  %18s", gaps[j].Round(10*time.Millisecond))
		}
	}
	return b.String()
}
